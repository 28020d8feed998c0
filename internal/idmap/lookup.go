package idmap

import "hash/maphash"

// Lookup is one of many that are done together, by [Lookups]. Set Map, nil for none, and ID.
type Lookup[T any] struct {
	Map   *Map[T]
	ID    string
	Value *T // the value with the ID, nil for none

	hash    uint64
	segment *segment[T]
	at      int // of the first slot with the tag of the hash, -1 for none
}

// Lookups does many lookups, in maps that nobody writes to meanwhile. In a large map each
// step of one waits for memory that is in no cache. Here all of them do a step before any does the
// next, so that a processor waits for several at once: done one after the other they take
// some times as long.
func Lookups[T any](all []Lookup[T]) {
	for i := range all {
		l := &all[i]
		l.Value, l.segment, l.at = nil, nil, -1
		l.hash = maphash.String(seed, l.ID)
	}
	for i := range all {
		if l := &all[i]; l.Map != nil && l.Map.n > 0 {
			l.segment = l.Map.segments[l.hash>>(64-l.Map.depth)]
		}
	}
	for i := range all {
		if l := &all[i]; l.segment != nil {
			l.at = l.segment.first(l.hash)
		}
	}
	for i := range all {
		if l := &all[i]; l.at >= 0 {
			l.Value = l.segment.slots[l.at]
		}
	}
	for i := range all {
		l := &all[i]
		if l.Value == nil {
			continue
		}
		if l.Map.id(l.Value) != l.ID { // another that has the same tag
			l.Value = nil
			if at := l.segment.find(l.hash, l.ID, l.Map.id); at >= 0 {
				l.Value = l.segment.slots[at]
			}
		}
	}
}

// first gives the first slot that a search for the hash comes to and whose value may be the one
// that is looked for; -1: none.
func (s *segment[T]) first(h uint64) int {
	tag := tagOf(h)
	for i := s.start(h); ; {
		switch s.tags[i] {
		case empty:
			return -1
		case tag:
			return i
		}
		if i++; i == len(s.tags) {
			i = 0
		}
	}
}
