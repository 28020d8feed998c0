package catalog

import (
	"fmt"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/roster-sd/roster/store"
)

// rhythms gives what is known of a generation of an instance of the service "a", in text.
func (c *Catalog) rhythms(id string, generation uint64) string {
	r, ok := c.Rhythm(store.InstanceKey("a", id), generation)
	if !ok {
		return "nothing"
	}
	return r.Largest.String()
}

// began has a node take the registration of a record.
func (c *Catalog) began(rec *store.Record, t store.Millis) {
	h, _ := c.Find(rec.Key.Service, rec.Key.ID)
	h.Began(rec, t)
}

// TestRhythm: the largest gap is that between two signs of life that this node took, in one
// life of the instance, and is remembered when that is over.
func TestRhythm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Options{})
		rec := r.put("a", "1")
		r.settle()
		want(t, "before any", r.rhythms("1", 0), "nothing")
		r.began(rec, 0)
		want(t, "registered here", r.rhythms("1", 0), "0s")
		for _, step := range []struct {
			wait time.Duration
			want string
		}{{5 * time.Second, "5s"}, {3 * time.Second, "5s"}, {0, "5s"}, {9*time.Second + 7*time.Millisecond, "9.007s"}, {time.Second, "9.007s"}} {
			r.pass(step.wait)
			r.beat("a", "1")
			want(t, "a beat after "+step.wait.String(), r.rhythms("1", 0), step.want)
		}
		last := store.Now()
		r.pass(time.Minute)
		r.change("a", "1", weight(5))
		r.rotate("a", "1")
		want(t, "after changes", r.rhythms("1", rec.Generation), "9.007s")

		again := r.put("a", "1")
		r.settle()
		want(t, "in its next life, which another node took", r.rhythms("1", 0), "nothing")
		want(t, "in its next life", r.rhythms("1", again.Generation), "nothing")
		if before, ok := r.Rhythm(rec.Key, rec.Generation); !ok || before.Largest != 9007*time.Millisecond || before.Last != last {
			t.Errorf("of its first life: %+v, %t", before, ok)
		}
		r.began(rec, 0)
		want(t, "begun by the life before", r.rhythms("1", again.Generation), "nothing")
		r.pass(time.Minute)
		r.beat("a", "1")
		want(t, "the first beat here", r.rhythms("1", 0), "0s")
		r.pass(2 * time.Second)
		r.beat("a", "1")
		want(t, "the second", r.rhythms("1", 0), "2s")
		r.drop("a", "1")
		r.settle()
		want(t, "when it is gone", r.rhythms("1", again.Generation), "2s")
		want(t, "of the last life", r.rhythms("1", 0), "2s")
		want(t, "of the first", r.rhythms("1", rec.Generation), "9.007s")
		want(t, "of none", r.rhythms("1", 99), "nothing")

		rec = r.put("a", "2")
		r.settle()
		r.pass(time.Second)
		r.began(rec, store.Now()) // the clock of the store is a second behind
		r.began(rec, store.Now()+5000)
		r.pass(time.Second)
		r.beat("a", "2")
		want(t, "with a clock of its own", r.rhythms("2", 0), "1s")
		h, _ := r.Find("a", "2")
		h.Heard(1)
		want(t, "a beat out of order", r.rhythms("2", 0), "1s")
		Handle{}.Heard(1)
		Handle{}.Began(rec, 1)

		seen := ""
		r.put("a", "3")
		r.settle()
		for rec, rhythm := range r.Service("a").Rhythms() {
			seen += rec.ID() + " " + rhythm.Largest.String() + ";"
		}
		want(t, "of a service", seen, "2 1s;")
		for range r.Service("nobody").Rhythms() {
			t.Error("of nobody")
		}
	})
}

// TestGap: a gap is counted from the first sign of life on, and what is out of all bounds is
// cut to them.
func TestGap(t *testing.T) {
	var g gap
	if !g.begin() || g.begin() {
		t.Error("it does not begin once")
	}
	for _, c := range []struct {
		after store.Millis
		want  uint32
	}{{0, 1}, {-5, 1}, {7, 8}, {6, 8}, {math.MaxUint32 - 1, math.MaxUint32}, {math.MaxInt64, math.MaxUint32}} {
		if g.took(c.after); g.Load() != c.want {
			t.Errorf("after %d: %d, want %d", c.after, g.Load(), c.want)
		}
	}
	var unknown gap
	if unknown.took(5); unknown.Load() != 1 {
		t.Errorf("with nothing before: %d", unknown.Load())
	}
}

