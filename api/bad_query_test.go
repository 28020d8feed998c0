package api_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/roster-sd/roster/wire"
)

// What a parameter does not take, by its name.
var badParameters = map[string][]string{
	"limit":      {"", "0", "-1", "10001", "1.5", "1e3", "+5", "0x10", " 5", "five", "9223372036854775808", "4294967297"},
	"after":      {"", ".", "..", "a/b", "a b", "\x00", "é", strings.Repeat("a", 129)},
	"wait":       {"", "30", "-1s", "5m1ns", "1h", "30 s", "s", "1e3s", "99999999999h", "NaN", "30S"},
	"consistent": {"", "1", "0", "yes", "TRUE", "True", "true "},
	"strategy":   {"", "roundrobin", "ROUND_ROBIN", "weighted ", "least"},
	"status":     {"", "UP", "up,draining", "any"},
	"version":    {"", strings.Repeat("a", 1025)},
	"env":        {""},
	"zone":       {""},
	"role":       {""},
	"tag":        {""},
	"meta.":      {"", "a"},
	"service":    {"", "-", "..", "a/b", "a b", "\x00", "é", strings.Repeat("a", 64), "*"},
	"instance":   {"", "..", "a/b", "a b", "\x00", strings.Repeat("a", 129)},
	"reason":     {"\x00", "a\nb", "a\tb", "\x7f", "\u0085", "\xff", strings.Repeat("a", 257), strings.Repeat("é", 129)},
}

// queried is a route with the parameters that it knows.
type queried struct {
	method, path string
	known        []string
}

func queriedRoutes() []queried {
	filters := []string{"version", "env", "zone", "role", "status", "tag", "meta."}
	with := func(more ...string) []string { return slices.Concat(filters, more) }
	return []queried{
		{"GET", "/registry/services", []string{"wait", "consistent"}},
		{"GET", "/registry/services/orders", with("wait", "consistent", "limit", "after")},
		{"GET", "/registry/services/orders/o-1", []string{"consistent"}},
		{"GET", "/registry/resolve/orders", with("strategy", "consistent")},
		{"GET", "/registry/watch", with("service")},
		{"GET", "/registry/events", []string{"service", "instance", "limit"}},
		{"GET", "/registry/explain/orders", []string{"limit"}},
		{"GET", "/registry/explain/orders/o-1", []string{"limit"}},
		{"DELETE", "/registry/services/orders/o-1", []string{"reason"}},
		{"GET", "/ready", nil},
	}
}

func TestQueries(t *testing.T) {
	w := inhabit(start(t, setup{}))
	opts := []option{withToken(w.orders.Token)}
	for _, r := range queriedRoutes() {
		send := func(name, query, want string) {
			w.refuse(fault{name: r.method + " " + r.path + " " + name, method: r.method, path: r.path + "?" + query, opts: opts, want: want})
		}
		refuse := func(name, query, fields string) { send(name, query, "400 invalid_request: "+fields) }
		for name, values := range badParameters {
			if !slices.Contains(r.known, name) {
				// Not even a good value makes it one of the route's.
				refuse("with "+name, url.QueryEscape(name)+"=a", name)
				continue
			}
			for _, value := range values {
				refuse(name+"="+value[:min(len(value), 20)], url.Values{name: {value}}.Encode(), name)
			}
		}
		refuse("a typo", "versoin=1", "versoin")
		refuse("in capitals", "Version=1&ZONE=a", "Version ZONE")
		refuse("no name", "=1", "")
		refuse("invalid UTF-8", "%ff%fe=1", "\uFFFD")
		refuse("a control character", "a%00b=1", "a\x00b")
		refuse("a very long name", strings.Repeat("a", 5000)+"=1", strings.Repeat("a", 64)+"…")
		refuse("many", "c=1&a=1&b=1", "a b c")
		send("a percent sign", "a=%", "400 invalid_request")
		send("a percent sign and no digits", "a=%zz", "400 invalid_request")
		send("a semicolon", "a=1;b=2", "400 invalid_request")
	}
}

