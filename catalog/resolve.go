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
}

// Resolved is the outcome of a resolve. Live is how many instances the service has in
// any state: none, and some that do not match, are different answers.
type Resolved struct {
	Item     Item
	Found    bool
	Live     int
	Revision store.Revision
}

// Resolve chooses one instance: one that is up unless the filter asks for a status, and
// one that passes rather than one that is suspect.
func (c *Catalog) Resolve(name string, choice Choice) Resolved {
	c.mu.RLock()
	defer c.mu.RUnlock()
	out := Resolved{Revision: c.applied}
	s, ok := c.services[name]
	if !ok {
		return out
	}
	out.Live = s.tree.Len()
	if e := s.resolve(&choice); e != nil {
		out.Item, out.Found = e.item(), true
	}
	return out
}

// resolve chooses, nil where nothing matches. It needs the catalog's mu for reading.
func (s *service) resolve(choice *Choice) *entry {
	f := &choice.Filter
	if f.Status != "" && f.Status != store.StatusUp {
		for _, list := range s.matching(f) {
			if e := s.pick(list, choice); e != nil {
				return e
			}
		}
		return nil
	}
	for i := range s.pools {
		p := &s.pools[i]
		if len(p.entries) == 0 {
			continue
		}
		if f.IsZero() {
			return s.pickPool(p, choice)
		}
		if e := s.pick(p.entries, choice); e != nil {
			return e
		}
	}
	return nil
}

// pickPool chooses from a whole pool, which is not empty, without a walk over it if it can.
func (s *service) pickPool(p *pool, choice *Choice) *entry {
	switch n := uint64(len(p.entries)); choice.Strategy {
	case RoundRobin:
		return p.entries[(s.turn.Add(1)-1)%n]
	case Random:
		return p.entries[rand.Uint64N(n)]
	case Weighted:
		return p.at(rand.Uint64N(p.total()))
	case Recent:
		if st := s.recent.Load(); st != nil && st.tier >= 0 && &s.pools[st.tier] == p {
			return p.entries[st.slot]
		}
	}
	return s.pick(p.entries, choice)
}

// pick chooses among those of the list that match the filter, nil where none does. It
// walks over the list once or twice, and allocates nothing.
func (s *service) pick(list []*entry, choice *Choice) *entry {
	f := &choice.Filter
	switch choice.Strategy {
	case Recent:
		var best *entry
		for _, e := range list {
			if (best == nil || e.state.last.Load() > best.state.last.Load()) && f.Match(&e.rec.Instance) {
				best = e
			}
		}
		return best
	case Hash:
		return pickHash(list, f, choice.Key)
	}
	share := func(e *entry) uint64 {
		switch {
		case !f.Match(&e.rec.Instance):
			return 0
		case choice.Strategy == Weighted:
			return e.weight()
		}
		return 1
	}
	var total, n uint64
	for _, e := range list {
		total += share(e)
	}
	if total == 0 {
		return nil
	}
	if choice.Strategy == RoundRobin {
		n = (s.turn.Add(1) - 1) % total
	} else {
		n = rand.Uint64N(total)
	}
	for _, e := range list {
		w := share(e)
		if n < w {
			return e
		}
		n -= w
	}
	return nil // not reached: n is less than the sum of all shares
}

// pickHash is rendezvous hashing (Thaler and Ravishankar, 1998): the highest score of key
// and instance wins. It does not look at weights.
func pickHash(list []*entry, f *Filter, key string) *entry {
	h := hashID(key)
	var best *entry
	var high uint64
	for _, e := range list {
		score := mix(h ^ e.state.hash)
		if best != nil && (score < high || score == high && e.rec.Key.ID > best.rec.Key.ID) || !f.Match(&e.rec.Instance) {
			continue
		}
		best, high = e, score
	}
	return best
}

// matching gives the instances that the filter chooses by their health alone, each list
// by ID: those that are not up stand in no pool.
func (s *service) matching(f *Filter) (out [tiers][]*entry) {
	s.tree.Scan(func(e *entry) bool {
		if tier := tierOfHealth(e.rec.Instance.Health); tier >= 0 && f.Match(&e.rec.Instance) {
			out[tier] = append(out[tier], e)
		}
		return true
	})
	return out
}