// TestGapAtOnce: heartbeats that come at once lose none of the gaps between them.
func TestGapAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Options{})
		rec := r.put("a", "1")
		r.settle()
		r.began(rec, 0)
		h, _ := r.Find("a", "1")
		var wg sync.WaitGroup
		for g := range 8 {
			wg.Go(func() {
				for i := range 1000 {
					h.Heard(rec.RegisteredAt + store.Millis(i*10+g))
				}
			})
		}
		wg.Wait()
		h.Heard(rec.RegisteredAt + 10_000 + 500)
		// Whatever the order, the gap to the last was the largest, and is whole.
		want(t, "the gap", r.rhythms("1", 0), "503ms")
	})
}

// TestGapCosts: a gap costs an instance no memory, and a heartbeat no allocation.
func TestGapCosts(t *testing.T) {
	if size := unsafe.Sizeof(state{}); size > 32 {
		t.Errorf("the state of an instance takes %d bytes", size)
	}
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Options{})
		rec := r.put("a", "1")
		r.settle()
		r.began(rec, 0)
		h, _ := r.Find("a", "1")
		now := rec.RegisteredAt
		if n := testing.AllocsPerRun(100, func() { now += 7; h.Heard(now) }); n != 0 {
			t.Errorf("a heartbeat allocates %v times", n)
		}
	})
}

// TestDepartedIsBounded: of lives that are over the last ones are remembered, with one that
// this node took no part in taking nobody's place.
func TestDepartedIsBounded(t *testing.T) {
	var d departed
	lose := func(id string, gap uint32) {
		e := &entry{rec: store.Pack(&store.Record{Key: store.InstanceKey("a", id), Generation: 1}), state: &state{}}
		e.state.gap.Store(gap)
		d.add(e)
	}
	const over = 10
	for i := range maxDeparted + over {
		lose(fmt.Sprint(i), 1001)
		lose("silent", 0)
	}
	if len(d.ring) != maxDeparted {
		t.Errorf("%d are remembered", len(d.ring))
	}
	for id, want := range map[string]bool{"0": false, fmt.Sprint(over - 1): false, fmt.Sprint(over): true, fmt.Sprint(maxDeparted + over - 1): true, "silent": false} {
		if r, ok := d.find(store.InstanceKey("a", id), 1); ok != want || ok && r.Largest != time.Second {
			t.Errorf("%s: %v, %t", id, r, ok)
		}
	}
	lose("7777", 2001)
	if r, _ := d.find(store.InstanceKey("a", "7777"), 0); r.Largest != 2*time.Second {
		t.Errorf("of two lives: %v", r.Largest)
	}
}

// TestSeat: a seat holds a pool and a place in it, and no seat is in none.
func TestSeat(t *testing.T) {
	if got := seat(0).tier(); got != noTier {
		t.Errorf("no seat is in pool %d", got)
	}
	for tier := range int8(tiers) {
		for _, slot := range []int32{0, 1, 2, 3, 1 << 20, math.MaxInt32 / tiers} {
			if s := seatAt(tier, slot); s == 0 || s.tier() != tier || s.slot() != slot {
				t.Errorf("%d in %d is %d in %d", slot, tier, s.slot(), s.tier())
			}
		}
	}
}

// TestHoldTells: why an instance is kept, and for how long, is known while it is.
func TestHoldTells(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := alone(t)
		key := p.register("a", "1", ttl).Key
		p.register("a", "2", time.Hour)
		if h, ok := p.Hold(key); ok {
			t.Errorf("before: %+v", h)
		}
		pass(ttl - time.Second)
		p.backend.Stop()
		pass(10 * time.Second)
		p.backend.Continue()
		pass(2 * time.Second)
		h, ok := p.Hold(key)
		if !ok || h.Cause != Outage || h.Left <= ttl-5*time.Second || h.Left > ttl {
			t.Errorf("held: %+v, %t", h, ok)
		}
		if _, ok := p.Hold(store.InstanceKey("a", "2")); ok {
			t.Error("another is held")
		}
		p.backend.Stop()
		pass(ttl + 10*time.Second)
		if h, ok := p.Hold(key); !ok || h.Left >= 0 {
			t.Errorf("in another outage: %+v, %t", h, ok)
		}
		p.backend.Continue()
		pass(2 * ttl)
		if _, ok := p.Hold(key); ok {
			t.Error("held in the end")
		}
	})
}
