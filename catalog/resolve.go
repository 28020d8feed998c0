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
	if f := &choice.Filter; f.Status != "" && f.Status != store.StatusUp {
		for _, list := range s.matching(f) {
			if e := s.pick(list, choice); e != nil {
				return e
			}
		}
		return nil
	}
	for i := range s.pools {
		p := &s.pools[i]
		switch {
		case len(p.entries) == 0:
		case choice.Filter.IsZero():
			return s.pickPool(p, choice)
		default:
			if e := s.pick(filtered(p.entries, &choice.Filter), choice); e != nil {
				return e
			}
		}
	}
	return nil
}

// pickPool chooses from a whole pool, which is not empty.
func (s *service) pickPool(p *pool, choice *Choice) *entry {
	switch choice.Strategy {
	case Weighted:
		return p.at(rand.Uint64N(p.total()))
	case Recent:
		if st := s.recent.Load(); st != nil && st.tier >= 0 && &s.pools[st.tier] == p {
			return p.entries[st.slot]
		}
	}
	return s.pick(p.entries, choice)
}

// pick chooses from a list, nil from an empty one.
func (s *service) pick(list []*entry, choice *Choice) *entry {
	if len(list) == 0 {
		return nil
	}
	n := uint64(len(list))
	switch choice.Strategy {
	case Random:
		return list[rand.Uint64N(n)]
	case Weighted:
		return pickWeighted(list)
	case Recent:
		best := list[0]
		for _, e := range list[1:] {
			if e.state.last.Load() > best.state.last.Load() {
				best = e
			}
		}
		return best
	case Hash:
		return pickHash(list, choice.Key)
	}
	return list[(s.turn.Add(1)-1)%n]
}

func pickWeighted(list []*entry) *entry {
	var total uint64
	for _, e := range list {
		total += e.weight()
	}
	n := rand.Uint64N(total)
	for _, e := range list {
		w := e.weight()
		if n < w {
			return e
		}
		n -= w
	}
	return list[len(list)-1]
}

// pickHash is rendezvous hashing (Thaler and Ravishankar, 1998): the highest score of key
// and instance wins. It does not look at weights.
func pickHash(list []*entry, key string) *entry {
	h := hashID(key)
	var best *entry
	var high uint64
	for _, e := range list {
		if score := mix(h ^ e.state.hash); best == nil || score > high ||
			score == high && e.rec.Key.ID < best.rec.Key.ID {
			best, high = e, score
		}
	}
	return best
}

func filtered(list []*entry, f *Filter) []*entry {
	var out []*entry
	for _, e := range list {
		if f.Match(&e.rec.Instance) {
			out = append(out, e)
		}
	}
	return out
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
