package catalog

import (
	"reflect"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/catalog/catalogtest"
	"github.com/roster-sd/roster/store"
)

// TestAllDataLost: of a backend that comes back empty nothing is announced as deleted: what
// it lacks is held for one TTL, and what comes back was never gone.
func TestAllDataLost(t *testing.T) {
	for _, outage := range []time.Duration{0, 10 * time.Second, 2 * time.Minute} {
		t.Run(outage.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := alone(t)
				a := p.register("a", "1", ttl)
				p.register("a", "2", ttl)
				p.register("b", "1", 10*time.Second)
				w, wb := watching(p), watching(p, "b")
				p.backend.Stop()
				pass(outage)
				p.backend.Lose()
				p.backend.Continue()
				pass(2 * time.Second)
				w.want("after it", "resync")
				wb.want("after it", "resync")
				p.want("after it", "a", "1 suspect, 2 suspect")
				if got := p.Held(); got[NewEpoch]+got[Outage] != 3 || (outage == 0) != (got[NewEpoch] == 3) {
					t.Errorf("held %v", got)
				}
				if h, ok := p.Find("a", "1"); !ok || h.Packed.Lease() != a.Lease || h.Packed.RegisteredAt() != a.RegisteredAt {
					t.Errorf("%+v", h.Packed)
				}
				p.audited()
				p.pure("after it", "a", false, false)
				p.pure("unknown", "c", true, false)
				p.back(a)
				fresh := p.register("c", "1", ttl)
				w.want("one came back", "+1 resurrected", "+1 registered")
				pass(9 * time.Second)
				wb.want("the short one", "-1 expired")
				p.pure("b", "b", true, false)
				p.renew(20*time.Second, fresh)
				w.want("in the end", "-1 expired", "-2 expired")
				p.want("in the end", "c", "1")
				p.pure("in the end", "a", true, true)
				p.audited()
			})
		})
	}
}

// TestEpochKeepsWhatWasMeant: in another epoch, too, what somebody meant to leave leaves at
// once, where the store still knows; what expired is held.
func TestEpochKeepsWhatWasMeant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := alone(t)
		other := join(t, p.backend, Options{})
		p.register("a", "dropped", ttl)
		p.register("a", "expired", 5*time.Second)
		p.register("a", "again", 5*time.Second)
		stays := p.register("a", "stays", time.Hour)
		p.store.Set(catalogtest.Down)
		pass(time.Second)
		other.drop("a", "dropped")
		other.drop("a", "again")
		other.register("a", "again", 2*time.Second) // another life, which ends by itself
		pass(6 * time.Second)
		p.backend.Save()()
		p.store.Set(catalogtest.Whole)
		pass(2 * time.Second)
		p.want("after it", "a", "again suspect, expired suspect, stays")
		if h, _ := p.Find("a", "stays"); h.Packed.Address() != stays.Instance.Address {
			t.Errorf("%+v", h.Packed)
		}
		p.audited()
	})
}

// TestEpochTwice: what is held when another epoch begins is held on, with the record that
// the store last had.
func TestEpochTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := alone(t)
		rec := p.register("a", "1", ttl)
		p.backend.Lose()
		pass(20 * time.Second)
		p.want("once", "a", "1 suspect")
		p.backend.Lose()
		pass(20 * time.Second)
		p.want("twice", "a", "1 suspect")
		if l, ok := p.Lost(rec.Key); !ok || l.Record.Instance.Health != store.HealthPassing || l.Record.Generation != rec.Generation {
			t.Errorf("%+v, %v", l, ok)
		}
		pass(11 * time.Second)
		p.want("in the end", "a", "")
		p.audited()
	})
}

// TestSharedCompacted: a list after a gap is no evidence by itself; after an outage it is
// judged like the feed, and whoever was kept and is there after all is kept no longer.
func TestSharedCompacted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := alone(t)
		other := join(t, p.backend, Options{})
		p.register("a", "1", ttl)
		p.register("a", "2", time.Hour)
		w := watching(p)
		p.store.Late(5 * time.Second)
		other.drop("a", "2")
		p.backend.Compact()
		p.store.Late(0)
		pass(6 * time.Second)
		w.want("no outage", "-2 deregistered")
		pass(25 * time.Second)
		w.want("still none", "-1 expired")

		two := p.register("a", "2", ttl)
		three := p.register("a", "3", ttl)
		w.want("again", "+2 registered", "+3 registered")
		p.store.Set(catalogtest.Down)
		pass(40 * time.Second)
		p.backend.Compact()
		p.store.Set(catalogtest.Whole)
		pass(2 * time.Second)
		w.want("held", "+2 suspected", "+3 suspected")
		p.store.Late(5 * time.Second)
		other.back(two)
		other.back(three)
		p.backend.Compact()
		p.store.Late(0)
		pass(6 * time.Second)
		w.want("there after all", "+2 resurrected", "+3 updated") // one by the feed, one by the list
		p.pure("there after all", "a", true, true)
		p.audited()
	})
}

