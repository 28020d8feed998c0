package auth_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/roster-sd/roster/auth"
)

func TestAdvice(t *testing.T) {
	t.Parallel()
	p := auth.Policy{
		Services: []string{"orders", "web-*"},
		Rules: []auth.Rule{
			{Identity: "orders", Register: []string{"orders", "billing"}, Discover: []string{"*"}},
			{Identity: "o*", Discover: []string{"web-*"}},
			{Identity: "root", Admin: true},
		},
	}
	for _, test := range []struct {
		identity string
		action   auth.Action
		service  string
		want     []string
	}{
		{"", auth.Discover, "orders", []string{"present a certificate with one identity that auth.identity accepts"}},
		{"orders", auth.Discover, "web-a", []string{"to deny it, auth.policies[0] would have to go or be narrower", "to deny it, auth.policies[1] would have to go or be narrower"}},
		{"orders", auth.Register, "billing", []string{`first, list "billing" in auth.services`}},
		{"orders", auth.Register, "users", []string{
			`first, list "users" in auth.services`, `let register hold "users" in auth.policies[0], which is for "orders"`,
			`let register hold "users" in auth.policies[1], which is for "o*"`, `add a rule for "orders" to auth.policies: let register hold "users"`}},
		{"web", auth.Admin, "", []string{`add a rule for "web" to auth.policies: set admin: true`}},
	} {
		if got := compile(t, p).Advice(test.identity, test.action, test.service); !slices.Equal(got, test.want) {
			t.Errorf("%s %s %s: %q, want %q", test.identity, test.action, test.service, got, test.want)
		}
	}
	if got := compile(t, auth.Policy{}).Advice("web", auth.Register, "x"); len(got) != 1 || !strings.HasPrefix(got[0], "add a rule to auth.policies") {
		t.Errorf("without rules: %q", got)
	}
	if got := compile(t, auth.Policy{}).Advice("web", auth.Admin, ""); len(got) != 1 || !strings.HasSuffix(got[0], "; it is the first, and what no rule allows is denied then") {
		t.Errorf("the first rule: %q", got)
	}
}

// What is advised does what it says: the last line of a denial, the new rule, together with
// the service's place in the catalogue, allows it, and all that is said of an allowance,
// rules that go, denies it.
func TestAdviceIsGood(t *testing.T) {
	t.Parallel()
	names := rapid.SampledFrom([]string{"orders", "web", "billing", "o*", "*", "we?"})
	list := rapid.SliceOfN(names, 0, 3)
	rapid.Check(t, func(t *rapid.T) {
		p := auth.Policy{Services: list.Draw(t, "services")}
		for range rapid.IntRange(1, 4).Draw(t, "rules") {
			p.Rules = append(p.Rules, auth.Rule{Identity: names.Draw(t, "identity"), Register: list.Draw(t, "register"),
				Discover: append(list.Draw(t, "discover"), "none"), Admin: rapid.Bool().Draw(t, "admin")})
		}
		a, err := p.Compile()
		if err != nil {
			t.Fatal(err)
		}
		identity, service := rapid.SampledFrom([]string{"orders", "web"}).Draw(t, "who"), rapid.SampledFrom([]string{"orders", "billing"}).Draw(t, "what")
		action := rapid.SampledFrom([]auth.Action{auth.Register, auth.Discover, auth.Admin}).Draw(t, "action")
		advice, before := a.Advice(identity, action, service), a.Authorize(identity, action, service).Allowed
		if len(advice) == 0 {
			t.Fatal("no advice")
		}
		if before {
			kept := p.Rules[:0:0]
			for i, r := range p.Rules {
				if !slices.Contains(advice, "to deny it, auth.policies["+string(rune('0'+i))+"] would have to go or be narrower") {
					kept = append(kept, r)
				}
			}
			p.Rules = append(kept, auth.Rule{Identity: "nobody", Discover: []string{"none"}})
		} else {
			if len(p.Services) > 0 {
				p.Services = append(p.Services, service)
			}
			p.Rules = append(p.Rules, auth.Rule{Identity: identity, Register: []string{service}, Discover: []string{service}, Admin: true})
		}
		if a, err = p.Compile(); err != nil {
			t.Fatal(err)
		}
		if a.Authorize(identity, action, service).Allowed == before {
			t.Errorf("%q changes nothing", advice)
		}
	})
}
