package client

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"strconv"
	"sync/atomic"

	"github.com/roster-sd/roster/wire"
)

// strategy is how a resolver chooses.
type strategy uint8

const (
	roundRobin strategy = iota
	random
	weighted
	hash
)

func parseStrategy(name string) (strategy, bool) {
	switch name {
	case "", RoundRobin:
		return roundRobin, true
	case Random:
		return random, true
	case Weighted:
		return weighted, true
	case Hash:
		return hash, true
	}
	return 0, false
}

// The conditions of an instance that a choice looks at.
const (
	statusUp      = "up"
	healthPassing = "passing"
	healthSuspect = "suspect"
)

// view is what choices are made from. It is not changed once it is made, but for the memory.
type view struct {
	all  []wire.Instance
	pool []Endpoint // those to choose from
	err  error      // where there is none
	// degraded: nearly all fail their checks, and the pool has those too.
	degraded bool

	// Of the strategy's:
	alias  []alias
	hashes []uint64
	memory []atomic.Uint64
}

// newView makes a view of instances in the order of their IDs. status is what those to
// choose from have; empty: up.
func newView(service string, s strategy, status string, all []wire.Instance) *view {
	v := &view{all: all}
	if status == "" {
		status = statusUp
	}
	v.fill(status)
	switch {
	case len(all) == 0:
		v.err = fmt.Errorf("resolve %s: %w", service, ErrNoInstance)
	case len(v.pool) == 0:
		v.err = fmt.Errorf("resolve %s: %w that is %s and well, of %d", service, ErrNoInstance, status, len(all))
	case s == weighted:
		v.alias = newAlias(v.pool)
	case s == hash:
		v.hashes = make([]uint64, len(v.pool))
		for i, e := range v.pool {
			v.hashes[i] = hashID(e.Instance.InstanceID)
		}
		if len(v.pool) > fewHashes {
			v.memory = make([]atomic.Uint64, memorySize(len(v.pool)))
		}
	}
	return v
}

// Where so many of a hundred fail their checks, and one more, and so many at the least, a wrong
// check is likelier than a dead fleet: the registry's own defaults.
const (
	panicThreshold = 80
	leastPanic     = 3
)

// fill gathers those to choose from: that pass, for want of them that are suspect; and all that
// a check has an opinion of where nearly all fail it.
func (v *view) fill(status string) {
	failing, other := 0, 0
	for i := range v.all {
		switch in := &v.all[i]; {
		case in.State() != status:
		case in.Refuted():
			failing++
		case in.Health == healthPassing || in.Health == healthSuspect:
			other++
		}
	}
	if v.degraded = failing >= leastPanic && failing*100 > panicThreshold*(failing+other); v.degraded {
		v.take(status, func(in *wire.Instance) bool {
			return in.Refuted() || in.Health == healthPassing || in.Health == healthSuspect
		})
		return
	}
	for _, health := range [...]string{healthPassing, healthSuspect} {
		if v.take(status, func(in *wire.Instance) bool { return in.Health == health }); len(v.pool) > 0 {
			return
		}
	}
}

func (v *view) take(status string, fits func(*wire.Instance) bool) {
	for i := range v.all {
		if in := &v.all[i]; in.State() == status && fits(in) {
			v.pool = append(v.pool, Endpoint{
				Address: net.JoinHostPort(in.Address, strconv.Itoa(in.Port)), Instance: in,
			})
		}
	}
}

// pick gives the place of the choice in the pool, which has two at least.
func (v *view) pick(s strategy, key string) int {
	switch s {
	case weighted:
		return pickAlias(v.alias)
	case hash:
		return v.pickHash(hashID(key))
	}
	return int(rand.Uint64N(uint64(len(v.pool))))
}

// alias is a place of an alias table (M. Vose, "A linear algorithm for generating random
// numbers with a given distribution", 1991): the place itself is meant below the bound, the
// other one above it. To choose costs the same for any number of instances.
type alias struct {
	below uint32
	other uint32
}

