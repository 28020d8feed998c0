package idmap

// The sizes that a segment may have. A third more each time leaves less empty than doubling.
var sizes = [...]int{8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, largest}

const (
	largest   = 512
	splitSize = 384 // of the two that take the place of one of the largest
)

// The tags of slots without a value. Those with one have the first bit, and seven of the hash.
const (
	empty = 0
	gone  = 1
)

// segment is a hash table with linear probing.
type segment[T any] struct {
	tags  []uint8
	slots []*T
	live  int
	used  int   // slots that are not empty: live ones, and those of values that are gone
	depth uint8 // how many bits of the hash all values here have in common
}

func newSegment[T any](size int, depth uint8) *segment[T] {
	return &segment[T]{tags: make([]uint8, size), slots: make([]*T, size), depth: depth}
}

// sizeFor gives the size for so many values; 0: they are too many for one segment.
func sizeFor(n int) int {
	for _, size := range sizes {
		if n <= room(size) {
			return size
		}
	}
	return 0
}

func room(size int) int { return size - size/8 }

func (s *segment[T]) most() int { return room(len(s.tags)) }

func tagOf(h uint64) uint8 { return uint8(h) | 0x80 }

// start gives the slot where a search for the hash begins: by bits that neither the tag nor
// the map has used.
func (s *segment[T]) start(h uint64) int {
	return int(uint64(uint32(h>>8)) * uint64(len(s.tags)) >> 32)
}

// find gives the slot of an ID, -1 for none. There is always an empty slot to end at.
func (s *segment[T]) find(h uint64, id string, of func(*T) string) int {
	tag := tagOf(h)
	for i := s.start(h); ; {
		switch t := s.tags[i]; {
		case t == empty:
			return -1
		case t == tag && of(s.slots[i]) == id:
			return i
		}
		if i++; i == len(s.tags) {
			i = 0
		}
	}
}

// add puts in a value that is not there. There must be room.
func (s *segment[T]) add(h uint64, v *T) {
	i := s.start(h)
	for s.tags[i]&0x80 != 0 {
		if i++; i == len(s.tags) {
			i = 0
		}
	}
	if s.tags[i] == empty {
		s.used++
	}
	s.tags[i], s.slots[i] = tagOf(h), v
	s.live++
}
