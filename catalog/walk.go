package catalog

import (
	"math/rand/v2"
	"sync/atomic"

	"github.com/tidwall/btree"

	"github.com/roster-sd/roster/store"
)

// walk chooses among the instances of a tree through a filter, passing before suspect, nil
// where none matches. It goes over the tree once or twice, and makes no list: of a large
// service that would be megabytes for each resolve.
func walk(tree *btree.BTreeG[*entry], choice *Choice, turn *atomic.Uint64) *entry {
	if choice.Strategy == Recent || choice.Strategy == Hash {
		return highest(tree, choice)
	}
	var sums [tiers]uint64
	tree.Scan(func(e *entry) bool {
		if tier := choice.tier(e.rec); tier >= 0 {
			sums[tier] += choice.share(e)
		}
		return true
	})
	for tier, sum := range sums {
		if sum == 0 {
			continue
		}
		n := rand.Uint64N(sum)
		if choice.Strategy == RoundRobin {
			n = (turn.Add(1) - 1) % sum
		}
		return nth(tree, choice, int8(tier), n)
	}
	return nil
}

// nth gives the instance of the tier in which the running sum of shares passes n.
func nth(tree *btree.BTreeG[*entry], choice *Choice, tier int8, n uint64) (found *entry) {
	tree.Scan(func(e *entry) bool {
		if choice.tier(e.rec) != tier {
			return true
		}
		share := choice.share(e)
		if n < share {
			found = e
			return false
		}
		n -= share
		return true
	})
	return found
}

// highest gives the instance with the highest rank: the last heard of, or by the score of
// [pickHash]. Of two of the same rank it is the one with the lesser ID.
func highest(tree *btree.BTreeG[*entry], choice *Choice) *entry {
	var best [tiers]*entry
	var high [tiers]uint64
	h := hashID(choice.Key)
	tree.Scan(func(e *entry) bool {
		rank := uint64(e.state.last.Load())
		if choice.Strategy == Hash {
			rank = mix(h ^ e.rec.Hash())
		}
		if best[tierPassing] != nil && rank <= high[tierPassing] {
			return true // whatever it is: most need not be looked at any closer
		}
		if tier := choice.tier(e.rec); tier >= 0 && (best[tier] == nil || rank > high[tier]) {
			best[tier], high[tier] = e, rank
		}
		return true
	})
	for _, e := range best {
		if e != nil {
			return e
		}
	}
	return nil
}

// share is the instance's part of what a number is drawn from.
func (choice *Choice) share(e *entry) uint64 {
	if choice.Strategy == Weighted {
		return e.weight()
	}
	return 1
}

// tier gives the tier in which the choice finds the instance, noTier for none: of those that
// are up, unless the filter asks for another status. In a degraded service all are of one tier.
func (choice *Choice) tier(r *store.Packed) int8 {
	if choice.Filter.Status == "" && r.State() != store.StatusUp || !choice.Filter.Match(r) {
		return noTier
	}
	tier := tierOfHealth(r.Health(), r.Judged())
	switch {
	case choice.degraded && tier >= 0:
		return tierPassing
	case tier == tierFailing:
		return noTier
	}
	return tier
}
