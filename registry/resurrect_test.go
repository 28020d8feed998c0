package registry

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/catalog/catalogtest"
	"github.com/roster-sd/roster/store"
)

// pair forms a cluster of two nodes, and a third, which is gone when data are lost: what only
// that one acknowledged nobody brings back unasked.
func pair(t *testing.T) (c *cluster, third *node) {
	t.Helper()
	b := catalogtest.New(catalogtest.Options{})
	s := setup{tokens: TokenPolicy{TTL: time.Hour, Grace: 30 * time.Second}}
	c = form(t, 2, b, s)
	link := b.Node()
	t.Cleanup(func() { link.Close() })
	c.third = on(t, link, s)
	return c, c.third
}

// got gives the record that the backend has of an instance of "orders".
func (c *cluster) got(id string) *store.Record {
	for _, r := range c.backend.Snapshot().Records {
		if r.Key.ID == id {
			return r
		}
	}
	return nil
}

func (c *cluster) wantShown(what, id, health string) {
	c.Helper()
	synctest.Wait()
	for i, n := range c.nodes {
		if got := n.shown()[id]; got != health {
			c.Errorf("%s: %s is %q on node %d, want %q", what, id, got, i, health)
		}
	}
}

// lose has the backend lose everything, and the nodes notice.
func (c *cluster) lose() {
	c.third.stop()
	c.backend.Lose()
	pass(time.Second)
}

// TestResurrect: a heartbeat with a good token brings back what the backend has lost, as it
// was, and is then one like any other; with any other token it is refused as ever.
func TestResurrect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, third := pair(t)
		a, b := c.nodes[0], c.nodes[1]
		third.register(orders, "o1")
		first := third.register(orders, "o1")
		mine := third.register(orders, "o2")
		pass(5 * time.Second)
		c.lose()
		c.wantShown("lost", "o1", store.HealthSuspect)
		wantErr(t, "another's token", b.beat(orders, "o1", mine.Token), "unauthenticated")
		wantErr(t, "another identity", b.beat(billing, "o1", first.Token), "unauthenticated")
		wantErr(t, "unknown", b.beat(orders, "o3", mine.Token), "not_found")
		if c.got("o1") != nil {
			t.Fatal("it came back")
		}
		beaten, err := b.Heartbeat(t.Context(), orders, Beat{"orders", "o1", first.Token})
		if err != nil || beaten.TTL != 30*time.Second || beaten.TokenExpires != first.TokenExpires {
			t.Fatalf("%+v, %v", beaten, err)
		}
		c.wantShown("back", "o1", store.HealthPassing)
		was, is := first.Record, c.got("o1")
		if is == nil || is.Generation != was.Generation || is.RegisteredAt != was.RegisteredAt || is.Tokens != was.Tokens ||
			is.Owner != was.Owner || !is.Instance.Equal(&was.Instance) || is.TTL != was.TTL {
			t.Errorf("%+v was %+v", is, was)
		}
		events, err := a.Events(t.Context(), orders, "orders", "o1", 10)
		if err != nil {
			t.Fatal(err)
		}
		var why []store.Reason
		for ev := range events {
			why = append(why, ev.Reason)
		}
		if len(why) != 1 || why[0] != (store.Reason{Code: store.Resurrected, Actor: "orders", Node: "n1", From: "192.0.2.1"}) {
			t.Errorf("events %+v", why)
		}
		registers := b.store.calls("register")
		wantErr(t, "again", b.beat(orders, "o1", first.Token), "ok")
		wantErr(t, "there", a.beat(orders, "o1", first.Token), "ok")
		if b.store.calls("register") != registers || b.Stats().Resurrected.Load() != 1 || a.Stats().Resurrected.Load() != 0 {
			t.Error("more than one resurrection")
		}
		pass(40 * time.Second) // and those that nobody asked for are gone, each with a reason
		wantErr(t, "too late", a.beat(orders, "o2", mine.Token), "not_found")
		wantErr(t, "stopped since", a.beat(orders, "o1", first.Token), "lease_lost expired")
	})
}

