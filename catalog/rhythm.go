package catalog

import (
	"iter"
	"math"
	"sync/atomic"
	"time"

	"github.com/roster-sd/roster/store"
)

// Rhythm is what this node knows of the renewals of one life of an instance: of those that
// it took itself, and of no other node's.
type Rhythm struct {
	// Last is when it last heard of the instance, by its wall clock.
	Last store.Millis
	// Largest is the longest time between two renewals that it took, the first counted from
	// the registration if it took that. What came after Last is not in it.
	Largest time.Duration
}

// gap is the longest time between two signs of life that this node took: 0 where it took
// none yet, and else one more than the milliseconds. It stands where the state of an
// instance had room, so that a million instances need no more memory for it.
type gap struct{ atomic.Uint32 }

// begin notes the first sign that this node took; false: there was one.
func (g *gap) begin() bool { return g.CompareAndSwap(0, 1) }

// took notes a sign of life that came so long after the one before. Where this node took
// none before, the time since then says nothing.
func (g *gap) took(after store.Millis) {
	longest := uint32(min(max(after, 0), math.MaxUint32-1)) + 1
	for {
		old := g.Load()
		if old == 0 {
			longest = 1
		}
		if longest <= old || g.CompareAndSwap(old, longest) {
			return
		}
	}
}

// rhythm gives what is known; false: this node took no sign of life.
func (st *state) rhythm() (Rhythm, bool) {
	longest := st.gap.Load()
	if longest == 0 {
		return Rhythm{}, false
	}
	return Rhythm{
		Last:    store.Millis(st.last.Load()),
		Largest: time.Duration(longest-1) * time.Millisecond,
	}, true
}

// Began notes that this node took the registration of the record at t, by its wall clock,
// or 0 where the store's is the same: its gaps are counted from there.
func (h Handle) Began(rec *store.Record, t store.Millis) {
	if h.service != nil && h.Packed.Generation() == rec.Generation && h.state.gap.begin() {
		h.service.heard(h.state, t)
	}
}

// Rhythm gives what this node knows of the renewals of a generation of an instance, 0 for the
// newest: also of one that has left, for as long as its place is not needed for another. False:
// it took none.
func (c *Catalog) Rhythm(key store.Key, generation uint64) (Rhythm, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if e := c.entry(key); e != nil && (generation == 0 || e.rec.Generation() == generation) {
		return e.state.rhythm()
	}
	return c.departed.find(key, generation)
}

// Rhythms gives the instances of the view with what this node knows of their renewals, where
// it took any.
func (v View) Rhythms() iter.Seq2[*store.Packed, Rhythm] {
	return func(yield func(*store.Packed, Rhythm) bool) {
		if v.tree == nil {
			return
		}
		v.tree.Scan(func(e *entry) bool {
			r, ok := e.state.rhythm()
			return !ok || yield(e.rec, r)
		})
	}
}

// maxDeparted is how many lives that are over are remembered, the last ones.
const maxDeparted = 4096

// departed is what was known of the renewals of lives that are over. It needs mu.
type departed struct {
	ring []life
	next int
}

type life struct {
	key        store.Key
	generation uint64
	rhythm     Rhythm
}

// add remembers a life of which this node took part.
func (d *departed) add(e *entry) {
	r, ok := e.state.rhythm()
	if !ok {
		return
	}
	over := life{key: e.rec.Key(), generation: e.rec.Generation(), rhythm: r}
	if len(d.ring) < maxDeparted {
		d.ring = append(d.ring, over)
		return
	}
	d.ring[d.next] = over
	d.next = (d.next + 1) % maxDeparted
}

// find gives the newest that matches.
func (d *departed) find(key store.Key, generation uint64) (Rhythm, bool) {
	for i := len(d.ring) - 1; i >= 0; i-- {
		over := &d.ring[(d.next+i)%len(d.ring)]
		if over.key == key && (generation == 0 || over.generation == generation) {
			return over.rhythm, true
		}
	}
	return Rhythm{}, false
}

// Hold is why an instance is shown past the end of its lease.
type Hold struct {
	Cause Cause
	// Left is for how long it is kept if nobody hears of it; negative: that is not decided as
	// long as the cause lasts.
	Left time.Duration
}

// Hold tells why an instance is kept as suspect; false: it is not, or not by this node.
func (c *Catalog) Hold(key store.Key) (Hold, bool) {
	// The end of a hold is guarded by write alone.
	c.write.Lock()
	defer c.write.Unlock()
	k := c.kept[key]
	if k == nil || !k.suspect {
		return Hold{}, false
	}
	h := Hold{Cause: k.cause, Left: -1}
	if k.until != forever {
		h.Left = max(0, time.Duration(k.until-c.Now()))
	}
	return h, true
}
