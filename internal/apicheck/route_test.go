package apicheck

import (
	"maps"
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
		{"HEAD", "/registry/services", "", true, nil},
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
