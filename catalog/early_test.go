package catalog

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/catalog/catalogtest"
	"github.com/roster-sd/roster/store"
)

// heard is a heartbeat that this node passed on, and the store acknowledged.
func (p *peer) heard(rec *store.Record) {
	p.Helper()
	sent := p.Now()
	rs, err := p.store.Renew(p.Context(), []store.Ref{rec.Ref()})
	if err != nil || rs[0].Err != nil {
		p.Fatal(rs, err)
	}
	h, ok := p.Find(rec.Key.Service, rec.Key.ID)
	if !ok {
		p.Fatal("not found")
	}
	h.Renewed(sent, rs[0].TTL)
}

func (p *peer) taken() string {
	var ids []string
	for _, key := range p.TakeEarly() {
		ids = append(ids, key.ID)
	}
	slices.Sort(ids)
	return strings.Join(ids, " ")
}

// TestEarlyEnd: a lease that ends before the time that this node was told is not believed: the
// instance is offered to be brought back, and shown as it was for a moment. If nobody brings it
// back it is suspect until that time is over.
func TestEarlyEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := alone(t)
		other := join(t, p.backend, Options{})
		one, two, three := p.register("a", "1", ttl), p.register("a", "2", ttl), p.register("a", "3", ttl)
		pass(10 * time.Second)
		p.heard(one)
		p.heard(two)
		w := watching(p)
		before, _ := p.Changed("a")
		p.backend.EndEarly(one.Key, two.Key, three.Key)
		pass(100 * time.Millisecond)
		select {
		case <-p.Early():
		default:
			t.Error("nobody is told")
		}
		if got := p.taken(); got != "1 2" {
			t.Errorf("offered %q", got)
		}
		if got := p.taken(); got != "" {
			t.Errorf("offered again: %q", got)
		}
		w.want("at once", "-3 expired") // nobody here had heard of it
		p.want("at once", "a", "1, 2")
		other.want("there", "a", "")
		if after, at := p.Changed("a"); after == before || after.IsPure() || at.IsPure() {
			t.Errorf("the service stays at %v, the node is at %v", after, at)
		}
		p.audited()
		back := p.back(one)
		w.want("one is back", "+1 resurrected")
		pass(time.Second)
		p.want("nobody brought the other back", "a", "1, 2 suspect")
		w.want("nobody brought the other back", "+2 suspected")
		if got := p.Held(); got[EarlyEnd] != 1 {
			t.Errorf("held %v", got)
		}
		p.renew(28*time.Second, back)
		w.want("up to its time")
		p.renew(2*time.Second, back)
		w.want("after it", "-2 expired")
		p.audited()
		if s := p.Stats(); s.Early != 2 {
			t.Errorf("%d early ends", s.Early)
		}
	})
}

// TestPromiseOutlivesAnEpoch: another past of the store takes nothing from what this node was
// told of a lease that is still there.
func TestPromiseOutlivesAnEpoch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := alone(t)
		p.heard(p.register("a", "1", time.Hour))
		p.backend.Save()()
		pass(maxHold + time.Minute) // nothing else is evidence any more
		p.want("listed", "a", "1")
		p.backend.EndEarly(store.InstanceKey("a", "1"))
		pass(100 * time.Millisecond)
		want(t, "offered", p.taken(), "1")
	})
}

// TestPromiseIsOfALease: what was told of one lease says nothing of the next one.
func TestPromiseIsOfALease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := alone(t)
		first := p.register("a", "1", time.Minute)
		p.heard(first)
		h, _ := p.Find("a", "1")
		p.register("a", "1", 2*time.Second) // replaced, with a shorter lease
		w := watching(p)
		pass(3 * time.Second)
		w.want("on time", "-1 expired")
		if got := p.taken(); got != "" {
			t.Errorf("offered %q", got)
		}
		// One that expires when it was to is not early either, nor one without a lease.
		p.heard(p.register("a", "2", ttl))
		pass(ttl + time.Second)
		w.want("on time, too", "+2 registered", "-2 expired")
		h.Renewed(p.Now(), 0)
		Handle{}.Renewed(p.Now(), ttl)
		Handle{}.Refused(p.Now())
	})
}

