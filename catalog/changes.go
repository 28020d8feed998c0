package catalog

import (
	"math"
	"slices"
	"sort"
	"sync"
	"unsafe"

	"github.com/roster-sd/roster/store"
)

// Change is one change that clients see. It is immutable, and shared by all subscribers.
type Change struct {
	Revision store.Revision
	Before   *store.Packed // nil: the instance is new
	After    *store.Packed // nil: the instance left
	Reason   store.Reason
	item     Item     // of After
	at       Position // of the view after all changes of the revision that go with it
	seq      uint64   // of its group
	framed   sync.Once
	frame    []byte // what Frame was first asked for
}

// Service is the name of the service that changed.
func (ch *Change) Service() string {
	if ch.After != nil {
		return ch.After.Service()
	}
	return ch.Before.Service()
}

// Position is where a view stands that has this change and those that go with it.
func (ch *Change) Position() Position { return ch.at }

// With tells whether two changes go together: a client has seen both or neither.
func (ch *Change) With(other *Change) bool { return ch.seq == other.seq }

// Item is the instance after the change, as it is answered; only where After is set.
func (ch *Change) Item() Item { return ch.item }

// Frame gives what encode makes of the change. It is made once for all subscribers: who asks
// at the same moment waits for it.
func (ch *Change) Frame(encode func(*Change) []byte) []byte {
	ch.framed.Do(func() { ch.frame = encode(ch) })
	return ch.frame
}

// Effect is what a change is to someone who looks through a filter.
type Effect uint8

// The effects.
const (
	None   Effect = iota
	Put           // the instance matches
	Delete        // the instance matched, and is gone
	Left          // the instance matched, lives on, and no longer does
)

// Through gives the effect of the change to someone who looks through the filter.
func (ch *Change) Through(f *Filter) Effect {
	switch {
	case ch.After != nil && f.Match(ch.After):
		return Put
	case ch.Before == nil || !f.Match(ch.Before):
		return None
	case ch.After == nil:
		return Delete
	}
	return Left
}

// transition is where the mark of the view became another.
type transition struct {
	seq    uint64 // of the group with which it did
	number uint64 // of the revision
	mark   uint64 // from then on
}

// changeLog keeps the last changes for subscribers that resume, and the marks that the view
// had meanwhile. Its order is that of seq, in which numbers never fall.
type changeLog struct {
	limit   int
	most    int // about how many bytes the changes may keep
	ring    []*Change
	start   int
	count   int            // of the changes that the ring holds, from start on
	size    int            // about how many bytes they keep
	base    store.Revision // nothing at or before it is in the ring any more
	baseSeq uint64         // of the last group of which something has left the ring
	turns   []transition   // the first is the last at or before baseSeq, if there is one
	jumps   []jump         // oldest first
}

// jump is where a list took the view over revisions at which it never stood. Other nodes
// may have stood there, and what the list tells is no difference to them.
type jump struct{ from, to uint64 }

func (l *changeLog) reset(base store.Revision, seq, mark uint64) {
	clear(l.ring)
	l.ring, l.start, l.count, l.size, l.base, l.baseSeq = l.ring[:0], 0, 0, 0, base, seq
	l.turns = append(l.turns[:0], transition{seq: seq, number: base.Number, mark: mark})
	l.jumps = nil
}

func (l *changeLog) jump(from, to uint64) {
	l.jumps = slices.DeleteFunc(l.jumps, func(j jump) bool { return j.to <= l.base.Number })
	if from+1 < to {
		l.jumps = append(l.jumps, jump{from, to})
	}
}

func (l *changeLog) add(ch *Change) {
	if l.count == l.limit {
		l.drop()
	}
	if place := (l.start + l.count) % l.limit; place < len(l.ring) {
		l.ring[place] = ch
	} else {
		l.ring = append(l.ring, ch)
	}
	l.count++
	for l.size += ch.size(); l.size > l.most && l.count > 1; {
		l.drop()
	}
}

// drop forgets the oldest change.
func (l *changeLog) drop() {
	oldest := l.ring[l.start]
	l.base, l.baseSeq = oldest.Revision, oldest.seq
	l.size -= oldest.size()
	l.ring[l.start] = nil
	l.start = (l.start + 1) % l.limit
	l.count--
}

// size is about how many bytes the change keeps: the record, packed, and the frame of an event
// and the encoding in it, which are each twice as long at most.
func (ch *Change) size() int {
	r := ch.After
	if r == nil {
		r = ch.Before
	}
	return int(unsafe.Sizeof(*ch)) + 5*r.Size()
}

func (l *changeLog) turn(t transition) {
	l.turns = append(l.turns, t)
	if n := sort.Search(len(l.turns), func(i int) bool { return l.turns[i].seq > l.baseSeq }); n > 1 {
		l.turns = slices.Delete(l.turns, 0, n-1)
	}
}

// since gives the wanted changes after a position, and whether that is known: whether the
// view of this node stood just there. node is this node's.
func (l *changeLog) since(after Position, node uint64, want func(service string) bool) ([]*Change, bool) {
	if after.Epoch != l.base.Epoch {
		return nil, false
	}
	next, ok := l.leaves(after, node)
	if !ok || slices.ContainsFunc(l.jumps, func(j jump) bool { return j.from < after.Number && after.Number < j.to }) {
		return nil, false
	}
	missed := func(number, seq uint64) bool { return number > after.Number || seq >= next }
	if missed(l.base.Number, l.baseSeq) {
		return nil, false
	}
	var out []*Change
	first := sort.Search(l.count, func(i int) bool { ch := l.at(i); return missed(ch.Revision.Number, ch.seq) })
	for i := first; i < l.count; i++ {
		if ch := l.at(i); want(ch.Service()) {
			out = append(out, ch)
		}
	}
	return out, true
}

// leaves gives the group with which the view left the mark of a position, at the latest of
// its revision; false where it never stood there.
func (l *changeLog) leaves(p Position, node uint64) (seq uint64, ok bool) {
	if p.IsPure() {
		// The last that was shown at the revision, or nothing that the store held.
		n := sort.Search(len(l.turns), func(i int) bool { return l.turns[i].number > p.Number })
		return math.MaxUint64, n == 0 || l.turns[n-1].mark == 0
	}
	if p.Mark.Node != node {
		return 0, false
	}
	for i := len(l.turns) - 1; i >= 0; i-- {
		if t := l.turns[i]; t.mark == p.Mark.Count {
			if p.Number < t.number {
				return 0, false
			}
			if i+1 == len(l.turns) {
				return math.MaxUint64, true
			}
			return l.turns[i+1].seq, p.Number <= l.turns[i+1].number
		}
	}
	return 0, false
}

// at gives the change at place i, from the oldest on.
func (l *changeLog) at(i int) *Change { return l.ring[(l.start+i)%l.limit] }
