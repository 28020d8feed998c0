package auth_test

import (
	"strings"
	"testing"

	"github.com/roster-sd/roster/auth"
)

func compile(t *testing.T, p auth.Policy) *auth.Authorizer {
	t.Helper()
	a, err := p.Compile()
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestAuthorize(t *testing.T) {
	const (
		orders = "spiffe://example.org/orders"
		web    = "spiffe://example.org/web"
		ops    = "spiffe://example.org/ops/anna"
	)
	none := compile(t, auth.Policy{})
	catalogue := compile(t, auth.Policy{Services: []string{"orders", "web-*"}})
	rules := compile(t, auth.Policy{
		Services: []string{"orders", "users", "web-*"},
		Rules: []auth.Rule{
			{Identity: orders, Register: []string{"orders"}, Discover: []string{"users"}},
			{Identity: "spiffe://example.org/*", Discover: []string{"web-*"}},
			{Identity: "spiffe://example.org/ops/*", Admin: true},
			{Identity: orders, Register: []string{"orders", "billing"}},
		},
	})
	var zero auth.Authorizer
	tests := []struct {
		name     string
		a        *auth.Authorizer
		identity string
		action   auth.Action
		service  string
		allowed  bool
		rule     int
	}{
		{"no rules: register", none, web, auth.Register, "anything", true, auth.NoRule},
		{"no rules: discover", none, "local", auth.Discover, "anything", true, auth.NoRule},
		{"no rules: nobody is admin", none, web, auth.Admin, "anything", false, auth.NoRule},
		{"no rules: nobody is admin of all", none, web, auth.Admin, "", false, auth.NoRule},
		{"no rules: no identity", none, "", auth.Discover, "anything", false, auth.NoRule},
		{"no rules: no such action", none, web, "delete", "anything", false, auth.NoRule},
		{"no rules: empty action", none, web, "", "anything", false, auth.NoRule},
		{"zero value", &zero, web, auth.Register, "anything", true, auth.NoRule},
		{"zero value: no identity", &zero, "", auth.Register, "anything", false, auth.NoRule},

		{"catalogue: listed", catalogue, web, auth.Register, "web-shop", true, auth.NoRule},
		{"catalogue: not listed", catalogue, web, auth.Register, "users", false, auth.NoRule},
		{"catalogue: a prefix is not enough", catalogue, web, auth.Register, "orders2", false, auth.NoRule},
		{"catalogue: discover is not limited", catalogue, web, auth.Discover, "users", true, auth.NoRule},

		{"rules: first that allows", rules, orders, auth.Register, "orders", true, 0},
		{"rules: discover by the first", rules, orders, auth.Discover, "users", true, 0},
		{"rules: discover by the second", rules, orders, auth.Discover, "web-shop", true, 1},
		{"rules: register does not allow discover", rules, orders, auth.Discover, "orders", false, auth.NoRule},
		{"rules: another identity", rules, web, auth.Register, "orders", false, auth.NoRule},
		{"rules: an identity that begins the same", rules, orders + "2", auth.Register, "orders", false, auth.NoRule},
		{"rules: allowed but not in the catalogue", rules, orders, auth.Register, "billing", false, auth.NoRule},
		{"rules: admin", rules, ops, auth.Admin, "orders", true, 2},
		{"rules: admin of all", rules, ops, auth.Admin, "", true, 2},
		{"rules: an admin may not register", rules, ops, auth.Register, "orders", false, auth.NoRule},
		{"rules: no admin", rules, web, auth.Admin, "orders", false, auth.NoRule},
		{"rules: an identity of another domain", rules, "spiffe://example.com/web", auth.Discover, "web-shop", false, auth.NoRule},
		{"rules: no identity", rules, "", auth.Discover, "web-shop", false, auth.NoRule},
	}
	for _, tt := range tests {
		got := tt.a.Authorize(tt.identity, tt.action, tt.service)
		if got.Allowed != tt.allowed || got.Rule != tt.rule || got.Text == "" {
			t.Errorf("%s: got %+v", tt.name, got)
		}
	}
	if d := rules.Authorize(ops, auth.Admin, ""); d.Text != `auth.policies[2] allows it to "spiffe://example.org/ops/*"` {
		t.Errorf("text %q", d.Text)
	}
}

func TestWildcardIdentityNeedsOneToo(t *testing.T) {
	a := compile(t, auth.Policy{Rules: []auth.Rule{{Identity: "*", Register: []string{"*"}, Discover: []string{"*"}, Admin: true}}})
	for _, action := range []auth.Action{auth.Register, auth.Discover, auth.Admin} {
		if a.Authorize("", action, "x").Allowed {
			t.Errorf("%s: allowed to nobody in particular", action)
		}
		if !a.Authorize("x", action, "x").Allowed {
			t.Errorf("%s: denied to somebody", action)
		}
	}
}

func TestCompileReportsEveryProblem(t *testing.T) {
	a, err := auth.Policy{
		Services: []string{"orders[12]", "ok-*"},
		Rules: []auth.Rule{
			{Identity: "", Register: []string{"*"}},
			{Identity: "spiffe://example.org/a", Register: []string{"", "ok"}, Discover: []string{"a/*"}},
			{Identity: "fine", Admin: true},
			{Identity: "b\n"},
			{Identity: "c", Discover: []string{"größe"}},
		},
	}.Compile()
	if err == nil || a != nil {
		t.Fatalf("compiled: %v", a)
	}
	wants := []string{
		`auth.services[0] "orders[12]": character '['`,
		`auth.policies[0].identity ""`,
		`auth.policies[1].register[0] ""`,
		`auth.policies[1].discover[0] "a/*": character '/'`,
		`auth.policies[3].identity "b\n"`,
		`auth.policies[3]: allows nothing`,
		`auth.policies[4].discover[0] "größe": character 'ö'`,
	}
	for _, want := range wants {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in:\n%v", want, err)
		}
	}
	if lines := strings.Split(err.Error(), "\n"); len(lines) != len(wants) {
		t.Errorf("%d problems, want %d:\n%v", len(lines), len(wants), err)
	}
}

func TestAuthorizeAllocatesNothing(t *testing.T) {
	a := compile(t, auth.Policy{Rules: []auth.Rule{
		{Identity: "spiffe://example.org/*", Register: []string{"orders*"}},
	}})
	if n := testing.AllocsPerRun(100, func() {
		a.Authorize("spiffe://example.org/web", auth.Register, "orders")
		a.Authorize("spiffe://example.com/web", auth.Register, "orders")
	}); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}
