package catalog

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/catalog/catalogtest"
	"github.com/roster-sd/roster/store"
)

// TestNoHold: without evidence nobody waits: neither one that is silent, nor all at once, nor
// on a node that has just joined, nor after a break that was too short to matter.
func TestNoHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := alone(t)
		for i := range 200 {
			p.register("a", fmt.Sprint(i), ttl)
		}
		w := watching(p)
		pass(ttl - time.Second)
		other := join(t, p.backend, Options{})
		p.want("on time", "b", "")
		if p.Service("a").Len() != 200 || other.Service("a").Len() != 200 {
			t.Fatal("too early")
		}
		// 300 ms without the store, in which their leases end.
		pass(800 * time.Millisecond)
		p.store.Set(catalogtest.Down)
		pass(300 * time.Millisecond)
		p.store.Set(catalogtest.Whole)
		pass(700 * time.Millisecond)
		for _, n := range []*peer{p, other} {
			if n.Service("a").Len() != 0 {
				t.Errorf("%d are left", n.Service("a").Len())
			}
			n.pure("all gone", "a", true, true)
			n.audited()
		}
		w.take()
		if w.err != nil || len(w.told) != 200 || w.told[0][len(w.told[0])-7:] != "expired" {
			t.Errorf("told %d, %v", len(w.told), w.err)
		}
		if got := p.logs.with("instances are held"); len(got) != 0 {
			t.Errorf("log: %q", got)
		}
	})
}

// TestOutageHold: after an outage those whose leases ended in it are held for one TTL from
// the recovery. Whoever comes back meanwhile was never gone for any watcher; the others are
// gone within a TTL and two seconds.
func TestOutageHold(t *testing.T) {
	for _, outage := range []time.Duration{10 * time.Second, 45 * time.Second, 10 * time.Minute} {
		t.Run(outage.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := alone(t)
				silent := p.register("a", "silent", ttl)
				back := p.register("a", "back", ttl)
				p.register("b", "1", time.Hour)
				pass(ttl - 8*time.Second) // they run out in the outage, however short
				w := watching(p)
				p.backend.Stop()
				pass(time.Second)
				if _, stale := p.Stale(); !stale {
					t.Fatal("not stale after a second")
				}
				pass(outage - time.Second)
				p.want("in the outage", "a", "back, silent")
				w.want("in the outage")
				if age, _ := p.Stale(); age < outage || age > outage+pingEvery {
					t.Errorf("stale for %v", age)
				}

				p.backend.Continue()
				pass(2 * time.Second)
				if _, stale := p.Stale(); stale {
					t.Fatal("still stale")
				}
				p.want("after it", "a", "back suspect, silent suspect")
				w.want("after it", "+back suspected", "+silent suspected")
				p.pure("after it", "a", false, false)
				p.pure("after it", "b", true, false)
				if got := p.Held(); got[Outage] != 2 || sum(&got) != 2 {
					t.Errorf("held %v", got)
				}
				p.audited()
				pass(ttl - 5*time.Second)
				if out := p.Resolve("a", Choice{}); !out.Found {
					t.Error("what is held is not resolved")
				}
				p.back(back)
				fresh := p.register("a", "fresh", 4*time.Second)
				p.want("one came back", "a", "back, fresh, silent suspect")
				w.want("one came back", "+back resurrected", "+fresh registered")
				for range 20 {
					if out := p.Resolve("a", Choice{}); out.Item.Record().Key.ID == "silent" {
						t.Fatal("a suspect one is resolved before those that pass")
					}
				}
				pass(5 * time.Second) // TTL and two seconds after the recovery
				p.want("in the end", "a", "back")
				w.want("in the end", "-fresh expired", "-silent expired")
				p.pure("in the end", "a", true, true)
				p.audited()
				_, _ = silent, fresh
				if begin, end := p.logs.with("instances are held"), p.logs.with("no instance is held"); len(begin) != 1 || len(end) != 1 {
					t.Errorf("log: %q, %q", begin, end)
				}
			})
		})
	}
}