func newAlias(pool []Endpoint) []alias {
	n := len(pool)
	total := 0.0
	for _, e := range pool {
		total += float64(max(e.Instance.Weight, 1))
	}
	share := make([]float64, n) // of the mean
	var small, large []int
	for i, e := range pool {
		share[i] = float64(max(e.Instance.Weight, 1)) * float64(n) / total
		if share[i] < 1 {
			small = append(small, i)
		} else {
			large = append(large, i)
		}
	}
	table := make([]alias, n)
	for i := range table {
		table[i] = alias{below: math.MaxUint32, other: uint32(i)} // what is left over is of rounding
	}
	for len(small) > 0 && len(large) > 0 {
		s, l := small[len(small)-1], large[len(large)-1]
		small = small[:len(small)-1]
		table[s] = alias{below: uint32(share[s] * math.MaxUint32), other: uint32(l)}
		if share[l] -= 1 - share[s]; share[l] < 1 {
			large, small = large[:len(large)-1], append(small, l)
		}
	}
	return table
}

func pickAlias(table []alias) int {
	i := rand.Uint64N(uint64(len(table)))
	if a := table[i]; rand.Uint32() >= a.below {
		return int(a.other)
	}
	return int(i)
}

const (
	// fewHashes is up to how many instances each choice looks at all of them.
	fewHashes = 4
	// placeBits is the part of what is remembered that is the place; the rest tells keys apart.
	placeBits = 24
)

// memorySize is for how many keys choices among n are remembered, a power of two: 8 to 128 KiB.
func memorySize(n int) int {
	size := 1 << 10
	for size < 16*n && size < 1<<14 {
		size *= 2
	}
	return size
}

// pickHash is the registry's rendezvous hashing: the highest score of key and instance
// wins, of two with the same the lesser ID. Of many instances the winner is remembered.
func (v *view) pickHash(key uint64) int {
	if v.memory == nil {
		return v.winner(key, nil)
	}
	slot := &v.memory[key&uint64(len(v.memory)-1)]
	tag := key >> placeBits << placeBits
	if m := slot.Load(); m != 0 && m&^(1<<placeBits-1) == tag {
		return int(m&(1<<placeBits-1)) - 1
	}
	best := v.winner(key, nil)
	if best+1 < 1<<placeBits {
		slot.Store(tag | uint64(best+1))
	}
	return best
}

// winner gives the place with the highest score, of those that are not left out; -1 for none.
func (v *view) winner(key uint64, out func(Endpoint) bool) int {
	best, high := -1, uint64(0)
	if out == nil { // without a question a round
		for i, h := range v.hashes {
			if score := mix(key ^ h); score > high || best < 0 {
				best, high = i, score
			}
		}
		return best
	}
	for i, h := range v.hashes {
		// The pool is in the order of IDs, so the first of several is the lesser.
		if score := mix(key ^ h); (best < 0 || score > high) && !out(v.pool[i]) {
			best, high = i, score
		}
	}
	return best
}

// except chooses among those that are not left out; ok is false where that is nobody.
func (v *view) except(s strategy, key string, out func(Endpoint) bool) (e Endpoint, ok bool) {
	if s == hash {
		if i := v.winner(hashID(key), out); i >= 0 {
			return v.pool[i], true
		}
		return Endpoint{}, false
	}
	// From a random place on: whoever is left takes over evenly.
	n := len(v.pool)
	if n == 0 {
		return Endpoint{}, false
	}
	for i, from := 0, rand.IntN(n); i < n; i++ {
		if e := v.pool[(from+i)%n]; !out(e) {
			return e, true
		}
	}
	return Endpoint{}, false
}

// hashID and mix are those of the registry, so that both choose the same: FNV-1a, and the
// finaliser of MurmurHash3.
func hashID(id string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(id) {
		h = (h ^ uint64(id[i])) * 1099511628211
	}
	return mix(h)
}

func mix(h uint64) uint64 {
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

func randomTurn() uint64 { return uint64(rand.Uint32()) }
