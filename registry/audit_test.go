package registry

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/auth"
	"github.com/roster-sd/roster/internal/audit"
)

// audited keeps what the audit is told, as one line each.
type audited struct {
	mu     sync.Mutex
	events []audit.Event
}

func (a *audited) add(e audit.Event) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.events = append(a.events, e)
}

// take gives the lines since it was last called.
func (a *audited) take() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var lines []string
	for _, e := range a.events {
		line := fmt.Sprintf("%s %s %s %s %s/%s", e.Kind, e.Outcome, e.Identity, e.Action, e.Service, e.Instance)
		if e.Rule.Text != "" {
			line += fmt.Sprintf(" [%d]", e.Rule.Index)
		}
		if e.Why != "" {
			line += ": " + e.Why
		}
		if e.Note != "" {
			line += " (" + e.Note + ")"
		}
		lines = append(lines, line)
	}
	a.events = nil
	return lines
}

// governance is a policy in which orders and billing may both register orders, and root governs.
var governance = auth.Policy{Rules: []auth.Rule{
	{Identity: "orders", Register: []string{"orders"}, Discover: []string{"orders"}},
	{Identity: "billing", Register: []string{"orders"}},
	{Identity: "root", Register: []string{"orders"}, Admin: true},
}}

// TestAudit: each decision is told of, once, with who, what and by which rule; what is allowed
// to renew or read is not.
func TestAudit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var heard audited
		n := one(t, setup{policy: governance, tokens: TokenPolicy{TTL: time.Hour, Grace: time.Second}, audit: heard.add, leases: defaultPolicy(4 * time.Hour)})
		obeys(n)
		ctx := t.Context()
		admin, stranger := Caller{Identity: "root", From: "192.0.2.9"}, Caller{Identity: "stranger", From: "192.0.2.66"}
		expect := func(what string, want ...string) {
			t.Helper()
			if got := heard.take(); !slices.Equal(got, want) {
				t.Errorf("%s: told\n  %s\nwant\n  %s", what, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
			}
		}
		refused := func(err error) {
			t.Helper()
			if err == nil {
				t.Error("it was allowed")
			}
		}
		beat := func(c Caller, token string) error { return n.beat(c, "o1", token) }

		first := n.register(orders, "o1")
		expect("a registration", "register allowed orders register orders/o1 [0]: new")
		if err := beat(orders, first.Token); err != nil {
			t.Error(err)
		}
		if _, err := n.Service(ctx, orders, "orders", false); err != nil {
			t.Error(err)
		}
		expect("a heartbeat and a read")
		first = n.register(orders, "o1")
		expect("a registration again", "register allowed orders register orders/o1 [0]: in place of its own")

		_, err := n.Register(ctx, stranger, registration("orders", "o1"))
		refused(err)
		_, err = n.Service(ctx, billing, "orders", false)
		refused(err)
		_, _, err = n.Instance(ctx, billing, "orders", "o1", false)
		refused(err)
		expect("what no rule allows", "denied denied stranger register orders/ [-1]", "denied denied billing discover orders/ [-1]",
			"denied denied billing discover orders/ [-1]")
		_, err = n.Register(ctx, billing, registration("orders", "o1"))
		refused(err)
		expect("a takeover", "takeover_refused denied billing register orders/o1: the ID is that of another's live instance")

		refused(beat(orders, ""))
		refused(beat(orders, "short"))
		refused(beat(orders, strings.Repeat("A", auth.TokenLength)))
		refused(beat(billing, first.Token))
		expect("tokens",
			"token_refused denied orders register orders/o1: none was sent", "token_refused denied orders register orders/o1: malformed",
			"token_refused denied orders register orders/o1: dead, or never of this instance",
			"token_refused denied billing register orders/o1: the instance is another identity's")
		fresh, err := n.Rotate(ctx, orders, "orders", "o1", first.Token)
		if err != nil {
			t.Fatal(err)
		}
		expect("a rotation", "rotate allowed orders register orders/o1 [0]")
		if err := beat(orders, fresh.Token); err != nil {
			t.Error(err)
		}
		refused(beat(orders, first.Token))
		expect("the token before", "token_refused denied orders register orders/o1: dead, or never of this instance")
		pass(time.Hour + time.Minute)
		refused(beat(orders, fresh.Token))
		expect("an old token", "token_refused denied orders register orders/o1: expired")

		taken, err := n.Register(ctx, admin, registration("orders", "o1"))
		if err != nil {
			t.Fatal(err)
		}
		expect("an administrator's takeover", "takeover allowed root register orders/o1 [2]: in place of that of orders")
		weight := uint16(7)
		if _, err := n.Update(ctx, admin, "orders", "o1", "", Patch{Weight: &weight}); err != nil {
			t.Error(err)
		}
		if _, err := n.Update(ctx, admin, "orders", "o1", taken.Token, Patch{Weight: &weight}); err != nil {
			t.Error(err)
		}
		expect("a change by force, and one by its holder", "forced allowed root admin orders/o1 [2]: changed")
		if _, err := n.Deregister(ctx, admin, "orders", "o1", taken.Token, Removal{Note: "moved"}); err != nil {
			t.Error(err)
		}
		expect("a deregistration", "deregister allowed root register orders/o1 [2]: removed (moved)")

		n.register(orders, "o2")
		heard.take()
		if _, err := n.Deregister(ctx, admin, "orders", "o2", "", Removal{Note: "stolen", KeepOut: time.Hour}); err != nil {
			t.Error(err)
		}
		_, err = n.Register(ctx, orders, registration("orders", "o2"))
		refused(err)
		if err := n.LiftOverride(ctx, admin, "orders", "o2"); err != nil {
			t.Error(err)
		}
		expect("kept out", "override_set allowed root admin orders/o2 [2]: kept out for 1h0m0s (stolen)", "forced allowed root admin orders/o2 [2]: removed (stolen)",
			"kept_out denied orders register orders/o2: an administrator keeps the ID out", "override_lifted allowed root admin orders/o2 [2]")

		if _, _, err := n.Dump(ctx, admin); err != nil {
			t.Error(err)
		}
		if _, err := n.CheckPolicy(ctx, admin, PolicyQuestion{Identity: "web", Action: "admin"}); err != nil {
			t.Error(err)
		}
		if _, err := n.Overrides(ctx, admin); err != nil {
			t.Error(err)
		}
		_, _, err = n.Dump(ctx, orders)
		refused(err)
		expect("what administrators read", "admin_read allowed root admin / [2]: dump", "admin_read allowed root admin / [2]: what the policy decides of web",
			"admin_read allowed root admin / [2]: overrides", "denied denied orders admin / [-1]")
		list, err := n.Denials(ctx, admin)
		if err != nil || list.Node != "n1" || list.Total != 12 || len(list.Denials) != 10 || list.Denials[9].Action != "admin" {
			t.Errorf("%v, %+v", err, list)
		}
		expect("the denials", "admin_read allowed root admin / [2]: denials")
		_, err = n.Denials(ctx, orders)
		wantErr(t, "the denials, as nobody", err, "forbidden")
	})
}

// TestAuditOfBatches: each item is told of, but for those beyond a limit, which are told of once.
func TestAuditOfBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var heard audited
		n := one(t, setup{policy: governance, audit: heard.add, lookups: stingy{}})
		first := n.register(orders, "o1")
		heard.take()
		unknown := strings.Repeat("A", auth.TokenLength)
		n.Heartbeats(t.Context(), orders, []Beat{{"orders", "o1", first.Token}, {"orders", "o1", ""}, {"billing", "b1", unknown},
			{"orders", "o1", unknown}, {"orders", "o9", unknown}})
		want := []string{"token_refused denied orders register orders/o1: none was sent", "denied denied orders register billing/ [-1]",
			"rate_limited denied orders register /: 2 items of a batch"}
		if got := heard.take(); !slices.Equal(got, want) {
			t.Errorf("told %q", got)
		}
	})
}

// stingy lets nobody ask.
type stingy struct{}

func (stingy) Allow(string) time.Duration { return time.Second }
func (stingy) Wait(string) time.Duration  { return time.Second }
