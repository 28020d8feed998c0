package etcd

import (
	"sync"

	"github.com/roster-sd/roster/store"
)

// graves remembers the lives that ran out, which leave nothing in etcd but its own past.
// Older ones make room. It also keeps the reason of a deletion that could not put a
// tombstone.
type graves struct {
	limit int

	mu       sync.Mutex
	byKey    map[store.Key][]store.Tombstone // oldest first
	line     []place                         // of all tombstones, in the order in which they came
	foretold map[life]store.Tombstone
}

// life is one generation of a key.
type life struct {
	key        store.Key
	generation uint64
}

// place is one tombstone in line. It may have been dropped.
type place struct {
	key    store.Key
	number uint64
}

// foretoldLimit bounds the reasons that wait for their deletion to be seen.
const foretoldLimit = 4096

// add remembers a life whose end the feed showed.
func (g *graves) add(t store.Tombstone) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.byKey == nil {
		g.byKey = make(map[store.Key][]store.Tombstone)
	}
	key := t.Record.Key
	stones := g.byKey[key]
	at := len(stones) // the past is read later than the present
	for at > 0 && t.Revision.Number <= stones[at-1].Revision.Number {
		if at--; t.Revision == stones[at].Revision {
			return
		}
	}
	grown := make([]store.Tombstone, 0, len(stones)+1) // readers may have the old one
	grown = append(append(append(grown, stones[:at]...), t), stones[at:]...)
	g.byKey[key] = grown[max(0, len(grown)-store.TombstonesPerKey):]
	g.line = append(g.line, place{key, t.Revision.Number})
	if len(g.line) > g.limit {
		g.drop(g.line[0])
		g.line = g.line[1:]
	}
}

// drop forgets one tombstone. It needs the mutex.
func (g *graves) drop(p place) {
	stones := g.byKey[p.key]
	left := make([]store.Tombstone, 0, len(stones))
	for _, t := range stones {
		if t.Revision.Number != p.number {
			left = append(left, t)
		}
	}
	if g.byKey[p.key] = left; len(left) == 0 {
		delete(g.byKey, p.key)
	}
}

// of gives what is remembered of a key, in a slice that is the caller's.
func (g *graves) of(key store.Key) []store.Tombstone {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]store.Tombstone{}, g.recent(key)...)
}

// knows tells whether anything is remembered of a key.
func (g *graves) knows(key store.Key) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.recent(key)) > 0
}

// recent gives what of a key is not older than a tombstone may be. It needs the mutex.
func (g *graves) recent(key store.Key) []store.Tombstone {
	stones := g.byKey[key]
	oldest := clock() - store.Millis(store.TombstoneAge.Milliseconds())
	for len(stones) > 0 && stones[0].Time < oldest {
		stones = stones[1:]
	}
	return stones
}

// later tells whether a later generation of the key has lived and died, or whether this
// one died by a reason that somebody meant.
func (g *graves) later(key store.Key, generation uint64) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, t := range g.recent(key) {
		if t.Record.Generation > generation || t.Record.Generation == generation && t.Reason.Meant() {
			return true
		}
	}
	return false
}

// foretell notes why a record is about to be removed without a tombstone.
func (g *graves) foretell(rec *store.Record, why store.Reason, at store.Millis) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.foretold == nil || len(g.foretold) >= foretoldLimit {
		g.foretold = make(map[life]store.Tombstone)
	}
	g.foretold[life{rec.Key, rec.Generation}] = store.Tombstone{Reason: why, Time: at}
}

// told gives the reason that was noted for the end of a life.
func (g *graves) told(rec *store.Record) (why store.Reason, at store.Millis, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	t, ok := g.foretold[life{rec.Key, rec.Generation}]
	return t.Reason, t.Time, ok
}

// clear forgets everything: it was of a past that is lost.
func (g *graves) clear() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.byKey, g.line, g.foretold = nil, nil, nil
}