// A parameter that stands twice means nothing, but for those that add up.
func TestRepeatedParameters(t *testing.T) {
	w := inhabit(start(t, setup{}))
	good := map[string]string{"limit": "5", "after": "a", "wait": "0s", "consistent": "true", "strategy": "random", "status": "up",
		"version": "1", "env": "e", "zone": "z", "role": "r", "meta.a": "b", "instance": "o-1", "reason": "why"}
	for _, r := range queriedRoutes() {
		for name, value := range good {
			if !slices.Contains(r.known, name) && (name != "meta.a" || !slices.Contains(r.known, "meta.")) {
				continue
			}
			query := name + "=" + value + "&" + name + "=" + value
			w.refuse(fault{method: r.method, path: r.path + "?" + query, opts: []option{withToken(w.orders.Token)}, want: "400 invalid_request: " + name})
		}
	}
	w.refuse(
		fault{method: "GET", path: "/registry/events?service=orders&service=shop", want: "400 invalid_request: service"},
		fault{method: "GET", path: "/ready?strict&strict", want: "400 invalid_request: strict"},
	)
	w.get("/registry/services/orders?tag=a&tag=b&meta.a=1&meta.b=2").want(200)
}

// The key and its strategy go together, and all that is wrong is told at once.
func TestParametersTogether(t *testing.T) {
	w := inhabit(start(t, setup{}))
	w.refuse(
		fault{method: "GET", path: "/registry/resolve/orders?strategy=hash", want: "400 invalid_request: key"},
		fault{method: "GET", path: "/registry/resolve/orders?strategy=hash&key=", want: "400 invalid_request: key"},
		fault{method: "GET", path: "/registry/resolve/orders?key=user-1", want: "400 invalid_request: key"},
		fault{method: "GET", path: "/registry/resolve/orders?strategy=random&key=user-1", want: "400 invalid_request: key"},
		fault{method: "GET", path: "/registry/resolve/orders?strategy=hash&key=" + strings.Repeat("k", 1025), want: "400 invalid_request: key"},
		fault{method: "GET", path: "/registry/services/orders?limit=0&after=%2F&wait=x&consistent=1&status=x&tag=&colour=red",
			want: "400 invalid_request: after colour consistent limit status tag wait"},
	)
}

// Good queries of every kind choose what they say.
func TestFilters(t *testing.T) {
	n := start(t, setup{})
	put := func(id, members string) {
		n.do("POST", "/registry/register", `{"serviceName":"orders","instanceId":"`+id+`","port":1,`+members+`}`).want(201)
	}
	put("a", `"version":"1","zone":"x","tags":["blue","canary"],"metadata":{"team":"pay","empty":""}`)
	put("b", `"version":"1","zone":"y","env":"prod","tags":["blue"],"metadata":{"team":"pay ments&=é"}`)
	put("c", `"version":"2","role":"primary","status":"draining"`)
	for query, want := range map[string]string{
		"":                                "a b c",
		"version=1":                       "a b",
		"version=3":                       "",
		"zone=y&version=1":                "b",
		"env=prod":                        "b",
		"role=primary":                    "c",
		"status=draining":                 "c",
		"status=up":                       "a b",
		"tag=blue":                        "a b",
		"tag=blue&tag=canary":             "a",
		"meta.team=pay":                   "a",
		"meta.team=pay+ments%26%3D%C3%A9": "b",
		"meta.empty=":                     "a",
		"meta.none=":                      "",
		"limit=2":                         "a b >b",
		"limit=3":                         "a b c",
		"limit=1&after=a":                 "b >b",
		"after=aa":                        "b c",
		"after=c":                         "",
		"limit=1&version=1":               "a >a",
		"limit=1&version=1&after=a":       "b",
		"limit=10000&consistent=true":     "a b c",
		"consistent=false&wait=0s":        "a b c",
	} {
		got := decode[wire.Service](n.get("/registry/services/orders?" + query).want(200))
		list := ids(got.Instances)
		if got.Next != "" {
			list += " >" + got.Next
		}
		if list != want {
			t.Errorf("%s: %q, want %q", query, list, want)
		}
	}
	for query, want := range map[string]string{
		"version=2&status=draining":            "c",
		"zone=y&strategy=random":               "b",
		"zone=y&strategy=weighted":             "b",
		"zone=y&strategy=recent":               "b",
		"zone=y&strategy=hash&key=u":           "b",
		"zone=y&consistent=true":               "b",
		"strategy=round_robin&tag=canary":      "a",
		"meta.team=pay&strategy=hash&key=%00é": "a",
	} {
		if got := decode[wire.Instance](n.get("/registry/resolve/orders?" + query).want(200)); got.InstanceID != want {
			t.Errorf("resolve %s: %q, want %q", query, got.InstanceID, want)
		}
	}
	n.get("/registry/resolve/orders?version=2").problem(503, wire.CodeUnavailable)
	n.get("/registry/resolve/nothing").problem(404, wire.CodeNotFound)
}

// ids gives the IDs of instances.
func ids(list []wire.Instance) string {
	var out []string
	for _, in := range list {
		out = append(out, in.InstanceID)
	}
	return strings.Join(out, " ")
}
