package apicheck

import (
	"io"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/roster-sd/roster/api"
)

// TestExamples validates every example of the description, and with the strictness of a
// Checker, so that none shows a field that does not exist.
func TestExamples(t *testing.T) {
	root := published(t)
	closed := published(t)
	closeDocument(closed.value)
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	compiler.AssertFormat()
	if err := compiler.AddResource(documentURL, closed.value); err != nil {
		t.Fatal(err)
	}
	x := &examples{t: t, compiler: compiler}
	x.walk(root)
	if x.count < 100 {
		t.Errorf("only %d examples found", x.count)
	}
}

type examples struct {
	t        *testing.T
	compiler *jsonschema.Compiler
	count    int
}

// walk looks everywhere but into examples and behind references.
func (x *examples) walk(n node) {
	switch v := n.value.(type) {
	case map[string]any:
		if n.member("schema").exists() {
			x.described(n)
		}
		if list, ok := n.member("examples").value.([]any); ok {
			for i := range list {
				x.check(n, "", list[i])
			}
		}
		for name := range v {
			if name != "example" && name != "examples" {
				x.walk(n.member(name))
			}
		}
	case []any:
		for i := range v {
			x.walk(n.index(i))
		}
	}
}

// described checks the examples of a parameter, header or media type.
func (x *examples) described(n node) {
	if one := n.member("example"); one.exists() {
		x.check(n, "schema", one.value)
	}
	for name, example := range n.get("examples").members() {
		value := example.member("value")
		if !value.exists() {
			x.t.Errorf("%s: example %s has no value", n.pointer, name)
			continue
		}
		x.check(n, "schema", value.value)
		if n.member("x-sse-events").exists() {
			x.stream(value.text())
		}
	}
}

func (x *examples) check(n node, schema string, value any) {
	x.t.Helper()
	x.count++
	at := n.pointer
	if schema != "" {
		at = n.member(schema).pointer
	}
	compiled, err := x.compiler.Compile(documentURL + "#" + escapeFragment(at))
	if err != nil {
		x.t.Errorf("%s: %v", at, err)
		return
	}
	if err := explain(compiled.Validate(value)); err != nil {
		x.t.Errorf("%s: example %v: %v", at, value, err)
	}
}

// stream sends an example of a stream through a checker.
func (x *examples) stream(text string) {
	x.t.Helper()
	wants(x.t, send(x.t, request("GET", "/registry/watch", ""), answer(200, "text/event-stream", text)), "")
}

// Whoever reads about a body finds an example beside it.
func TestBodiesHaveExamples(t *testing.T) {
	has := func(t *testing.T, what string, content node) {
		t.Helper()
		for kind, media := range content.members() {
			if isJSON(kind) && !media.member("example").exists() && !media.member("examples").exists() {
				t.Errorf("%s, %s: no example", what, kind)
			}
		}
	}
	eachOperation(t, func(t *testing.T, path string, op node) {
		if path == "/openapi.json" {
			return // it is its own example
		}
		has(t, "request", op.get("requestBody").get("content"))
		for status, r := range op.get("responses").members() {
			has(t, status, r.get("content"))
		}
	})
}

// The description's own operations, through a checker.
func TestDescriptionServesItself(t *testing.T) {
	wants(t, send(t, request("GET", "/openapi.json", ""), answer(200, asJSON, string(api.OpenAPIJSON()))), "")
	wants(t, send(t, request("GET", "/openapi.yaml", ""), answer(200, "application/yaml", string(api.OpenAPIYAML()))), "")
}

// A body that was checked is read to its end by the caller as if nothing had happened.
func TestAnswerArrivesAsItWasSent(t *testing.T) {
	resp, err := New(t).Transport(handler(answer(200, asJSON, good))).RoundTrip(request("GET", "/registry/resolve/auth", ""))
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(resp.Body)
	if err != nil || string(got) != good {
		t.Errorf("got %q, %v", got, err)
	}
}
