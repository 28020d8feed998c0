package apicheck

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/roster-sd/roster/wire"
)

// Every error of the native surface is a problem whose status and code are those of the
// table in wire; those of the loopback surface have its shape.
func TestErrorsAreProblems(t *testing.T) {
	code := map[string]string{
		"400": wire.CodeInvalid, "401": wire.CodeUnauthenticated, "403": wire.CodeForbidden,
		"404": wire.CodeNotFound, "405": wire.CodeMethod, "409": wire.CodeConflict,
		"410": wire.CodeLeaseLost, "413": wire.CodeTooLarge, "415": wire.CodeMediaType,
		"421": wire.CodeMisdirected, "429": wire.CodeRateLimited, "500": wire.CodeInternal,
		"503": wire.CodeUnavailable,
	}
	seen := make(map[string]bool)
	check := func(t *testing.T, status string, r node) {
		t.Helper()
		content := r.get("content")
		schema := content.get(wire.ContentTypeProblem).member("schema")
		if kinds, _ := content.value.(map[string]any); len(kinds) != 1 || schema.member("$ref").text() != "#/components/schemas/Problem" {
			t.Errorf("%s is not a Problem", status)
			return
		}
		properties := schema.member("properties")
		if got := fmt.Sprint(properties.get("status").member("const").value); got != status {
			t.Errorf("%s: the body's status is %s", status, got)
		}
		if got := properties.get("code").member("const").text(); got != code[status] {
			t.Errorf("%s: the code is %q, not %q", status, got, code[status])
		}
		seen[status] = true
		if retry := r.get("headers").member("Retry-After").exists(); retry != (status == "429" || status == "503") {
			t.Errorf("%s: Retry-After: %t", status, retry)
		}
	}
	eachOperation(t, func(t *testing.T, path string, op node) {
		local := slices.Contains(op.get("tags").value.([]any), any("loopback"))
		for status, r := range op.get("responses").members() {
			schema := r.get("content").get("application/json").member("schema").member("$ref").text()
			switch {
			case status < "400":
			case local:
				if schema != "#/components/schemas/LocalError" {
					t.Errorf("%s is not a LocalError", status)
				}
			case path == "/ready" && status == "503":
				if schema != "#/components/schemas/Health" {
					t.Errorf("%s is not Health", status)
				}
			default:
				check(t, status, r)
			}
		}
	})
	responses := published(t).get("components").get("responses")
	check(t, "405", responses.get("MethodNotAllowed"))
	for _, name := range []string{"LocalNotFound", "LocalMethodNotAllowed"} {
		if got := responses.get(name).get("content").get("application/json").member("schema").member("$ref").text(); got != "#/components/schemas/LocalError" {
			t.Errorf("%s is not a LocalError", name)
		}
	}
	if len(seen) != len(code) {
		t.Errorf("errors: %v", slices.Sorted(maps.Keys(seen)))
	}
	var codes []string
	for c := range published(t).get("components").get("schemas").get("ErrorCode").get("enum").items() {
		codes = append(codes, c.text())
	}
	if slices.Sort(codes); !slices.Equal(codes, slices.Sorted(maps.Values(code))) {
		t.Errorf("codes: %q", codes)
	}
}

// What every answer of the native API has (WIRE.md), and what guards its writes.
func TestNativeConventions(t *testing.T) {
	eachOperation(t, func(t *testing.T, path string, op node) {
		if !strings.HasPrefix(path, "/registry/") {
			return
		}
		responses := op.get("responses")
		for status, r := range responses.members() {
			headers := r.get("headers")
			if !headers.member(wire.HeaderRevision).exists() || !headers.member(wire.HeaderStale).exists() || !headers.member(wire.HeaderAge).exists() {
				t.Errorf("%s lacks a header of every answer", status)
			}
			if status < "400" && !headers.get(wire.HeaderRevision).get("required").flag() {
				t.Errorf("%s: %s is not required", status, wire.HeaderRevision)
			}
			if status == "304" && (!headers.get("ETag").get("required").flag() || !responses.get("200").get("headers").get("ETag").get("required").flag()) {
				t.Errorf("%s without an ETag, here or in 200", status)
			}
		}
		for _, status := range []string{"401", "403", "421", "429", "500"} {
			if !responses.member(status).exists() {
				t.Errorf("no %s", status)
			}
		}
		body := op.get("requestBody")
		if !body.exists() {
			return
		}
		if !body.get("required").flag() {
			t.Error("the body is not required")
		}
		for _, status := range []string{"400", "413", "415"} {
			if !responses.member(status).exists() {
				t.Errorf("no %s", status)
			}
		}
	})
}

// Unknown fields of native writes are refused, and those of answers are let be.
func TestRequestsAreClosedAndAnswersOpen(t *testing.T) {
	eachOperation(t, func(t *testing.T, path string, op node) {
		if !strings.HasPrefix(path, "/registry/") {
			return
		}
		open(t, op.get("requestBody").get("content").get("application/json").get("schema"), false)
		for _, r := range op.get("responses").members() {
			for _, media := range r.get("content").members() {
				open(t, media.get("schema"), true)
				for _, event := range media.get("x-sse-events").members() {
					open(t, event, true)
				}
			}
		}
	})
}

// open fails unless every object within the schema that names properties takes others too,
// or none does.
func open(t *testing.T, schema node, want bool) {
	t.Helper()
	others, said := schema.get("additionalProperties").value.(bool)
	if schema.member("properties").exists() && (!said || others) != want {
		t.Errorf("%s: takes other properties: %t", schema.pointer, !want)
	}
	for _, p := range schema.get("properties").members() {
		open(t, p, want)
	}
	if items := schema.get("items"); items.exists() {
		open(t, items, want)
	}
}