// TestNoResurrection: without evidence a lease that is over is over, for a late client too.
func TestNoResurrection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := form(t, 2, catalogtest.New(catalogtest.Options{Lag: time.Second}), setup{})
		first := c.nodes[0].register(orders, "o1")
		for _, after := range []time.Duration{30*time.Second + time.Millisecond, 999 * time.Millisecond, 200 * time.Millisecond, time.Second} {
			pass(after) // hidden, just announced, gone
			for _, n := range c.nodes {
				wantErr(t, "late", n.beat(orders, "o1", first.Token), "lease_lost expired")
				wantErr(t, "late, in a batch", n.Heartbeats(t.Context(), orders, []Beat{{"orders", "o1", first.Token}})[0].Err, "lease_lost expired")
			}
		}
		if c.got("o1") != nil {
			t.Error("it came back")
		}
		c.wantShown("in the end", "o1", "")
	})
}

// TestUnnoticedEpoch: a node whose feed has not noticed that the backend has lost its past
// does not tell anyone that an instance is gone: it finds out.
func TestUnnoticedEpoch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, third := pair(t)
		first, second := third.register(orders, "o1"), third.register(orders, "o2")
		synctest.Wait()
		third.stop()
		for _, l := range c.links {
			l.Blind(true)
		}
		c.backend.Lose()
		pass(3 * time.Second)
		if got := c.nodes[1].shown()["o1"]; got != store.HealthPassing {
			t.Fatalf("noticed: %s", got)
		}
		wantErr(t, "the first", c.nodes[1].beat(orders, "o1", first.Token), "ok")
		synctest.Wait()
		if got := c.nodes[1].shown()["o2"]; got != store.HealthSuspect {
			t.Errorf("the node has still not noticed: %s", got)
		}
		out := c.nodes[0].Heartbeats(t.Context(), orders, []Beat{{"orders", "o2", second.Token}, {"orders", "o1", first.Token}})
		wantErr(t, "the second, there", out[0].Err, "ok")
		wantErr(t, "the first, there", out[1].Err, "ok")
		c.wantShown("in the end", "o1", store.HealthPassing)
		c.wantShown("in the end", "o2", store.HealthPassing)
	})
}

// TestResurrectionRace: two nodes that bring back the same instance at once both say yes; it
// comes back once.
func TestResurrectionRace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, third := pair(t)
		first := third.register(orders, "o1")
		pass(time.Second)
		c.lose()
		for _, l := range c.links {
			l.Before("register", func() { time.Sleep(100 * time.Millisecond) })
		}
		done := make(chan error, len(c.nodes))
		for _, n := range c.nodes {
			go func() { done <- n.beat(orders, "o1", first.Token) }()
		}
		for range c.nodes {
			wantErr(t, "heartbeat", <-done, "ok")
		}
		if n := c.nodes[0].Stats().Resurrected.Load() + c.nodes[1].Stats().Resurrected.Load(); n != 1 {
			t.Errorf("it came back %d times", n)
		}
		if got := c.got("o1"); got.Revision.Number != 1 || got.Generation != first.Record.Generation {
			t.Errorf("%+v", got)
		}
	})
}

// TestMeantToDie: what somebody removed is not brought back by a node that was cut off, nor
// by one that is overtaken by the removal; and it leaves that node's view at once.
func TestMeantToDie(t *testing.T) {
	for _, when := range []string{"while it was cut off", "before the registration", "and data were lost"} {
		t.Run(when, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, third := pair(t)
				a, b := c.nodes[0], c.nodes[1]
				first := third.register(orders, "o1")
				synctest.Wait()
				third.stop()
				c.links[1].Set(catalogtest.Down)
				pass(10 * time.Second)
				remove := func() {
					if c.got("o1") == nil {
						// On the other node it came back, and then left.
						wantErr(t, "heartbeat, there", a.beat(orders, "o1", first.Token), "ok")
					}
					a.deregister(first)
				}
				switch when {
				case "while it was cut off":
					remove()
				case "and data were lost":
					c.backend.Lose()
					pass(time.Second)
					remove()
				case "before the registration":
					c.backend.Lose()
					pass(time.Second)
					b.store.meanwhile("register", func() { b.store.meanwhile("register", nil); remove() })
				}
				b.store.fails(down("next"), "next") // the node that was cut off knows nothing of it
				c.links[1].Set(catalogtest.Whole)
				pass(time.Second)
				wantErr(t, "heartbeat", b.beat(orders, "o1", first.Token), "lease_lost deregistered")
				if c.got("o1") != nil {
					t.Error("it came back")
				}
				b.store.fails(nil, "next")
				pass(time.Second)
				c.wantShown("in the end", "o1", "")
				wantErr(t, "again", b.beat(orders, "o1", first.Token), "lease_lost deregistered")
			})
		})
	}
}

