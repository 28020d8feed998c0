package apicheck

import (
	"net/http"
	"slices"
	"testing"
)

func TestCoverage(t *testing.T) {
	var shared Coverage
	all := len(shared.Missing())
	if all < 100 || len(shared.Covered()) != 0 {
		t.Fatalf("of nothing: %d missing, %d covered", all, len(shared.Covered()))
	}
	if n := len(shared.Unseen()); n != len(strictOperations(t)) {
		t.Fatalf("of nothing: %d operations unseen", n)
	}
	get := func(target string, h http.HandlerFunc) {
		t.Helper()
		rec := &recorder{TB: t}
		if _, err := shared.New(rec).Transport(handler(h)).RoundTrip(request("GET", target, "")); err != nil {
			t.Fatal(err)
		}
	}
	get("/registry/services/auth/a-1", answer(404, "application/problem+json", closed))
	get("/registry/services/auth/a-1", answer(200, asJSON, good))
	get("/registry/services/orders/a-2", answer(200, asJSON, good))
	get("/registry/services/auth/a-1", answer(299, asJSON, good)) // promised by nobody, so it covers nothing
	get("/nowhere", answer(404, "application/problem+json", closed))

	want := []Exercise{
		{"getInstance", "GET", "/registry/services/{serviceName}/{instanceId}", 200},
		{"getInstance", "GET", "/registry/services/{serviceName}/{instanceId}", 404},
	}
	if got := shared.Covered(); !slices.Equal(got, want) {
		t.Errorf("covered: %v", got)
	}
	missing := shared.Missing()
	if len(missing) != all-2 {
		t.Errorf("%d missing, of %d", len(missing), all)
	}
	for _, e := range want {
		if slices.Contains(missing, e) {
			t.Errorf("%v is covered and missing", e)
		}
	}
	if unseen := shared.Unseen(); slices.Contains(unseen, "getInstance") || !slices.Contains(unseen, "getService") {
		t.Errorf("unseen: %v", unseen)
	}
	if s := want[0].String(); s != "GET /registry/services/{serviceName}/{instanceId} 200 (getInstance)" {
		t.Error(s)
	}
}

func TestCheckerCountsForItself(t *testing.T) {
	first, second := New(t), New(t)
	if _, err := first.Transport(handler(answer(200, asJSON, `{"ok":true,"pid":1}`))).RoundTrip(request("GET", "/health", "")); err != nil {
		t.Fatal(err)
	}
	if got := first.Covered(); len(got) != 1 || got[0].Operation != "health" {
		t.Errorf("covered: %v", got)
	}
	if slices.Contains(first.Unseen(), "health") || slices.Contains(first.Missing(), first.Covered()[0]) {
		t.Error("health was seen")
	}
	if len(second.Covered()) != 0 {
		t.Error("the other checker counted it")
	}
}

func strictOperations(t *testing.T) []*operation {
	t.Helper()
	doc, err := strictDocument()
	if err != nil {
		t.Fatal(err)
	}
	return doc.operations
}
