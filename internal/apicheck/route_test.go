package apicheck

import (
	"maps"
	"net/http"
	"testing"
)

func TestRoutes(t *testing.T) {
	doc, err := strictDocument()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		method, target string
		operation      string // empty: none
		path           bool
		parameters     map[string]string
	}{
		{"GET", "/registry/services", "listServices", true, nil},
		{"GET", "/registry/services/auth?zone=x", "getService", true, map[string]string{"serviceName": "auth"}},
		{"DELETE", "/registry/services/auth/a%3A1", "deregister", true, map[string]string{"serviceName": "auth", "instanceId": "a:1"}},
		{"GET", "/registry/services/a%2Fb", "getService", true, map[string]string{"serviceName": "a/b"}},
		{"GET", "/resolve/auth", "localResolve", true, map[string]string{"name": "auth"}},
		{"GET", "/openapi.json", "openapiJSON", true, nil},
		{"POST", "/registry/services", "", true, nil},
		{"HEAD", "/registry/services", "listServices", true, nil},
		{"HEAD", "/health", "health", true, nil},
		{"HEAD", "/registry/watch", "", true, nil},
		{"HEAD", "/registry/register", "", true, nil},
		{"HEAD", "/list", "", true, nil},
		{"GET", "/registry/services/", "", false, nil},
		{"GET", "/registry/services/auth/", "", false, nil},
		{"GET", "/registry//auth", "", false, nil},
		{"GET", "/", "", false, nil},
	} {
		got := doc.route(request(c.method, c.target, ""))
		id := ""
		if got.op != nil {
			id = got.op.id
		}
		if id != c.operation || got.path != c.path || id != "" && !maps.Equal(got.parameters, c.parameters) {
			t.Errorf("%s %s: got %q, %v, %v", c.method, c.target, id, got.path, got.parameters)
		}
	}
}

// What the loopback surface answers where it has no operation has its shape; on a node
// without that surface, and everywhere else, such an answer is a problem.
func TestStraysHaveTheShapeOfTheirSurface(t *testing.T) {
	const (
		local   = `{"ok":false,"error":"there is nothing here"}`
		problem = "application/problem+json"
		method  = `{"type":"about:blank","title":"x","status":405,"code":"method_not_allowed"}`
	)
	allow, ours := []string{"Allow", "POST"}, []string{"Registry-Revision", ""}
	both := append(ours, allow...)
	for _, c := range []struct {
		name   string
		target string
		answer http.HandlerFunc
		want   string // part of the error; empty: there is none
	}{
		{"loopback method", "/register", answer(405, asJSON, local, both...), ""},
		{"loopback method without Allow", "/register", answer(405, asJSON, local, ours...), "header Allow is missing"},
		{"loopback path", "/resolve/a/b", answer(404, asJSON, local, ours...), ""},
		{"loopback path of a node without it", "/resolve/a/b", answer(404, problem, closed), ""},
		{"native method", "/registry/register", answer(405, problem, method, allow...), ""},
		{"loopback guard", "/resolve/a/b", answer(421, asJSON, local, ours...), ""},
		{"native guard", "/registry/a/b/c", answer(403, problem, `{"type":"about:blank","title":"x","status":403,"code":"forbidden"}`), ""},
		{"no path, as if a method were missing", "/registry/a/b/c", answer(405, problem, method, allow...), "is not in the description"},
		{"no method, as if the path were missing", "/registry/register", answer(404, problem, closed), "is not in the description"},
		{"native method in the other shape", "/registry/register", answer(405, asJSON, local, allow...), "content type"},
		{"native path in the other shape", "/registry/a/b/c", answer(404, asJSON, local), "content type"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := request("PUT", c.target, "")
			r = r.WithContext(Bad(r.Context()))
			wants(t, send(t, r, c.answer), c.want)
		})
	}
}

// Of two paths that fit, the one with fewer parameters is meant, and the other is not
// asked for methods that it lacks.
func TestLiteralPathsWin(t *testing.T) {
	doc := &document{operations: []*operation{
		{id: "one", method: "GET", segments: []string{"", "a", "{x}"}},
		{id: "delete", method: "DELETE", segments: []string{"", "a", "{x}"}},
		{id: "literal", method: "GET", segments: []string{"", "a", "b"}},
		{id: "two", method: "GET", segments: []string{"", "{y}", "{x}"}},
	}}
	for target, want := range map[string]string{"/a/b": "literal", "/a/c": "one", "/c/c": "two"} {
		if got := doc.route(request("GET", target, "")); got.op == nil || got.op.id != want {
			t.Errorf("GET %s: got %+v, want %s", target, got, want)
		}
	}
	if got := doc.route(request("DELETE", "/a/b", "")); got.op != nil || !got.path {
		t.Errorf("DELETE /a/b: got %+v", got)
	}
}