// TestOtherUsesOfALostInstance: rotation, update and deregistration find the instance there
// again, and what they did is seen everywhere.
func TestOtherUsesOfALostInstance(t *testing.T) {
	for _, use := range uses {
		t.Run(use.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, third := pair(t)
				first := third.register(orders, "o1")
				synctest.Wait()
				c.lose()
				wantErr(t, use.name, use.call(c.nodes[1], orders, "o1", first.Token), "ok")
				rec := c.got("o1")
				switch {
				case use.name == "deregister":
					if rec != nil {
						t.Errorf("%+v", rec)
					}
					c.wantShown("after it", "o1", "")
					wantErr(t, "heartbeat", c.nodes[0].beat(orders, "o1", first.Token), "lease_lost deregistered")
					return
				case rec == nil || rec.Generation != first.Record.Generation:
					t.Fatalf("%+v", rec)
				case use.name == "update" && rec.Instance.Weight != 7, use.name == "rotate" && !rec.Tokens.HasNewest:
					t.Errorf("%+v", rec)
				}
				c.wantShown("after it", "o1", store.HealthPassing)
			})
		})
	}
}

// TestResurrectionPromotes: the newest token that is used for the first time on an instance
// that was lost ends the older one, as it would have.
func TestResurrectionPromotes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, third := pair(t)
		older, newest := third.rotated(1)
		synctest.Wait()
		c.lose()
		wantErr(t, "the newest", c.nodes[1].beat(orders, "o0", newest[0].Token), "ok")
		synctest.Wait()
		for _, n := range c.nodes {
			wantErr(t, "the older", n.beat(orders, "o0", older[0].Token), "unauthenticated")
			wantErr(t, "the newest", n.beat(orders, "o0", newest[0].Token), "ok")
		}
		if rec := c.got("o0"); rec.Tokens.HasNewest {
			t.Errorf("%+v", rec.Tokens)
		}
	})
}

// TestTombstoneKnowsTheTokens: a node that missed a rotation does not bring an instance
// back by the token that it ended.
func TestTombstoneKnowsTheTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := pair(t)
		older, newest := c.nodes[0].rotated(1)
		pass(time.Second)
		c.links[1].Fail("next", down("next")) // it hears nothing, but may ask
		wantErr(t, "first use, there", c.nodes[0].beat(orders, "o0", newest[0].Token), "ok")
		c.backend.EndEarly(keyOf("o0"))
		c.nodes[0].stop()
		pass(2 * time.Second)
		b := c.nodes[1]
		wantErr(t, "the older", b.beat(orders, "o0", older[0].Token), "unauthenticated")
		if c.got("o0") != nil {
			t.Error("it came back")
		}
		wantErr(t, "the newest", b.beat(orders, "o0", newest[0].Token), "ok")
	})
}

// TestMeantToDieUnasked: what a node could not ask when it listed the store it is told when
// somebody comes, and lets go then.
func TestMeantToDieUnasked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, third := pair(t)
		a, b := c.nodes[0], c.nodes[1]
		first := third.register(orders, "o1")
		synctest.Wait()
		third.stop()
		c.links[1].Set(catalogtest.Down)
		pass(time.Second)
		a.deregister(first)
		c.backend.Save()() // another epoch, which knows of it
		c.links[1].Fail("tombstones", down("tombstones"))
		c.links[1].Set(catalogtest.Whole)
		pass(2 * time.Second)
		if got := b.shown()["o1"]; got != store.HealthSuspect {
			t.Fatal(got)
		}
		c.links[1].Fail("tombstones", nil)
		wantErr(t, "heartbeat", b.beat(orders, "o1", first.Token), "lease_lost deregistered")
		c.wantShown("at once", "o1", "")
	})
}
