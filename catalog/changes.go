package catalog

import (
	"sort"
	"sync/atomic"

	"github.com/roster-sd/roster/store"
)

// Change is one change that clients see. It is immutable, and shared by all subscribers.
type Change struct {
	Revision store.Revision
	Before   *store.Record // nil: the instance is new
	After    *store.Record // nil: the instance left
	Reason   store.Reason
	item     Item // of After
	frame    atomic.Pointer[[]byte]
}

// Service is the name of the service that changed.
func (ch *Change) Service() string {
	if ch.After != nil {
		return ch.After.Key.Service
	}
	return ch.Before.Key.Service
}

// Item is the instance after the change, as it is answered; only where After is set.
func (ch *Change) Item() Item { return ch.item }

// Frame gives what encode makes of the change. It is made once for all subscribers, or a
// few times where several ask at the same moment.
func (ch *Change) Frame(encode func(*Change) []byte) []byte {
	if f := ch.frame.Load(); f != nil {
		return *f
	}
	f := encode(ch)
	ch.frame.CompareAndSwap(nil, &f)
	return *ch.frame.Load()
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
	case ch.After != nil && f.Match(&ch.After.Instance):
		return Put
	case ch.Before == nil || !f.Match(&ch.Before.Instance):
		return None
	case ch.After == nil:
		return Delete
	}
	return Left
}

// changeLog keeps the last changes for subscribers that resume.
type changeLog struct {
	limit int
	ring  []*Change
	start int
	base  store.Revision // nothing at or before it is in the ring any more
}

func (l *changeLog) reset(base store.Revision) {
	clear(l.ring)
	l.ring, l.start, l.base = l.ring[:0], 0, base
}

func (l *changeLog) add(ch *Change) {
	if len(l.ring) < l.limit {
		l.ring = append(l.ring, ch)
		return
	}
	l.base = l.ring[l.start].Revision
	l.ring[l.start] = ch
	l.start = (l.start + 1) % l.limit
}

// since gives the wanted changes after a position, and whether the position is known.
func (l *changeLog) since(after store.Revision, want func(service string) bool) ([]*Change, bool) {
	if after.Epoch != l.base.Epoch || after.Number < l.base.Number {
		return nil, false
	}
	var out []*Change
	first := sort.Search(len(l.ring), func(i int) bool { return l.at(i).Revision.Number > after.Number })
	for i := first; i < len(l.ring); i++ {
		if ch := l.at(i); want(ch.Service()) {
			out = append(out, ch)
		}
	}
	return out, true
}

// at gives the change at place i, from the oldest on.
func (l *changeLog) at(i int) *Change { return l.ring[(l.start+i)%len(l.ring)] }