// TestKeepBack: of a backend that is known to end leases early every end is kept back for a
// moment, on every node, with nothing to be seen; who is back by then never left.
func TestKeepBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const back = 500 * time.Millisecond
		p := join(t, catalogtest.New(catalogtest.Options{KeepBack: back}), Options{})
		other := join(t, p.backend, Options{})
		one, two := p.register("a", "1", ttl), p.register("a", "2", ttl)
		p.heard(one)
		w, ow := watching(p), watching(other)
		p.backend.EndEarly(one.Key, two.Key)
		pass(300 * time.Millisecond)
		for _, n := range []*peer{p, other} {
			n.want("kept back", "a", "1, 2")
			n.pure("kept back", "a", false, false)
			n.audited()
			if got := n.Held(); sum(&got) != 0 {
				t.Errorf("counted as held: %v", got)
			}
		}
		if got := p.taken(); got != "1" {
			t.Errorf("offered %q", got)
		}
		if l, ok := other.Lost(two.Key); !ok || l.Acked {
			t.Errorf("while it is shown it may be brought back: %+v, %v", l, ok)
		}
		p.back(one)
		for _, c := range []*client{w, ow} {
			c.want("one is back", "+1 resurrected")
		}
		pass(210 * time.Millisecond)
		for _, c := range []*client{w, ow} {
			c.want("the other left", "-2 expired")
			c.p.pure("the other left", "a", true, true)
			c.p.audited()
		}
	})
}

// TestRefused: a renewal that failed for our sake is evidence for that instance alone, for
// one TTL, though nothing else shows a fault.
func TestRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := alone(t)
		p.register("a", "1", ttl)
		p.register("a", "2", ttl)
		w := watching(p)
		pass(20 * time.Second)
		h, _ := p.Find("a", "1")
		h.Refused(p.Now())
		pass(11 * time.Second)
		w.want("at the end of the lease", "+1 suspected", "-2 expired")
		if got := p.Held(); got[Refused] != 1 {
			t.Errorf("held %v", got)
		}
		h.Refused(p.Now()) // and once more, while it is held
		pass(20 * time.Second)
		w.want("a TTL after the first")
		pass(11 * time.Second)
		w.want("a TTL after the second", "-1 expired")
		p.audited()
	})
}

// TestLostTells who may be brought back, and who may not.
func TestLostTells(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := alone(t)
		one, two := p.register("a", "1", ttl), p.register("a", "2", ttl)
		p.heard(two)
		ask := func(what string, key store.Key, ok, acked bool) {
			t.Helper()
			if l, got := p.Lost(key); got != ok || l.Acked != acked || ok && l.Record.Key != key {
				t.Errorf("%s: %+v, %v", what, l, got)
			}
		}
		ask("unknown", store.InstanceKey("a", "3"), false, false)
		ask("without evidence", one.Key, false, false)
		ask("of an acknowledged lease", two.Key, true, true)
		p.store.Set(catalogtest.Mute)
		pass(2 * time.Second)
		ask("out of reach", one.Key, true, false)
		p.store.Set(catalogtest.Whole)
		pass(2 * time.Second)
		ask("after it", one.Key, true, false)
		pass(ttl)
		ask("long after it", one.Key, false, false)
		ask("gone", two.Key, false, false)
		p.audited()

		// The store knows that it is gone for good.
		three := p.register("a", "3", ttl)
		w := watching(p)
		p.backend.Lose()
		pass(3 * time.Second)
		end := func(id string, generation uint64, rev store.Revision) {
			p.Leave(store.Tombstone{Record: &store.Record{Key: store.InstanceKey("a", id), Generation: generation},
				Reason: store.Reason{Code: store.Forced}, Revision: rev})
		}
		now := p.Revision()
		end("3", three.Generation-1, now)
		end("9", 1, now)
		end("3", three.Generation, store.Revision{Epoch: now.Epoch, Number: now.Number + 1})
		p.want("another one, and one that the feed will tell of", "a", "3 suspect")
		w.take()
		end("3", three.Generation, store.Revision{Epoch: now.Epoch + 1, Number: 7})
		w.told = nil
		w.want("this one", "-3 forced")
		p.audited()
	})
}