// TestCutOff: a node that alone is cut off holds what left meanwhile, and the others do not.
func TestCutOff(t *testing.T) {
	for _, how := range []catalogtest.Link{catalogtest.Down, catalogtest.Mute} {
		synctest.Test(t, func(t *testing.T) {
			p := alone(t)
			other := join(t, p.backend, Options{})
			stays := p.register("a", "stays", ttl)
			p.register("a", "dies", ttl)
			p.register("a", "dropped", ttl)
			w, ow := watching(p), watching(other)
			p.store.Set(how)
			other.renew(15*time.Second, stays)
			other.drop("a", "dropped")
			other.renew(25*time.Second, stays)
			other.want("there", "a", "stays")
			ow.want("there", "-dropped deregistered", "-dies expired")
			p.want("cut off", "a", "dies, dropped, stays")
			w.want("cut off")
			p.store.Set(catalogtest.Whole)
			other.renew(2*time.Second, stays)
			p.want("back", "a", "dies suspect, stays")
			w.want("back", "-dropped deregistered", "+dies suspected")
			other.renew(30*time.Second, stays)
			w.want("a TTL later", "-dies expired")
			p.audited()
		})
	}
}

// TestOutageAgain: while the store is out of reach no hold ends, and the next recovery gives
// another TTL.
func TestOutageAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := alone(t)
		p.register("a", "1", ttl)
		w := watching(p)
		p.backend.Stop()
		pass(40 * time.Second)
		p.backend.Continue()
		pass(20 * time.Second)
		w.want("first", "+1 suspected")
		p.backend.Stop()
		pass(40 * time.Second)
		w.want("in the second outage")
		p.backend.Continue()
		pass(25 * time.Second)
		p.want("after it", "a", "1 suspect")
		pass(6 * time.Second)
		w.want("a TTL after it", "-1 expired")
		p.audited()
	})
}

// TestEndInAShortBreak: whoever leaves in a break that may become an outage is kept back until
// that shows, with nothing to be seen.
func TestEndInAShortBreak(t *testing.T) {
	for _, long := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			p := alone(t)
			key := p.register("a", "1", ttl).Key
			pass(10 * time.Second)
			w := watching(p)
			p.store.Fail("ping", catalogtest.Unavailable("ping"))
			for _, stale := p.Stale(); !stale; _, stale = p.Stale() {
				pass(time.Millisecond)
			}
			p.backend.EndEarly(key)
			pass(50 * time.Millisecond)
			w.want("just broken")
			p.want("just broken", "a", "1")
			if long {
				pass(time.Second)
				w.want("an outage", "+1 suspected")
				return
			}
			p.store.Fail("ping", nil)
			pass(500 * time.Millisecond)
			w.want("a short break", "-1 expired")
			p.audited()
		})
	}
}

// TestHoldIsBounded: five minutes are the longest, whatever the TTL.
func TestHoldIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := alone(t)
		p.register("a", "1", 20*time.Minute)
		w := watching(p)
		pass(19 * time.Minute)
		p.backend.Stop()
		pass(2 * time.Minute)
		p.backend.Continue()
		pass(maxHold - time.Second)
		w.want("before", "+1 suspected")
		pass(3 * time.Second)
		w.want("after", "-1 expired")
	})
}

// TestFailingStaysFailing: what fails is not made better by a hold.
func TestFailingStaysFailing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := alone(t)
		p.register("a", "1", ttl, health(store.HealthFailing))
		w := watching(p)
		p.backend.Stop()
		pass(40 * time.Second)
		p.backend.Continue()
		pass(2 * time.Second)
		p.want("held", "a", "1 failing")
		p.pure("held", "a", false, false)
		if p.Resolve("a", Choice{}).Found {
			t.Error("resolved")
		}
		p.audited()
		pass(ttl)
		w.want("all in all", "-1 expired")
	})
}
