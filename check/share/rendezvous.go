package share

import "github.com/roster-sd/roster/store"

// circle is who is there, ready to be asked whose an instance is.
type circle struct {
	nodes  []string
	hashes []uint64
}

func circleOf(nodes []string) circle {
	c := circle{nodes: nodes, hashes: make([]uint64, len(nodes))}
	for i, n := range nodes {
		c.hashes[i] = text(seed, n)
	}
	return c
}

// owner gives the node that checks an instance, empty without nodes: the one with the highest
// number for both together (rendezvous hashing). All nodes come to the same answer from the
// same list, whatever their version: the numbers must not change.
func (c circle) owner(key store.Key) string {
	of := text((text(seed, key.Service)^'/')*prime, key.ID)
	owner, highest := "", uint64(0)
	for i, h := range c.hashes {
		// Of equal numbers the first node in order has it.
		if n := mix(of ^ mix(h)); owner == "" || n > highest {
			owner, highest = c.nodes[i], n
		}
	}
	return owner
}

// FNV-1a of 64 bits.
const (
	seed  = 0xcbf29ce484222325
	prime = 0x100000001b3
)

func text(h uint64, s string) uint64 {
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * prime
	}
	return h
}

// mix spreads every bit of a number over all of them (the finalizer of SplitMix64): the sums
// of names that are much alike differ in few bits.
func mix(n uint64) uint64 {
	n = (n ^ n>>30) * 0xbf58476d1ce4e5b9
	n = (n ^ n>>27) * 0x94d049bb133111eb
	return n ^ n>>31
}
