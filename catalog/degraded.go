package catalog

import (
	"math/rand/v2"
)

// A service is degraded when nearly all of its instances that are up fail their checks at
// once. A wrong check, or a registry that cannot reach them, is then likelier than
// a dead fleet, so a resolve goes on answering from those that fail too, and says so.
const (
	// DefaultPanic is how many of a hundred must fail, and one more, where nothing is configured.
	DefaultPanic = 80
	// leastPanic is how many must fail: of one or two instances all may well be dead.
	leastPanic = 3
)

// panics tells whether a service of which so many would be answered, and so many fail a check
// that was done, is degraded. One whose check nobody has done yet is neither.
func panics(answered, failing, percent int) bool {
	return failing >= leastPanic && failing*100 > percent*(answered+failing)
}

// judge looks whether the service is degraded, after a change. It needs mu for writing.
func (s *service) judge(percent int) {
	s.degraded = panics(len(s.pools[tierPassing].entries)+len(s.pools[tierSuspect].entries), len(s.pools[tierFailing].entries), percent)
}

// open gives the pools that a resolve may take from.
func (s *service) open() []pool {
	if s.degraded {
		return s.pools[:]
	}
	return s.pools[:tierFailing]
}

// chooseFromAll chooses from all pools of a degraded service alike: the few that pass would
// not stand the load of all. It is chooseFrom over the pools in one line.
func (s *service) chooseFromAll(choice *Choice) *entry {
	if choice.Strategy == Recent {
		if st := s.recent.Load(); st != nil && st.seat != 0 {
			return s.pools[st.seat.tier()].entries[st.seat.slot()]
		}
	}
	var best *entry
	var n, weight uint64
	for i := range s.pools {
		p := &s.pools[i]
		if len(p.entries) == 0 {
			continue
		}
		n += uint64(len(p.entries))
		weight += p.total()
		switch choice.Strategy {
		case Recent:
			if e := pickRecent(p.entries); best == nil || e.state.last.Load() > best.state.last.Load() {
				best = e
			}
		case Hash:
			if e := pickHash(p.entries, choice.Key); best == nil || beats(e, best, choice.Key) {
				best = e
			}
		}
	}
	switch choice.Strategy {
	case RoundRobin:
		return s.inLine((s.turn.Add(1) - 1) % n)
	case Random:
		return s.inLine(rand.Uint64N(n))
	case Weighted:
		return s.atWeight(rand.Uint64N(weight))
	}
	return best
}

// inLine gives the entry at a place in the line of all pools.
func (s *service) inLine(at uint64) *entry {
	for i := range s.pools {
		entries := s.pools[i].entries
		if at < uint64(len(entries)) {
			return entries[at]
		}
		at -= uint64(len(entries))
	}
	return nil
}

// atWeight gives the entry in which the running sum of weights, over all pools, passes n.
func (s *service) atWeight(n uint64) *entry {
	for i := range s.pools {
		p := &s.pools[i]
		total := p.total()
		if n < total {
			return p.at(n)
		}
		n -= total
	}
	return nil
}

// beats tells whether a has the higher score for a key than b, as [pickHash] has it.
func beats(a, b *entry, key string) bool {
	h := hashID(key)
	x, y := mix(h^a.rec.Hash()), mix(h^b.rec.Hash())
	return x > y || x == y && a.rec.ID() < b.rec.ID()
}
