package registry

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/auth"
	"github.com/roster-sd/roster/store"
)

// uses are all that a token is for, by name.
var uses = []struct {
	name string
	call func(n *node, c Caller, id, token string) error
}{
	{"heartbeat", func(n *node, c Caller, id, token string) error { return n.beat(c, id, token) }},
	{"batch", func(n *node, c Caller, id, token string) error {
		return n.Heartbeats(n.Context(), c, []Beat{{"orders", id, token}})[0].Err
	}},
	{"update", func(n *node, c Caller, id, token string) error {
		w := uint16(7)
		_, err := n.Update(n.Context(), c, "orders", id, token, Patch{Weight: &w})
		return err
	}},
	{"rotate", func(n *node, c Caller, id, token string) error {
		_, err := n.Rotate(n.Context(), c, "orders", id, token)
		return err
	}},
	{"deregister", func(n *node, c Caller, id, token string) error {
		_, err := n.Deregister(n.Context(), c, "orders", id, token, Removal{Note: "done"})
		return err
	}},
}

// TestTokens is invariant I5: what each use of each kind of token is answered, on the node
// that knows and on one whose view is old, and that a refusal changes nothing.
func TestTokens(t *testing.T) {
	const tokenTTL, grace = 10 * time.Minute, 30 * time.Second
	policy := auth.Policy{Rules: []auth.Rule{{Identity: "orders", Register: []string{"orders"}},
		{Identity: "billing", Register: []string{"orders"}}, {Identity: "stranger", Discover: []string{"*"}}}}
	stranger := Caller{Identity: "stranger", From: "192.0.2.66"}
	rotate := func(n *node, token string) string {
		out, err := n.Rotate(n.Context(), orders, "orders", "o1", token)
		if err != nil {
			n.Fatal(err)
		}
		return out.Token
	}
	type given struct {
		name   string
		caller Caller
		// make gives the ID and the token, of the instance o1 that is there.
		make   func(n *node, first Registered) (id, token string)
		want   string
		rotate string // where it differs
	}
	o1 := func(token func(n *node, first Registered) string) func(*node, Registered) (string, string) {
		return func(n *node, first Registered) (string, string) { return "o1", token(n, first) }
	}
	its := o1(func(_ *node, first Registered) string { return first.Token })
	cases := []given{
		{"its own", orders, its, "ok", ""},
		{"its own, by another identity", billing, its, "unauthenticated", ""},
		{"its own, by a forbidden identity", stranger, its, "forbidden", ""},
		{"none", orders, o1(func(*node, Registered) string { return "" }), "unauthenticated", ""},
		{"malformed", orders, o1(func(_ *node, first Registered) string { return first.Token[1:] }), "unauthenticated", ""},
		{"malformed by one bit", orders, o1(func(_ *node, first Registered) string { return first.Token[:42] + "_" }), "unauthenticated", ""},
		{"of another instance", orders, o1(func(n *node, _ Registered) string { return n.register(orders, "o2").Token }), "unauthenticated", ""},
		{"of nobody", orders, o1(func(*node, Registered) string { return strings.Repeat("A", auth.TokenLength) }), "unauthenticated", ""},
		{"the newest", orders, o1(func(n *node, first Registered) string { return rotate(n, first.Token) }), "ok", ""},
		{"the older, before the newest is used", orders, o1(func(n *node, first Registered) string {
			rotate(n, first.Token)
			return first.Token
		}), "ok", ""},
		{"one whose answer was lost, after another rotation", orders, o1(func(n *node, first Registered) string {
			lost := rotate(n, first.Token)
			rotate(n, first.Token)
			return lost
		}), "unauthenticated", ""},
		{"superseded", orders, o1(func(n *node, first Registered) string {
			if err := n.beat(orders, "o1", rotate(n, first.Token)); err != nil {
				n.Fatal(err)
			}
			return first.Token
		}), "unauthenticated", ""},
		{"on its last moment", orders, o1(func(n *node, first Registered) string {
			n.keep("o1", tokenTTL-time.Millisecond)
			return first.Token
		}), "ok", ""},
		{"on the moment of its expiry", orders, o1(func(n *node, first Registered) string {
			n.keep("o1", tokenTTL)
			return first.Token
		}), "unauthenticated", "ok"},
		{"expired, within the grace", orders, o1(func(n *node, first Registered) string {
			n.keep("o1", tokenTTL+grace-time.Millisecond)
			return first.Token
		}), "unauthenticated", "ok"},
		{"expired, past the grace", orders, o1(func(n *node, first Registered) string {
			n.keep("o1", tokenTTL+grace)
			return first.Token
		}), "unauthenticated", ""},
		{"the newest, past the grace of the older", orders, o1(func(n *node, first Registered) string {
			n.keep("o1", tokenTTL/2)
			newest := rotate(n, first.Token)
			n.keep("o1", tokenTTL/2+grace)
			return newest
		}), "ok", ""},
		{"of a generation that was replaced", orders, o1(func(n *node, first Registered) string {
			n.register(orders, "o1")
			return first.Token
		}), "lease_lost replaced", ""},
		{"expired, of a generation that was replaced", orders, o1(func(n *node, first Registered) string {
			n.keep("o1", tokenTTL+grace)
			n.register(orders, "o1")
			return first.Token
		}), "lease_lost replaced", ""},
		{"of a generation two ago", orders, o1(func(n *node, first Registered) string {
			n.register(orders, "o1")
			n.register(orders, "o1")
			return first.Token
		}), "lease_lost replaced", ""},
		{"after it was deregistered", orders, o1(func(n *node, first Registered) string {
			n.deregister(first)
			return first.Token
		}), "lease_lost deregistered", ""},
		{"after it expired", orders, o1(func(n *node, first Registered) string {
			pass(31 * time.Second)
			return first.Token
		}), "lease_lost expired", ""},
		{"after it expired, by another identity", billing, o1(func(n *node, first Registered) string {
			pass(31 * time.Second)
			return first.Token
		}), "unauthenticated", ""},
		{"another's, after it expired", orders, o1(func(n *node, first Registered) string {
			pass(31 * time.Second)
			return n.register(orders, "o2").Token
		}), "unauthenticated", ""},
		{"long after it was deregistered", orders, o1(func(n *node, first Registered) string {
			n.deregister(first)
			pass(store.TombstoneAge + 10*time.Second)
			return first.Token
		}), "not_found", ""},
		{"of one never heard of", orders, func(_ *node, first Registered) (string, string) { return "o9", first.Token }, "not_found", ""},
		{"of one never heard of, by a forbidden identity", stranger, func(_ *node, first Registered) (string, string) {
			return "o9", first.Token
		}, "forbidden", ""},
		{"a name that is none", orders, func(_ *node, first Registered) (string, string) { return "o/1", first.Token }, "invalid_request", ""},
	}
	for _, tc := range cases {
		for _, use := range uses {
			for _, where := range []string{"here", "on a node that lags"} {
				t.Run(fmt.Sprintf("%s/%s/%s", tc.name, use.name, where), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						n := one(t, setup{policy: policy, tokens: TokenPolicy{TTL: tokenTTL, Grace: grace}})
						asked := n
						if where != "here" {
							asked = n.sibling()
							defer asked.store.hold()() // it never hears of o1
						}
						id, token := tc.make(n, n.register(orders, "o1"))
						before, live := n.revision(), n.listed()
						want := tc.want
						if use.name == "rotate" && tc.rotate != "" {
							want = tc.rotate
						}
						err := use.call(asked, tc.caller, id, token)
						wantErr(t, use.name, err, want)
						if err != nil && (n.revision() != before || n.listed() != live) {
							t.Errorf("a refusal moved the store from %v to %v, and left %q of %q", before, n.revision(), n.listed(), live)
						}
						if err != nil && token != "" && strings.Contains(err.Error()+asked.logs.String(), token) {
							t.Error("the token is in the error or in the log")
						}
					})
				})
			}
		}
	}
}

func (n *node) deregister(r Registered) {
	n.Helper()
	if _, err := n.Deregister(n.Context(), orders, "orders", r.Record.Key.ID, r.Token, Removal{}); err != nil {
		n.Fatal(err)
	}
}

// keep lets time go by while an instance is renewed without a token.
func (n *node) keep(id string, d time.Duration) {
	n.Helper()
	for end := time.Now().Add(d); time.Now().Before(end); {
		pass(min(time.Second, time.Until(end)))
		rec, err := n.store.inner.Get(n.Context(), store.InstanceKey("orders", id))
		if err != nil {
			n.Fatal(err)
		}
		if _, err := n.store.inner.Renew(n.Context(), []store.Ref{rec.Ref()}); err != nil {
			n.Fatal(err)
		}
	}
}
