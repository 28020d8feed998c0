package catalog

import (
	"math/rand/v2"

	"github.com/roster-sd/roster/store"
)

// Strategy is how a resolve chooses among the instances that match.
type Strategy uint8

// The strategies.
const (
	RoundRobin Strategy = iota // in turn, by a counter of this node's
	Random
	Weighted // at random, in proportion to weight
	Recent   // the one last heard of, as far as this node knows
	Hash     // the same one for the same key, moving as few keys as possible when instances come and go
)

// ParseStrategy reads the wire name; the empty name is round robin.
func ParseStrategy(s string) (Strategy, bool) {
	switch s {
	case "", "round_robin":
		return RoundRobin, true
	case "random":
		return Random, true
	case "weighted":
		return Weighted, true
	case "recent":
		return Recent, true
	case "hash":
		return Hash, true
	}
	return 0, false
}

// Choice says what to resolve.
type Choice struct {
	Strategy Strategy
	Key      string // with Hash
	Filter   Filter
	degraded bool // of the service, as the choice found it
}

// Resolved is the outcome of a resolve. Live is how many instances the service has in
// any state: none, and some that do not match, are different answers.
type Resolved struct {
	Item     Item
	Found    bool
	Live     int
	Revision Position
	// Degraded: nearly all instances of the service fail their checks, and the choice was made
	// among those too.
	Degraded bool
}

// Resolve chooses one instance: one that is up unless the filter asks for a status, and
// one that passes rather than one that is suspect. One that fails its check is chosen only while
// nearly all do.
func (c *Catalog) Resolve(name string, choice Choice) Resolved {
	if choice.Filter.isUp() {
		choice.Filter = Filter{}
	}
	c.mu.RLock()
	s, ok := c.services[name]
	out := Resolved{Revision: c.position()}
	if !ok {
		c.mu.RUnlock()
		return out
	}
	out.Live, out.Degraded = s.live, s.degraded
	choice.degraded = s.degraded
	if !s.walks(&choice) {
		e := s.choose(&choice)
		c.mu.RUnlock()
		return out.with(c, e)
	}
	snap := s.snap
	c.mu.RUnlock()
	if snap == nil {
		c.mu.Lock()
		out.Live, out.Revision = 0, c.position()
		if s, ok = c.services[name]; ok { // it may have been forgotten, or listed anew
			snap, out.Live, out.Degraded = s.snapshot(), s.tree.Len(), s.degraded
			choice.degraded = s.degraded
		}
		c.mu.Unlock()
		if !ok {
			return out
		}
	}
	return out.with(c, walk(snap, &choice, s.turnOf(&choice.Filter)))
}

func (out Resolved) with(c *Catalog, e *entry) Resolved {
	if e != nil {
		out.Item, out.Found = c.item(e), true
	}
	return out
}

// isUp tells whether the filter asks for what a resolve chooses from in any case.
func (f *Filter) isUp() bool {
	if f.Status != store.StatusUp {
		return false
	}
	rest := *f
	rest.Status = ""
	return rest.IsZero()
}

// shortWalk is how many instances may be walked over under the catalog's lock.
const shortWalk = 256

// walks tells whether the choice needs a walk over many instances, which is not to be
// done under the lock.
func (s *service) walks(choice *Choice) bool {
	if s.live <= shortWalk {
		return false
	}
	return !choice.Filter.IsZero() || choice.Strategy == Hash ||
		choice.Strategy == Recent && s.mostRecent(nil) == nil
}

// choose chooses under the catalog's lock, nil where nothing matches.
func (s *service) choose(choice *Choice) *entry {
	if !choice.Filter.IsZero() {
		return walk(s.tree, choice, s.turnOf(&choice.Filter))
	}
	if s.degraded {
		return s.chooseFromAll(choice)
	}
	for i := range tierFailing {
		if p := &s.pools[i]; len(p.entries) > 0 {
			return s.chooseFrom(p, choice)
		}
	}
	return nil
}

// chooseFrom chooses from a whole pool, which is not empty, without a walk if it can.
func (s *service) chooseFrom(p *pool, choice *Choice) *entry {
	switch n := uint64(len(p.entries)); choice.Strategy {
	case RoundRobin:
		return p.entries[(s.turn.Add(1)-1)%n]
	case Random:
		return p.entries[rand.Uint64N(n)]
	case Weighted:
		return p.at(rand.Uint64N(p.total()))
	case Recent:
		if e := s.mostRecent(p); e != nil {
			return e
		}
		return pickRecent(p.entries)
	}
	return pickHash(p.entries, choice.Key)
}

// mostRecent gives the instance of the pool, nil for the first that is not empty, that was
// last heard of, if that is known without a walk.
func (s *service) mostRecent(p *pool) *entry {
	for i := range tierFailing {
		if p == nil && len(s.pools[i].entries) > 0 {
			p = &s.pools[i]
		}
	}
	if st := s.recent.Load(); p != nil && st != nil && st.seat != 0 && &s.pools[st.seat.tier()] == p {
		return p.entries[st.seat.slot()]
	}
	return nil
}

func pickRecent(list []*entry) *entry {
	best := list[0]
	for _, e := range list[1:] {
		if e.state.last.Load() > best.state.last.Load() {
			best = e
		}
	}
	return best
}

// pickHash is rendezvous hashing (Thaler and Ravishankar, 1998): the highest score of key
// and instance wins. It does not look at weights.
func pickHash(list []*entry, key string) *entry {
	h := hashID(key)
	var best *entry
	var high uint64
	for _, e := range list {
		if score := mix(h ^ e.rec.Hash()); best == nil || score > high ||
			score == high && e.rec.ID() < best.rec.ID() {
			best, high = e, score
		}
	}
	return best
}
