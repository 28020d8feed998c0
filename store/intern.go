package store

import (
	"hash/maphash"
	"runtime"
	"strings"
	"sync"
	"unsafe"
	"weak"
)

const (
	packedSize = int(unsafe.Sizeof(Packed{}))
	rareSize   = int(unsafe.Sizeof(rare{}))
)

// commons are the common parts in use. Nothing of them stays that no record has: the
// registry's clients choose them.
var commons = struct {
	sync.Mutex
	seed   maphash.Seed
	byHash map[uint64]weak.Pointer[common]
}{seed: maphash.MakeSeed(), byHash: make(map[uint64]weak.Pointer[common])}

// intern gives a common part that is the same, from memory that is no request's.
func intern(c common) *common {
	h := maphash.Comparable(commons.seed, c)
	commons.Lock()
	defer commons.Unlock()
	if old := commons.byHash[h].Value(); old != nil {
		if *old == c {
			return old
		}
		return c.clone() // two hash the same, as good as never: this one is kept by itself
	}
	fresh := c.clone()
	commons.byHash[h] = weak.Make(fresh)
	runtime.AddCleanup(fresh, forget, h)
	return fresh
}

// forget drops what stands for a common part that is gone, unless another has its place.
func forget(h uint64) {
	commons.Lock()
	defer commons.Unlock()
	if p, ok := commons.byHash[h]; ok && p.Value() == nil {
		delete(commons.byHash, h)
	}
}

func (c *common) clone() *common {
	out := *c
	for _, s := range [...]*string{&out.kind, &out.service, &out.owner, &out.protocol, &out.version, &out.env, &out.zone,
		&out.role, &out.status, &out.health, &out.names, &out.tags} {
		*s = strings.Clone(*s)
	}
	return &out
}
