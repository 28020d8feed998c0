package catalog

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/catalog/catalogtest"
	"github.com/roster-sd/roster/store"
)

// TestStaleInTime: whatever breaks shows within a second, with the age of the view, and is
// over within two after the store is back: for one that fails, one that is silent, one of
// which only the feed is broken, and one that answers no ping.
func TestStaleInTime(t *testing.T) {
	for name, c := range map[string]struct {
		breaks, heals func(*catalogtest.Node)
		soon          bool
	}{
		"down":     {func(n *catalogtest.Node) { n.Set(catalogtest.Down) }, func(n *catalogtest.Node) { n.Set(catalogtest.Whole) }, true},
		"mute":     {func(n *catalogtest.Node) { n.Set(catalogtest.Mute) }, func(n *catalogtest.Node) { n.Set(catalogtest.Whole) }, false},
		"the feed": {func(n *catalogtest.Node) { n.Fail("next", catalogtest.Unavailable("next")) }, func(n *catalogtest.Node) { n.Fail("next", nil) }, true},
		"the ping": {func(n *catalogtest.Node) { n.Fail("ping", catalogtest.Unavailable("ping")) }, func(n *catalogtest.Node) { n.Fail("ping", nil) }, true},
	} {
		for _, d := range []time.Duration{time.Second, 5 * time.Second, 33 * time.Second} {
			t.Run(name+" for "+d.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					p := alone(t)
					p.register("a", "1", time.Hour)
					pass(10 * time.Second)
					if age, stale := p.Stale(); stale || age != 0 {
						t.Fatalf("stale for %v while all is well", age)
					}
					c.breaks(p.store)
					pass(time.Second - time.Millisecond)
					age, stale := p.Stale()
					if !stale || age < 500*time.Millisecond || age > 1300*time.Millisecond {
						t.Errorf("after a second: %v, %v", age, stale)
					}
					pass(d)
					c.heals(p.store)
					back := time.Now()
					for stale {
						pass(10 * time.Millisecond)
						if _, stale = p.Stale(); time.Since(back) > 2*time.Second {
							t.Fatal("stale for two seconds after it")
						}
					}
					rec := p.register("a", "2", time.Hour)
					if p.Revision() != rec.Revision {
						t.Error("it does not follow")
					}
					if n := len(p.logs.with("catalog: lost the store")); n != 1 {
						t.Errorf("%d lines", n)
					}
				})
			})
		}
	}
}

// TestNoPing: a store in this process is not pinged, and nothing is ever held for it.
func TestNoPing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Options{})
		rec := r.putFor("a", "1", 10*time.Second)
		r.settle()
		r.pass(5 * time.Second)
		r.Disturbed(store.Disturbance{From: time.Now().Add(-time.Minute), At: time.Now()})
		if h, ok := r.Find("a", "1"); ok {
			h.Refused(r.Now())
			h.Renewed(r.Now(), time.Hour)
		}
		if _, ok := r.Lost(rec.Key); ok || r.Holds() || r.WasOut(0, time.Hour) {
			t.Error("something may be lost")
		}
		r.pass(6 * time.Second)
		if n := r.feed.calls("ping"); n != 0 || r.Service("a").Len() != 0 {
			t.Errorf("%d pings, %d held", n, r.Service("a").Len())
		}
		r.audit()
	})
}

// TestStartsInAnOutage: a node that finds no store is not warm, says so, and is warm by
// itself within two seconds of the store's return; what it then hears of is judged like on
// every other node.
func TestStartsInAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := catalogtest.New(catalogtest.Options{})
		other := join(t, b, Options{})
		other.register("a", "1", ttl)
		b.Stop()
		n := b.Node()
		defer n.Close()
		c := New(Options{Store: n, Encode: encode})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- c.Run(ctx) }()
		pass(25 * time.Second)
		if age, stale := c.Stale(); c.IsWarm() || !stale || age < 24*time.Second {
			t.Errorf("warm %v, stale %v for %v", c.IsWarm(), stale, age)
		}
		b.Continue()
		pass(2 * time.Second)
		if _, stale := c.Stale(); !c.IsWarm() || stale || c.Service("a").Len() != 1 {
			t.Errorf("warm %v, stale %v", c.IsWarm(), stale)
		}
		pass(5 * time.Second)
		if got := c.Held(); got[Outage] != 1 {
			t.Errorf("held %v", got)
		}
		cancel()
		<-done
	})
}

// TestWasOut: the grace after an outage is for what ended in it.
func TestWasOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := alone(t)
		pass(time.Minute)
		p.store.Set(catalogtest.Down)
		pass(time.Minute)
		p.store.Set(catalogtest.Whole)
		pass(5 * time.Second)
		for ago, want := range map[time.Duration]bool{0: false, 4 * time.Second: false, 6 * time.Second: true, 64 * time.Second: true, 67 * time.Second: false} {
			if got := p.WasOut(ago, 30*time.Second); got != want {
				t.Errorf("%v ago: %v", ago, got)
			}
		}
		pass(30 * time.Second)
		if p.WasOut(40*time.Second, 30*time.Second) {
			t.Error("after the grace")
		}
	})
}

// TestSettled: a feed that was made a moment ago is whole when it has not failed for a while, or
// has brought something: making it may need no word with the store.
func TestSettled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := catalogtest.New(catalogtest.Options{}).Node()
		defer n.Close()
		c := New(Options{Store: n, Encode: encode})
		c.broken(&c.evidence.feedDown, catalogtest.Unavailable("next"))
		made := c.Now()
		c.watching.Store(int64(made))
		for _, asked := range []Moment{made - 1, made, made.after(settled) - 1} {
			if c.pinged(int64(asked)); c.brokenSince.Load() == 0 {
				t.Errorf("whole by a ping that was asked %v after it was made", time.Duration(asked-made))
			}
		}
		if c.pinged(int64(made.after(settled))); c.brokenSince.Load() != 0 {
			t.Error("not whole")
		}
	})
}
