// Package idmap finds values by an ID that stands in them. A [Map] keeps no key of its own: it
// takes 12 bytes a value, where a Go map of strings to pointers takes 35. No step of its growth
// moves more than some hundred values, however many there are.
package idmap

import (
	"hash/maphash"
	"iter"
)

// Map is a map of IDs to values. It is not safe for concurrent use while it is written to.
type Map[T any] struct {
	id       func(*T) string
	segments []*segment[T] // by the first depth bits of the hash; several may be the same
	depth    uint8
	n        int
}

// seed makes it impossible to choose IDs that hash the same.
var seed = maphash.MakeSeed()

// New gives an empty map of values whose ID the function tells. The ID of a value must not
// change while it is in the map.
func New[T any](id func(*T) string) *Map[T] { return &Map[T]{id: id} }

// Len is how many values there are.
func (m *Map[T]) Len() int { return m.n }

// Get gives the value with the ID, nil for none.
func (m *Map[T]) Get(id string) *T {
	if m.n == 0 {
		return nil
	}
	h := maphash.String(seed, id)
	s := m.segments[h>>(64-m.depth)]
	if i := s.find(h, id, m.id); i >= 0 {
		return s.slots[i]
	}
	return nil
}

// Set puts the value in, in the place of the one with its ID.
func (m *Map[T]) Set(id string, v *T) {
	if m.segments == nil {
		m.segments = []*segment[T]{newSegment[T](sizes[0], 0)}
	}
	h := maphash.String(seed, id)
	for {
		s := m.segments[h>>(64-m.depth)]
		if i := s.find(h, id, m.id); i >= 0 {
			s.slots[i] = v
			return
		}
		if s.used < s.most() {
			s.add(h, v)
			m.n++
			return
		}
		m.grow(h)
	}
}

// Delete takes out the value that stands under the ID, and gives it; nil: there was none.
func (m *Map[T]) Delete(id string) *T {
	if m.n == 0 {
		return nil
	}
	h := maphash.String(seed, id)
	s := m.segments[h>>(64-m.depth)]
	i := s.find(h, id, m.id)
	if i < 0 {
		return nil
	}
	v := s.slots[i]
	s.slots[i], s.tags[i] = nil, gone
	if s.live--; s.tags[(i+1)%len(s.tags)] == empty { // nothing is looked for past it
		for ; s.tags[i] == gone; i = (i + len(s.tags) - 1) % len(s.tags) {
			s.tags[i] = empty
			s.used--
		}
	}
	if m.n--; m.n == 0 {
		m.segments, m.depth = nil, 0 // a map keeps no room of its best days
	}
	return v
}

// All gives the values in no order. The map must not be written to meanwhile.
func (m *Map[T]) All() iter.Seq[*T] {
	return func(yield func(*T) bool) {
		var last *segment[T]
		for _, s := range m.segments {
			if s == last {
				continue
			}
			last = s
			for _, v := range s.slots {
				if v != nil && !yield(v) {
					return
				}
			}
		}
	}
}

// grow makes room in the segment of a hash: a new one of the size that its values need, or two.
func (m *Map[T]) grow(h uint64) {
	at := h >> (64 - m.depth)
	old := m.segments[at]
	size := sizeFor(old.live + old.live/8 + 1)
	if size > 0 {
		fresh := newSegment[T](size, old.depth)
		m.move(old, func(uint64) *segment[T] { return fresh })
		m.put(at, old, fresh, fresh)
		return
	}
	if old.depth == m.depth {
		double := make([]*segment[T], 2*len(m.segments))
		for i, s := range m.segments {
			double[2*i], double[2*i+1] = s, s
		}
		m.segments = double
		m.depth++
		at *= 2
	}
	low, high := newSegment[T](splitSize, old.depth+1), newSegment[T](splitSize, old.depth+1)
	m.move(old, func(h uint64) *segment[T] {
		if h>>(63-old.depth)&1 == 0 {
			return low
		}
		return high
	})
	m.put(at, old, low, high)
}

// move puts the values of a segment into others. Where chance gives one of them more than it
// has room for, that one grows.
func (m *Map[T]) move(old *segment[T], into func(h uint64) *segment[T]) {
	for _, v := range old.slots {
		if v == nil {
			continue
		}
		h := maphash.String(seed, m.id(v))
		s := into(h)
		if s.used == s.most() {
			bigger := newSegment[T](largest, s.depth)
			m.move(s, func(uint64) *segment[T] { return bigger })
			*s = *bigger
		}
		s.add(h, v)
	}
}

// put has two segments stand where one did, one of whose places is known.
func (m *Map[T]) put(at uint64, old, low, high *segment[T]) {
	width := uint64(1) << (m.depth - old.depth)
	first := at &^ (width - 1)
	for i := range width {
		if i < width/2 || width == 1 {
			m.segments[first+i] = low
		} else {
			m.segments[first+i] = high
		}
	}
}
