package registry

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/catalog/catalogtest"
	"github.com/roster-sd/roster/store"
)

// TestEarlyEndIsMended: a lease that the backend ended before the time that a node was told is
// mended by that node at once, unasked; where the backend is known for it nobody anywhere
// sees the instance leave.
func TestEarlyEndIsMended(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := form(t, 3, catalogtest.New(catalogtest.Options{KeepBack: 500 * time.Millisecond}), setup{})
		token := c.nodes[0].register(orders, "o1").Token
		other := c.nodes[0].register(orders, "o2").Token
		c.alive["o1"], c.alive["o2"] = true, true
		synctest.Wait()
		c.look()
		pass(20 * time.Second)
		wantErr(t, "heartbeat", c.nodes[1].beat(orders, "o1", token), "ok")
		for _, out := range c.nodes[2].Heartbeats(t.Context(), orders, []Beat{{"orders", "o2", other}}) {
			wantErr(t, "batch", out.Err, "ok")
		}
		pass(12 * time.Second) // what the first node knows is over
		was := c.got("o1")
		c.backend.EndEarly(keyOf("o1"), keyOf("o2"))
		pass(100 * time.Millisecond)
		is := c.got("o1")
		if is == nil || is.Lease == was.Lease || is.Generation != was.Generation || is.Tokens != was.Tokens || c.got("o2") == nil {
			t.Fatalf("%+v", is)
		}
		pass(20 * time.Second)
		wantErr(t, "and goes on", c.nodes[0].beat(orders, "o1", token), "ok")
		c.stop("o1", "o2")
		pass(32 * time.Second)
		c.wantShown("in the end", "o1", "")
		c.wantShown("in the end", "o2", "")
		for i, n := range c.nodes {
			if got := n.Stats().Resurrected.Load(); got != uint64(min(i, 1)) {
				t.Errorf("node %d brought back %d", i, got)
			}
		}
		c.verdict()
	})
}

// TestEarlyEndWaits: while the store is out of reach for that it is tried again, for as long
// as the lease was to run; and what somebody removed meanwhile stays removed.
func TestEarlyEndWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := form(t, 2, catalogtest.New(catalogtest.Options{}), setup{})
		a := c.nodes[0]
		for _, id := range []string{"o1", "o2", "o3"} {
			a.register(orders, id)
		}
		pass(time.Second)
		a.store.fails(down("register"), "register")
		c.backend.EndEarly(keyOf("o1"), keyOf("o2"), keyOf("o3"))
		pass(2 * time.Second)
		if got := a.shown(); got["o1"] != store.HealthSuspect || got["o2"] != store.HealthSuspect {
			t.Errorf("%v", got)
		}
		if got := c.nodes[1].shown(); len(got) != 0 {
			t.Errorf("there: %v", got)
		}
		// Another life of the second, which somebody ended.
		again, err := c.links[1].Register(t.Context(), *c.record("o2"), store.Grant{TTL: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.links[1].Deregister(t.Context(), again.Ref(), store.Reason{Code: store.Forced}); err != nil {
			t.Fatal(err)
		}
		pass(2 * time.Second)
		tried := a.store.calls("register")
		a.store.fails(nil, "register")
		pass(time.Second)
		if tried < 10 || tried > 30 {
			t.Errorf("tried %d times", tried)
		}
		if c.got("o1") == nil || c.got("o2") != nil || c.got("o3") == nil {
			t.Errorf("%v %v %v", c.got("o1"), c.got("o2"), c.got("o3"))
		}
		c.wantShown("mended", "o1", store.HealthPassing)
		c.wantShown("removed", "o2", "")
		if n := a.Catalog().Stats().Early; n != 3 {
			t.Errorf("%d early ends", n)
		}
	})
}

// record gives an instance of "orders" as a node shows it.
func (c *cluster) record(id string) *store.Record {
	c.Helper()
	h, ok := c.nodes[0].Catalog().Find("orders", id)
	if !ok {
		c.Fatalf("%s is not shown", id)
	}
	return h.Packed.Record()
}

// TestEarlyEndUnmended: if the node that was told of the longer lease cannot mend it, the
// instance is its own again until that time, and then gone.
func TestEarlyEndUnmended(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := form(t, 1, catalogtest.New(catalogtest.Options{}), setup{})
		a := c.nodes[0]
		token := a.register(orders, "o1").Token
		pass(10 * time.Second)
		a.store.fails(down("register"), "register")
		c.backend.EndEarly(keyOf("o1"))
		pass(5 * time.Second)
		wantErr(t, "heartbeat", a.beat(orders, "o1", token), "unavailable")
		pass(14 * time.Second)
		c.wantShown("up to its time", "o1", store.HealthSuspect)
		pass(2 * time.Second)
		c.wantShown("after it", "o1", store.HealthSuspect) // the heartbeat was refused: that is evidence, too
		pass(15 * time.Second)
		c.wantShown("a TTL after that", "o1", "")
		tries := a.store.calls("register")
		pass(time.Minute)
		if more := a.store.calls("register") - tries; more != 0 {
			t.Errorf("tried %d times more", more)
		}
	})
}
