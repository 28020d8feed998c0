package catalog

import (
	"sync/atomic"

	"github.com/tidwall/btree"

	"github.com/roster-sd/roster/internal/idmap"
	"github.com/roster-sd/roster/store"
)

// entry is one version of an instance: immutable, but for the state that all versions share,
// and for the encoding, which comes and goes.
type entry struct {
	rec   *store.Packed
	state *state
	body  atomic.Pointer[string] // see bodies
}

func (e *entry) id() string { return e.rec.ID() }

// state is what lives beside an instance's versions.
type state struct {
	last atomic.Int64 // when this node last heard of it, Unix milliseconds
	seat seat         // where it stands in the pools; guarded by the catalog's mu
	gap  gap

	promise atomic.Pointer[promise] // nil where nothing is known, as always in a store that is not shared
}

// weight is at least 1, so that a choice by weight always has something to choose from.
func (e *entry) weight() uint64 { return max(1, uint64(e.rec.Weight())) }

// The pools of a service: a resolve takes from the first that is not empty, and from the last
// only while the service is degraded.
const (
	tierPassing = 0
	tierSuspect = 1
	tierFailing = 2
	tiers       = 3
)

// service is the view of one service; all but the atomics is guarded by the catalog's mu.
type service struct {
	// What a plain resolve reads stands together: with a thousand services, fetching it
	// from memory is most of what a resolve costs.
	name string
	live int // how many instances
	// degraded: nearly all that are up fail their checks; see judge.
	degraded bool
	turn     *atomic.Uint64 // round robin without a filter: first, or that of the live view
	first    atomic.Uint64
	pools    [tiers]pool
	turns    *[turns]atomic.Uint64 // round robin with a filter; see turnOf

	tree    *btree.BTreeG[*entry] // by ID
	snap    *btree.BTreeG[*entry] // a copy of tree that nobody writes to, nil if there is none of this moment
	byID    *idmap.Map[entry]
	changed store.Revision // of the last change that clients see, deletions included
	queued  bool           // stands in Catalog.empties
	kept    int            // how many are shown that the store has let go
	mark    uint64         // of the last change of which those are
	recent  atomic.Pointer[state]
	removed *removed // nil: none
}

func newService(name string, changed store.Revision) *service {
	s := &service{
		name: name,
		tree: btree.NewBTreeGOptions(func(a, b *entry) bool { return a.rec.ID() < b.rec.ID() },
			btree.Options{NoLocks: true, Degree: 16}),
		byID:    idmap.New((*entry).id),
		changed: changed,
		turns:   new([turns]atomic.Uint64),
	}
	s.turn = &s.first
	return s
}

// snapshot gives the instances as they are now, to be read without the lock. It needs mu
// for writing unless snap is set.
func (s *service) snapshot() *btree.BTreeG[*entry] {
	if s.snap == nil {
		s.snap = s.tree.Copy()
	}
	return s.snap
}

// turns is how many counters the round robins with filters of a service share.
const turns = 16

// turnOf gives the counter for a filter. Callers with different filters that came in turn
// would each see but a part of the instances if they moved one counter.
func (s *service) turnOf(f *Filter) *atomic.Uint64 {
	if f.IsZero() {
		return s.turn
	}
	return &s.turns[f.hash()%turns]
}

// put sets the new version of an instance and moves it to the pool it belongs in.
func (s *service) put(e *entry) {
	s.snap = nil
	s.tree.Set(e)
	s.byID.Set(e.rec.ID(), e)
	s.live = s.byID.Len()
	s.leave(e.state)
	s.enter(e)
}

func (s *service) remove(e *entry) {
	s.snap = nil
	s.tree.Delete(e)
	s.byID.Delete(e.rec.ID())
	s.live = s.byID.Len()
	s.leave(e.state)
	if s.live == 0 {
		s.pools = [tiers]pool{} // slices keep the size of their best days
	}
	s.recent.CompareAndSwap(e.state, nil)
}

func (s *service) enter(e *entry) {
	if tier := tierOf(e.rec); tier != noTier {
		e.state.seat = seatAt(tier, s.pools[tier].add(e))
	}
}

func (s *service) leave(st *state) {
	if st.seat == 0 {
		return
	}
	if moved := s.pools[st.seat.tier()].remove(st.seat.slot()); moved != nil {
		moved.state.seat = st.seat
	}
	st.seat = 0
}

// up is how many instances a resolve would choose from.
func (s *service) up() int {
	n := 0
	for _, p := range s.open() {
		n += len(p.entries)
	}
	return n
}

// tierOf is the rule of who is resolved: those that are up, passing before suspect. Those that
// failed a check are listed only, but while the service is degraded; those whose check nobody
// has done yet always are.
func tierOf(r *store.Packed) int8 {
	return tierOfState(r.State(), r.Health(), r.Judged())
}

func tierOfState(state, health string, judged bool) int8 {
	if state != store.StatusUp {
		return noTier
	}
	return tierOfHealth(health, judged)
}

func tierOfHealth(health string, judged bool) int8 {
	switch health {
	case store.HealthPassing:
		return tierPassing
	case store.HealthSuspect:
		return tierSuspect
	case store.HealthFailing:
		if judged {
			return tierFailing
		}
	}
	return noTier
}

// heard notes a sign of life at t, and gives the one before; it never goes back, which is
// false.
func (s *service) heard(st *state, t store.Millis) (before store.Millis, ok bool) {
	for {
		old := st.last.Load()
		if int64(t) < old {
			return 0, false
		}
		if st.last.CompareAndSwap(old, int64(t)) {
			before = store.Millis(old)
			break
		}
	}
	// Signs of life come from many goroutines at once, and from lists in no order: only
	// a later one takes the place.
	for {
		latest := s.recent.Load()
		if latest == st || latest != nil && latest.last.Load() > int64(t) {
			return before, true
		}
		if s.recent.CompareAndSwap(latest, st) {
			return before, true
		}
	}
}

func hashID(id string) uint64 { return store.HashID(id) }

func mix(h uint64) uint64 { return store.Mix(h) }
