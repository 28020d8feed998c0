package registry

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/auth"
	"github.com/roster-sd/roster/catalog"
)

// TestStats: each counter counts what it says, and nothing else.
func TestStats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := one(t, setup{tokens: TokenPolicy{TTL: time.Hour},
			policy: auth.Policy{Rules: []auth.Rule{{Identity: "orders", Register: []string{"orders"}, Discover: []string{"*"}}}}})
		type figures struct{ Granted, Renewed, Lost, Rotated, Resolved, DeadTokens, Denied, Waits uint64 }
		read := func() figures {
			s := n.Stats()
			return figures{s.Granted.Load(), s.Renewed.Load(), s.Lost.Load(), s.Rotated.Load(), s.Resolved.Load(),
				s.DeadTokens.Load(), s.Denied.Load(), s.Waits.Load()}
		}
		var before figures
		check := func(what string, want figures) {
			t.Helper()
			now := read()
			got := figures{now.Granted - before.Granted, now.Renewed - before.Renewed, now.Lost - before.Lost, now.Rotated - before.Rotated,
				now.Resolved - before.Resolved, now.DeadTokens - before.DeadTokens, now.Denied - before.Denied, now.Waits - before.Waits}
			if before = now; got != want {
				t.Errorf("%s: %+v, want %+v", what, got, want)
			}
		}
		ctx := t.Context()
		first := n.register(orders, "o1")
		check("register", figures{Granted: 1})
		_ = n.beat(orders, "o1", first.Token)
		check("heartbeat", figures{Renewed: 1})
		n.Heartbeats(ctx, orders, []Beat{{"orders", "o1", first.Token}, {"orders", "o1", first.Token}, {"billing", "o1", first.Token}, {"orders", "o1", "x"}, {"orders", "o1", ""}})
		check("batch", figures{Renewed: 2, Denied: 1, DeadTokens: 1})
		out, _ := n.Rotate(ctx, orders, "orders", "o1", first.Token)
		check("rotate", figures{Rotated: 1})
		_ = n.beat(orders, "o1", out.Token)
		check("first use", figures{Renewed: 1})
		_ = n.beat(orders, "o1", first.Token)
		_, _ = n.Rotate(ctx, orders, "orders", "o1", strings.Repeat("A", auth.TokenLength))
		check("dead tokens", figures{DeadTokens: 2})
		_, _ = n.Register(ctx, billing, registration("orders", "o1"))
		check("denied", figures{Denied: 1})
		_, _ = n.Resolve(ctx, orders, "orders", catalog.Choice{}, false)
		_, _ = n.Resolve(ctx, orders, "unknown", catalog.Choice{}, false)
		_, _ = n.Resolve(ctx, billing, "orders", catalog.Choice{}, false)
		check("resolve", figures{Resolved: 2})
		_, _ = n.Deregister(ctx, orders, "orders", "o1", out.Token, Removal{})
		check("deregister", figures{})
		_ = n.beat(orders, "o1", out.Token)
		check("after it left", figures{Lost: 1})
		_ = n.beat(orders, "o2", out.Token)
		check("never heard of", figures{})
		defer n.store.hold()()
		n.register(orders, "o1")
		check("register behind", figures{Granted: 1, Waits: 1})
	})
}

// allowance allows each identity so many lookups.
type allowance struct {
	mu   sync.Mutex
	left map[string]int
}

func (a *allowance) Allow(identity string) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.left[identity]--; a.left[identity] < 0 {
		return 7 * time.Second
	}
	return 0
}

func (a *allowance) Wait(identity string) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.left[identity] <= 0 {
		return 7 * time.Second
	}
	return 0
}

// TestLookupLimit: who asks for what is not known, again and again, is slowed down before
// the store is asked; what the view says yes to is not counted, and others do not suffer.
func TestLookupLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &allowance{left: map[string]int{"orders": 3, "billing": 1}}
		n := one(t, setup{lookups: a})
		first := n.register(orders, "o1")
		for range 10 {
			wantErr(t, "a good token", n.beat(orders, "o1", first.Token), "ok")
			wantErr(t, "what is no token", n.beat(orders, "o1", "x"), "unauthenticated")
		}
		for range 3 {
			wantErr(t, "nobody", n.beat(orders, "o9", first.Token), "not_found")
		}
		gets := n.store.calls("get")
		err := n.beat(orders, "o9", first.Token)
		if wantErr(t, "once more", err, "rate_limited"); err.(*Error).RetryAfter != 7*time.Second {
			t.Errorf("%#v", err)
		}
		_, err = n.Rotate(t.Context(), orders, "orders", "o9", first.Token)
		wantErr(t, "rotate", err, "rate_limited")
		_, err = n.Update(t.Context(), orders, "orders", "o9", first.Token, Patch{Weight: ptr(uint16(1))})
		wantErr(t, "update", err, "rate_limited")
		_, err = n.Deregister(t.Context(), orders, "orders", "o9", first.Token, Removal{})
		wantErr(t, "deregister", err, "rate_limited")
		out := n.Heartbeats(t.Context(), orders, []Beat{{"orders", "o9", first.Token}, {"orders", "o1", first.Token}})
		wantErr(t, "in a batch", out[0].Err, "rate_limited")
		wantErr(t, "the good one beside it", out[1].Err, "ok")
		if got := n.store.calls("get"); got != gets {
			t.Errorf("%d reads all the same", got-gets)
		}
		wantErr(t, "a good token", n.beat(orders, "o1", first.Token), "ok")
		wantErr(t, "another identity", n.beat(billing, "o9", first.Token), "not_found")
	})
}

// TestExpiredTokenInAnOutage: while the backend is out of reach nobody could get a new
// token, so that none expires; when it is back they do.
func TestExpiredTokenInAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := one(t, setup{tokens: TokenPolicy{TTL: time.Minute, Grace: time.Second}})
		first := n.register(orders, "o1")
		end := n.store.outage()
		n.keep("o1", 2*time.Minute)
		wantErr(t, "in the outage", n.beat(orders, "o1", first.Token), "unavailable")
		n.store.fails(nil, ops...) // the store answers, and the feed is not back yet
		wantErr(t, "the feed is not back", n.beat(orders, "o1", first.Token), "ok")
		_, err := n.Update(t.Context(), orders, "orders", "o1", first.Token, Patch{Weight: ptr(uint16(1))})
		wantErr(t, "an update then", err, "ok")
		end()
		n.keep("o1", 3*time.Second)
		wantErr(t, "after the outage", n.beat(orders, "o1", first.Token), "unauthenticated")
	})
}
