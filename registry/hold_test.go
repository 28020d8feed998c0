package registry

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/catalog"
	"github.com/roster-sd/roster/catalog/catalogtest"
	"github.com/roster-sd/roster/store"
)

// TestRefusedRenewal: a renewal that could not reach the store is evidence for that instance,
// though the feed is whole and a ping is answered.
func TestRefusedRenewal(t *testing.T) {
	for _, batch := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			c, _ := pair(t)
			b := c.nodes[1]
			first, other := c.nodes[0].register(orders, "o1"), c.nodes[0].register(orders, "o2")
			pass(20 * time.Second)
			b.store.fails(down("renew"), "renew")
			if batch {
				for _, out := range b.Heartbeats(t.Context(), orders, []Beat{{"orders", "o1", first.Token}, {"orders", "o2", first.Token}}) {
					wantErr(t, "refused", out.Err, map[bool]string{true: "unavailable", false: "unauthenticated"}[out.Err == nil || CodeOf(out.Err) == Unavailable])
				}
			} else {
				wantErr(t, "refused", b.beat(orders, "o1", first.Token), "unavailable")
				wantErr(t, "not refused for our sake", b.beat(orders, "o2", first.Token), "unauthenticated")
			}
			b.store.fails(nil, "renew")
			pass(11 * time.Second)
			if got := b.shown(); got["o1"] != store.HealthSuspect || got["o2"] != "" {
				t.Errorf("%v", got)
			}
			wantErr(t, "it comes back", b.beat(orders, "o1", first.Token), "ok")
			wantErr(t, "the other does not", b.beat(orders, "o2", other.Token), "lease_lost expired")
			c.wantShown("in the end", "o1", store.HealthPassing)
		})
	}
}

// TestTokensInAnOutage: a token that ran out while nobody could rotate is good for the grace
// of a rotation after it; one that had run out before is not.
func TestTokensInAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := form(t, 2, catalogtest.New(catalogtest.Options{}), setup{tokens: TokenPolicy{TTL: time.Minute, Grace: 30 * time.Second}})
		n := c.nodes[0]
		dead := n.register(orders, "dead")
		keep := func(id, token string, d time.Duration) {
			for end := time.Now().Add(d); time.Now().Before(end); pass(5 * time.Second) {
				if err := n.beat(orders, id, token); err != nil {
					t.Fatal(err)
				}
			}
		}
		keep("dead", dead.Token, 58*time.Second)
		in := n.register(orders, "in")
		pass(3 * time.Second)
		wantErr(t, "run out", n.beat(orders, "dead", dead.Token), "unauthenticated")
		c.backend.Stop()
		pass(5 * time.Minute)
		c.backend.Continue()
		pass(5 * time.Second)
		wantErr(t, "run out in the outage", n.beat(orders, "in", in.Token), "ok")
		wantErr(t, "run out before it", n.beat(orders, "dead", dead.Token), "lease_lost expired")
		second, err := n.Rotate(t.Context(), orders, "orders", "in", in.Token)
		wantErr(t, "rotate", err, "ok")
		pass(20 * time.Second)
		wantErr(t, "the new token", n.beat(orders, "in", second.Token), "ok")

		other := n.register(orders, "other")
		c.backend.Stop()
		pass(5 * time.Minute)
		c.backend.Continue()
		pass(29 * time.Second)
		if got := n.shown()["other"]; got != store.HealthSuspect {
			t.Fatal(got)
		}
		pass(1500 * time.Millisecond)
		if err := n.beat(orders, "other", other.Token); err == nil {
			t.Error("past the grace it came back")
		}
	})
}

// TestNoTakeoverInAHold: that the backend has lost an instance opens its ID to nobody else.
func TestNoTakeoverInAHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, third := pair(t)
		a, b := c.nodes[0], c.nodes[1]
		first, free := third.register(orders, "o1"), third.register(orders, "free")
		third.deregister(free)
		synctest.Wait()
		c.lose()
		_, err := b.Register(t.Context(), billing, registration("orders", "o1"))
		wantErr(t, "another identity", err, "conflict")
		unverified := Caller{Identity: "orders", Unverified: true, From: "192.0.2.9"}
		_, err = b.Register(t.Context(), unverified, registration("orders", "o1"))
		wantErr(t, "the same, unproven", err, "conflict")
		_, err = b.Register(t.Context(), billing, registration("orders", "free"))
		wantErr(t, "one that is nobody's", err, "ok")
		again, err := b.Register(t.Context(), orders, registration("orders", "o1"))
		wantErr(t, "the same identity", err, "ok")
		synctest.Wait()
		wantErr(t, "the new token", a.beat(orders, "o1", again.Token), "ok")
		wantErr(t, "the old one", a.beat(orders, "o1", first.Token), "unauthenticated")
		c.wantShown("in the end", "o1", store.HealthPassing)

		// While the store is out of reach the view does not decide alone either.
		c.links[1].Fail("next", down("next"))
		second := a.register(billing, "theirs")
		pass(2 * time.Second)
		_, err = b.Register(t.Context(), billing, registration("orders", "o1"))
		wantErr(t, "in the store", err, "conflict")
		_ = second
	})
}

// TestLateReadsInAHold: a node that lags reads from the store what it acknowledged, and does
// not let go of what it would hold, but for what it removed itself.
func TestLateReadsInAHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := pair(t)
		b := c.nodes[1]
		first := b.register(orders, "o1")
		b.register(orders, "o2")
		synctest.Wait()
		b.store.fails(down("watch"), "watch", "next")
		synctest.Wait()
		c.backend.Lose()
		b.register(orders, "o3")
		if !b.lags("orders") {
			t.Fatal("the node does not lag")
		}
		b.wantSeen("lost", "o1 o2 o3 ")
		view, err := b.Service(t.Context(), orders, "orders", false)
		if err != nil || view.Changed.IsPure() || view.Revision.IsPure() {
			t.Errorf("at %v, %v", view.Changed, err)
		}
		if got := b.seen(true); got != "o3 " {
			t.Errorf("the store itself: %q", got)
		}
		b.deregister(first)
		b.wantSeen("one removed", "o2 o3 ")
		pass(time.Second) // and now there is evidence of the node's own
		b.wantSeen("later", "o2 o3 ")
	})
}

// TestOverlongHolds: of what was lost and is not heard of nothing is left when its time is
// over, and its ID is free again.
func TestOverlongHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, third := pair(t)
		first := third.register(orders, "o1")
		pass(20 * time.Second)
		c.lose()
		pass(31 * time.Second)
		c.wantShown("gone", "o1", "")
		for _, n := range c.nodes {
			wantErr(t, "heartbeat", n.beat(orders, "o1", first.Token), "not_found")
		}
		if _, err := c.nodes[1].Register(t.Context(), billing, registration("orders", "o1")); err != nil {
			t.Error(err)
		}
		if n := c.nodes[1].Catalog().Held(); n != [catalog.Causes]int{} {
			t.Errorf("held %v", n)
		}
	})
}
