package registry

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/store"
)

// rotated registers instances and gives each a newest token that nobody has used.
func (n *node) rotated(count int) (older, newest []Beat) {
	n.Helper()
	for i := range count {
		id := fmt.Sprint("o", i)
		first := n.register(orders, id)
		second, err := n.Rotate(n.Context(), orders, "orders", id, first.Token)
		if err != nil {
			n.Fatal(err)
		}
		older = append(older, Beat{"orders", id, first.Token})
		newest = append(newest, Beat{"orders", id, second.Token})
	}
	return older, newest
}

// TestFirstUses: the first uses of newest tokens cost no lookup, whatever their number, and
// wait together for their node to show them.
func TestFirstUses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := one(t, setup{tokens: TokenPolicy{TTL: time.Hour}, lookups: &allowance{left: map[string]int{"orders": 1}}})
		_, newest := n.rotated(50)
		synctest.Wait()
		defer n.store.hold()()
		gets, updates, began := n.store.calls("get"), n.store.calls("update"), time.Now()
		for i, b := range n.Heartbeats(t.Context(), orders, newest) {
			wantErr(t, newest[i].ID, b.Err, "ok")
		}
		if took := time.Since(began); took > visibleWithin {
			t.Errorf("it took %v", took)
		}
		if g, u := n.store.calls("get")-gets, n.store.calls("update")-updates; g != 0 || u != 50 {
			t.Errorf("%d reads, %d writes", g, u)
		}
		// The node lags now; those who are in the right are not charged for what it asks.
		for i, b := range n.Heartbeats(t.Context(), orders, newest) {
			wantErr(t, newest[i].ID+" again", b.Err, "ok")
		}
	})
}

// TestTokensInABatch: within a batch, too, the first use of the newest token ends the older
// one for the items that come after it, and for them only.
func TestTokensInABatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := one(t, setup{tokens: TokenPolicy{TTL: time.Hour}})
		older, newest := n.rotated(2)
		out := n.Heartbeats(t.Context(), orders, []Beat{older[0], newest[1], newest[0], older[1], older[0], newest[0]})
		for i, want := range []string{"ok", "ok", "ok", "unauthenticated", "unauthenticated", "ok"} {
			wantErr(t, fmt.Sprint("item ", i), out[i].Err, want)
		}
	})
}

// TestFirstUsesInAnOutage: the first that cannot be written is the last that is tried.
func TestFirstUsesInAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := one(t, setup{tokens: TokenPolicy{TTL: time.Hour}})
		older, newest := n.rotated(10)
		n.store.fails(down("update"), "update")
		updates := n.store.calls("update")
		for i, b := range n.Heartbeats(t.Context(), orders, newest) {
			wantErr(t, newest[i].ID, b.Err, "unavailable")
		}
		if got := n.store.calls("update") - updates; got != 1 {
			t.Errorf("%d writes were tried", got)
		}
		n.store.fails(nil, "update")
		for i, b := range n.Heartbeats(t.Context(), orders, append(older, newest...)) {
			wantErr(t, fmt.Sprint("after it, item ", i), b.Err, "ok")
		}
	})
}

// TestDeathIsKnown: a node that has told of the end of a token does not take it any more,
// though its own view still does; nor does one whose feed is broken.
func TestDeathIsKnown(t *testing.T) {
	for _, use := range uses {
		t.Run(use.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := one(t, setup{tokens: TokenPolicy{TTL: time.Hour}})
				other := n.sibling()
				older, newest := n.rotated(1)
				synctest.Wait()
				defer n.store.hold()()
				other.store.fails(down("next"), "next", "watch")
				wantErr(t, "first use", n.beat(orders, "o0", newest[0].Token), "ok")
				pass(time.Second)
				wantErr(t, "here", use.call(n, orders, "o0", older[0].Token), "unauthenticated")
				wantErr(t, "where the feed is broken", use.call(other, orders, "o0", older[0].Token), "unauthenticated")
				unverified := Caller{Identity: "orders", Unverified: true, From: "192.0.2.3"}
				reg := registration("orders", "o0")
				reg.Token = older[0].Token
				for _, at := range []*node{n, other} {
					_, err := at.Register(t.Context(), unverified, reg)
					wantErr(t, "takeover", err, "conflict")
				}
				wantErr(t, "the newest, here", use.call(n, orders, "o0", newest[0].Token), "ok")
			})
		})
	}
}

// TestTokenMoves: a token that dies on another node between the look at it and the write
// changes nothing.
func TestTokenMoves(t *testing.T) {
	for _, use := range uses {
		if use.name == "heartbeat" || use.name == "batch" || use.name == "deregister" {
			continue // these renew and remove under a lease, which a token's death leaves as it is
		}
		t.Run(use.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := one(t, setup{tokens: TokenPolicy{TTL: time.Hour}})
				other := n.sibling()
				older, newest := n.rotated(1)
				synctest.Wait()
				n.store.meanwhile("update", func() {
					n.store.meanwhile("update", nil)
					wantErr(t, "first use, there", other.beat(orders, "o0", newest[0].Token), "ok")
				})
				wantErr(t, use.name, use.call(n, orders, "o0", older[0].Token), "unauthenticated")
				rec, err := n.store.Get(t.Context(), store.InstanceKey("orders", "o0"))
				if err != nil || rec.Instance.Weight != 100 || rec.Tokens.HasNewest {
					t.Errorf("%+v, %v", rec, err)
				}
			})
		})
	}
}

// TestLateReads: while a node lags, reads of the service cost one list of it for each write
// that it has acknowledged, however many they are.
func TestLateReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := one(t, setup{})
		release := n.store.hold()
		lists := n.store.calls("list")
		listed := func(what string, want int) {
			t.Helper()
			if got := n.store.calls("list") - lists; got != want {
				t.Errorf("%s: %d lists, want %d", what, got, want)
			}
			lists = n.store.calls("list")
		}
		n.register(orders, "o1")
		for range 20 {
			n.wantSeen("one", "o1 ")
		}
		listed("after one", 1)
		n.register(orders, "o2")
		for range 20 {
			n.wantSeen("two", "o1 o2 ")
		}
		listed("after two", 1)
		if got := n.seen(true); got != "o1 o2 " {
			t.Errorf("consistent: %q", got)
		}
		listed("by request", 4) // the view, each instance, a resolve
		release()
		synctest.Wait()
		n.wantSeen("caught up", "o1 o2 ")
		listed("caught up", 0)
		if len(n.lag.views) != 0 {
			t.Errorf("%d views are kept", len(n.lag.views))
		}
		_, err := n.Deregister(t.Context(), orders, "orders", "o1", "", Removal{})
		wantErr(t, "without a token", err, "unauthenticated")
		if rec, err := n.store.Get(t.Context(), store.InstanceKey("orders", "o1")); err != nil || rec == nil {
			t.Errorf("%v, %v", rec, err)
		}
	})
}
