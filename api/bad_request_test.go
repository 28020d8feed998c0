package api_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// A method that a path does not have is 405, and Allow says which it has.
func TestMethods(t *testing.T) {
	w := inhabit(start(t, setup{}))
	allowed := make(map[string][]string)
	for _, r := range w.api.Routes() {
		allowed[r.Path] = append(allowed[r.Path], r.Method)
		if r.Head() {
			allowed[r.Path] = append(allowed[r.Path], "HEAD")
		}
	}
	for path, has := range allowed {
		slices.Sort(has)
		at := strings.NewReplacer(":serviceName", "orders", ":instanceId", "o-1").Replace(path)
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get"} {
			if slices.Contains(has, method) {
				continue
			}
			t.Run(method+" "+path, func(t *testing.T) {
				n := w.in(t)
				n.unchanged(func() {
					res := n.do(method, at, nil, bad, withToken(w.orders.Token))
					allow := strings.Split(res.header.Get("Allow"), ", ")
					if slices.Sort(allow); res.status != http.StatusMethodNotAllowed || !slices.Equal(allow, has) {
						t.Errorf("%d, Allow: %s, want %s", res.status, allow, has)
					}
					if method != "HEAD" {
						res.problem(405, "method_not_allowed")
					}
				})
			})
		}
	}
}

// A write says that it is JSON, and is not compressed.
func TestContentTypes(t *testing.T) {
	w := inhabit(start(t, setup{}))
	contentType := func(values ...string) option {
		return func(r *http.Request) { r.Header["Content-Type"] = values }
	}
	for i, e := range w.endpoints() {
		for name, o := range map[string]option{
			"missing":            without("Content-Type"),
			"empty":              contentType(""),
			"text":               contentType("text/plain"),
			"a form":             contentType("application/x-www-form-urlencoded"),
			"a multipart form":   contentType("multipart/form-data; boundary=x"),
			"XML":                contentType("application/xml"),
			"like JSON":          contentType("application/jsonx"),
			"JSON of another":    contentType("application/problem+json"),
			"another charset":    contentType("application/json; charset=iso-8859-1"),
			"not a media type":   contentType("application/json; charset"),
			"two":                contentType("application/json", "application/json"),
			"two in one":         contentType("application/json, text/plain"),
			"gzip":               header("Content-Encoding", "gzip"),
			"gzip and more":      header("Content-Encoding", "identity, gzip"),
			"an unknown coding":  header("Content-Encoding", "x"),
			"deflate in capital": header("Content-Encoding", "DEFLATE"),
		} {
			w.refuse(fault{name: e.path + " " + name, method: e.method, path: e.path, body: e.good,
				opts: []option{withToken(e.token), o}, want: "415 unsupported_media_type"})
		}
		if i == 0 {
			continue // a registration that is taken changes the token
		}
		for _, o := range []option{contentType("application/json; charset=utf-8"), contentType("Application/JSON;charset=\"UTF-8\""),
			contentType("application/json;x=y"), header("Content-Encoding", "identity")} {
			w.in(t).do(e.method, e.path, e.good, withToken(e.token), o).want(200)
		}
	}
	// No body and no word about it, either.
	w.refuse(fault{method: "POST", path: "/registry/register", want: "415 unsupported_media_type"})
}

// Paths that are no route, or name nothing that can be named.
func TestPaths(t *testing.T) {
	w := inhabit(start(t, setup{}))
	service, instance := "400 invalid_request: serviceName", "400 invalid_request: instanceId"
	long := strings.Repeat("a", 5000)
	for path, want := range map[string]string{
		"/":                                  "404 not_found",
		"/registry":                          "404 not_found",
		"/registry/":                         "404 not_found",
		"/REGISTRY/services":                 "404 not_found",
		"//registry/services":                "404 not_found",
		"/registry//services":                "404 not_found",
		"/registry/services/":                "404 not_found",
		"/registry/services/orders/":         "404 not_found",
		"/registry/services/orders/o-1/":     "404 not_found",
		"/registry/services/orders/o-1/more": "404 not_found",
		"/registry/resolve":                  "404 not_found",
		"/registry/resolve/":                 "404 not_found",
		"/registry/watch/":                   "404 not_found",
		"/registry/admin":                    "404 not_found",
		"/registry/./services":               "404 not_found",
		"/registry/services/../services":     service, // a path is not cleaned: that is a service called ..
		"/health/":                           "404 not_found",
		"/registry/services/..":              service,
		"/registry/services/.":               service,
		"/registry/services/%2e%2e":          service,
		"/registry/services/orders%2Fo-1":    service,
		"/registry/services/orders%5Co-1":    service,
		"/registry/services/orders%00":       service,
		"/registry/services/orders%0A":       service,
		"/registry/services/%ff":             service,
		"/registry/services/%20orders":       service,
		"/registry/services/orders%20":       service,
		"/registry/services/orders%252e":     service,
		"/registry/services/or%C3%A9ders":    service,
		"/registry/services/or+ders":         service,
		"/registry/services/*":               service,
		"/registry/services/:serviceName":    service,
		"/registry/services/" + long:         service,
		"/registry/resolve/orders%2F":        service,
		"/registry/resolve/-":                service,
		"/registry/resolve/" + long:          service,
		"/registry/services/orders/..":       instance,
		"/registry/services/orders/%2E":      instance,
		"/registry/services/orders/a%2Fb":    instance,
		"/registry/services/orders/a%00b":    instance,
		"/registry/services/orders/a%25":     instance,
		"/registry/services/orders/a%20b":    instance,
		"/registry/services/orders/%C3%A9":   instance,
		"/registry/services/orders/" + long:  instance,
		"/registry/services/-/%00":           "400 invalid_request: instanceId serviceName",
	} {
		w.refuse(fault{method: "GET", path: path, opts: []option{rawPath(path)}, want: want})
	}
	for _, method := range []string{"PATCH", "DELETE"} {
		w.refuse(fault{method: method, path: "/registry/services/-/%00", body: `{"weight":1}`, opts: []option{withToken(w.orders.Token)},
			want: "400 invalid_request: instanceId serviceName"})
	}
}

// A path may spell a character in two ways; a plus is a plus.
func TestPathsThatMeanTheSame(t *testing.T) {
	n := start(t, setup{})
	n.register("orders", "a+b:c@d~e=f")
	for _, path := range []string{
		"/registry/services/orders/a+b:c@d~e=f",
		"/registry/services/orders/a%2Bb%3Ac%40d%7Ee%3Df",
		"/registry/services/orders/a+b%3Ac@d~e=f",
		"/registry/services/%6Frders/a+b:c@d~e=f",
	} {
		n.get(path, rawPath(path)).want(200)
	}
}
