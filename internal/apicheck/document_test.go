package apicheck

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/roster-sd/roster/api"
)

// published gives the description as it is, not made strict.
func published(t *testing.T) node {
	t.Helper()
	raw, err := jsonschema.UnmarshalJSON(bytes.NewReader(api.OpenAPIJSON()))
	if err != nil {
		t.Fatal(err)
	}
	return node{root: raw, value: raw}
}

// eachOperation goes through the operations of the description.
func eachOperation(t *testing.T, visit func(t *testing.T, path string, op node)) {
	t.Helper()
	for path, item := range published(t).get("paths").members() {
		for method, op := range item.members() {
			if slices.Contains(methods, strings.ToUpper(method)) {
				t.Run(strings.ToUpper(method)+" "+path, func(t *testing.T) { visit(t, path, op) })
			}
		}
	}
}

func TestDocumentIsValid(t *testing.T) {
	for name, text := range map[string][]byte{"YAML": api.OpenAPIYAML(), "JSON": api.OpenAPIJSON()} {
		doc, err := openapi3.NewLoader().LoadFromData(text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := doc.Validate(t.Context(), openapi3.EnableMultiError(), openapi3.EnableExamplesValidation()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !doc.IsOpenAPI31OrLater() {
			t.Errorf("%s: version %s", name, doc.OpenAPI)
		}
	}
}

// The table of WIRE.md: native, operations and loopback.
func TestDocumentHasEveryRoute(t *testing.T) {
	want := []string{
		"DELETE /registry/admin/overrides/{serviceName}/{instanceId}",
		"DELETE /registry/services/{serviceName}/{instanceId}",
		"GET /health",
		"GET /list",
		"GET /metrics",
		"GET /openapi.json",
		"GET /openapi.yaml",
		"GET /ready",
		"GET /registry/admin/denials",
		"GET /registry/admin/dump",
		"GET /registry/admin/overrides",
		"GET /registry/events",
		"GET /registry/explain/{serviceName}",
		"GET /registry/explain/{serviceName}/{instanceId}",
		"GET /registry/resolve/{serviceName}",
		"GET /registry/services",
		"GET /registry/services/{serviceName}",
		"GET /registry/services/{serviceName}/{instanceId}",
		"GET /registry/watch",
		"GET /resolve/{name}",
		"PATCH /registry/services/{serviceName}/{instanceId}",
		"POST /heartbeat",
		"POST /register",
		"POST /registry/admin/policies/check",
		"POST /registry/heartbeat",
		"POST /registry/heartbeats",
		"POST /registry/register",
		"POST /registry/token/rotate",
		"POST /unregister",
		"PUT /registry/admin/overrides/{serviceName}/{instanceId}",
	}
	var got []string
	for _, op := range strictOperations(t) {
		got = append(got, op.method+" "+op.path)
	}
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestOperationsAreDescribed(t *testing.T) {
	tags := make(map[string]bool)
	for tag := range published(t).get("tags").items() {
		tags[tag.get("name").text()] = tag.get("description").text() != ""
	}
	ids := make(map[string]bool)
	eachOperation(t, func(t *testing.T, path string, op node) {
		id := op.get("operationId").text()
		if id == "" || ids[id] {
			t.Errorf("operationId %q is missing or taken", id)
		}
		ids[id] = true
		if summary := op.get("summary").text(); summary == "" || strings.HasSuffix(summary, ".") {
			t.Errorf("summary %q", summary)
		}
		n := 0
		for tag := range op.get("tags").items() {
			if n++; !tags[tag.text()] {
				t.Errorf("tag %q is not described", tag.text())
			}
		}
		if n == 0 {
			t.Error("no tag")
		}
		for p := range op.get("parameters").items() {
			if p.get("description").text() == "" || !p.member("example").exists() {
				t.Errorf("parameter %s has no description or no example", p.get("name").text())
			}
		}
		for status, r := range op.get("responses").members() {
			if r.get("description").text() == "" {
				t.Errorf("%s has no description", status)
			}
		}
	})
}

func TestMethodsAreThoseOfHTTP(t *testing.T) {
	for path, item := range published(t).get("paths").members() {
		for name := range item.members() {
			switch name {
			case "parameters", "servers", "summary", "description":
			default:
				if method := strings.ToUpper(name); !slices.Contains(methods, method) || method == http.MethodTrace {
					t.Errorf("%s: %s", path, name)
				}
			}
		}
	}
}