// TestSeen: whoever has seen another epoch has the store listed at once; a revision of the
// same one means nothing, nor does any while nothing is listed.
func TestSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := alone(t)
		p.register("a", "1", ttl)
		lists := p.store.Calls("list")
		if p.Seen(store.Revision{Epoch: p.Revision().Epoch, Number: 99}) || New(Options{Store: p.store}).Seen(p.Revision()) {
			t.Error("another epoch")
		}
		if !p.Seen(store.Revision{Epoch: p.Revision().Epoch + 1, Number: 1}) {
			t.Error("the same epoch")
		}
		synctest.Wait()
		if n := p.store.Calls("list") - lists; n != 1 {
			t.Errorf("%d lists", n)
		}
		p.want("in the same epoch", "a", "1")
		if _, stale := p.Stale(); stale {
			t.Error("stale")
		}
		rec := p.register("a", "2", ttl)
		if p.Revision() != rec.Revision {
			t.Error("it does not follow any more")
		}
		p.audited()
	})
}

// rotated changes the tokens of a record.
func (p *peer) rotated(rec *store.Record, token byte) *store.Record {
	p.Helper()
	out, err := p.store.Update(p.Context(), rec.Ref(), store.Reason{Code: store.Rotated}, func(x *store.Record) error {
		x.Tokens.Used = [32]byte{token}
		return nil
	})
	if err != nil {
		p.Fatal(err)
	}
	synctest.Wait()
	return out
}

// TestNewer: of a backend that went back behind a rotation or a registration the later
// form is remembered, for as long as a hold, and only if this node knows that the stored
// form was before it.
func TestNewer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := alone(t)
		other := join(t, p.backend, Options{})
		same := p.register("a", "same", time.Hour)
		rotated := p.rotated(p.register("a", "rotated", time.Hour), 1)
		again := p.register("a", "again", time.Hour)
		twice := p.rotated(p.register("a", "twice", time.Hour), 1)
		moved := p.rotated(p.register("a", "moved", time.Hour), 1)
		rewind := p.backend.Save()
		later := p.rotated(rotated, 2)
		next := p.register("a", "again", time.Hour)
		last := p.rotated(p.rotated(twice, 2), 3)
		p.rotated(moved, 2)
		if next.Generation != again.Generation+1 {
			t.Fatal(next.Generation)
		}
		// This node lists when the holder of the last one has gone on from the earlier form.
		p.store.Set(catalogtest.Down)
		rewind()
		pass(time.Second)
		other.rotated(moved, 4)
		p.store.Set(catalogtest.Whole)
		pass(2 * time.Second)
		p.audited()
		for id, want := range map[string]*store.Record{"rotated": later, "again": next, "twice": last} {
			n, ok := p.Newer(store.InstanceKey("a", id))
			if !ok || !reflect.DeepEqual(store.Pack(n.Record), store.Pack(want)) || n.Stored.Revision.Number >= want.Revision.Number {
				t.Errorf("%s: %+v, %v", id, n, ok)
			}
		}
		for _, id := range []string{"same", "moved", "nobody"} {
			if n, ok := p.Newer(store.InstanceKey("a", id)); ok {
				t.Errorf("%s: %+v", id, n)
			}
		}
		p.pure("nothing is kept", "a", true, true)
		// What changes is the truth from then on.
		p.rotated(rotated, 5)
		if _, ok := p.Newer(rotated.Key); ok {
			t.Error("remembered after a change")
		}
		// And what is lost once more is still known.
		p.backend.Save()()
		pass(2 * time.Second)
		if n, ok := p.Newer(twice.Key); !ok || !reflect.DeepEqual(store.Pack(n.Record), store.Pack(last)) {
			t.Errorf("after another epoch: %+v, %v", n, ok)
		}
		pass(maxHold)
		if _, ok := p.Newer(twice.Key); ok {
			t.Error("remembered for ever")
		}
		_ = same
	})
}

// TestPastForms: the forms that are remembered are the last ones.
func TestPastForms(t *testing.T) {
	var p past
	rec := func(n int) *store.Record {
		return &store.Record{Key: store.InstanceKey("a", "1"), Revision: store.Revision{Epoch: 1, Number: uint64(n)}}
	}
	for i := range pastForms + 10 {
		p.add(store.Pack(rec(i)))
	}
	forms := p.forms()
	for n, want := range map[int]bool{9: false, 10: true, pastForms + 9: true, pastForms + 10: false} {
		if _, ok := forms[formOf(rec(n))]; ok != want {
			t.Errorf("%d: %v", n, ok)
		}
	}
	if p.forget(); len(p.forms()) != 0 || slices.Contains(p.ring, formOf(rec(20))) {
		t.Error("not forgotten")
	}
}
