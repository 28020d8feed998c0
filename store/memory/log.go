package memory

import (
	"slices"
	"sort"
	"unsafe"

	"github.com/roster-sd/roster/store"
)

// event is a change of one record, as the log keeps it.
type event struct {
	number      uint64 // of the revision
	time        store.Millis
	rec, before *store.Packed
	reason      store.Reason
}

func (e *event) last() *store.Packed {
	if e.rec != nil {
		return e.rec
	}
	return e.before
}

func (e *event) key() store.Key { return e.last().Key() }

// size is about how many bytes the event keeps that no earlier event of its log does.
func (e *event) size() int { return int(unsafe.Sizeof(*e)) + e.last().Size() }

// event gives what others are told, in the epoch of the store.
func (e *event) event(epoch uint64) store.Event {
	out := store.Event{Revision: store.Revision{Epoch: epoch, Number: e.number}, Time: e.time, Reason: e.reason}
	if e.rec != nil {
		out.Record = e.rec.Record()
	}
	if e.before != nil {
		out.Before = e.before.Record()
	}
	return out
}

// log is the newest events, in order. Each event has an absolute position that grows by
// one; cursors keep positions, and so notice when the log moved past them.
type log struct {
	ring  []event // grows up to limit, then is overwritten from its oldest on
	limit int
	size  int           // about how many bytes the events keep
	most  int           // how many bytes they may
	first uint64        // position of the oldest event kept
	next  uint64        // position that the next event gets
	floor uint64        // number of the latest revision that is not wholly kept
	news  chan struct{} // closed at the next change; nil while nobody waits
}

func (l *log) open(limit, most int, number uint64) {
	l.limit, l.most, l.floor = limit, most, number
}

func (l *log) at(position uint64) *event {
	return &l.ring[position%uint64(l.limit)]
}

func (l *log) append(e event) {
	if l.next-l.first == uint64(l.limit) {
		l.drop()
	}
	if place := l.next % uint64(l.limit); place < uint64(len(l.ring)) {
		l.ring[place] = e
	} else {
		if n := len(l.ring); n == cap(l.ring) { // append alone may go past the limit
			l.ring = slices.Grow(l.ring, min(max(n, 64), l.limit-n))
		}
		l.ring = append(l.ring, e)
	}
	l.next++
	for l.size += e.size(); l.size > l.most && l.first+1 < l.next; {
		l.drop()
	}
}

// drop forgets the oldest event.
func (l *log) drop() {
	oldest := l.at(l.first)
	l.floor = oldest.number
	l.size -= oldest.size()
	*oldest = event{}
	l.first++
}

// after gives the position of the first event after the revision with the number; ok is
// false if some of them are gone.
func (l *log) after(number uint64) (position uint64, ok bool) {
	if number < l.floor {
		return 0, false
	}
	n := sort.Search(int(l.next-l.first), func(i int) bool {
		return l.at(l.first+uint64(i)).number > number
	})
	return l.first + uint64(n), true
}

// wait gives the channel that the next change closes. The caller holds the mutex since
// before it looked for events, so that no change falls in between.
func (l *log) wait() <-chan struct{} {
	if l.news == nil {
		l.news = make(chan struct{})
	}
	return l.news
}

// announce wakes everyone who waits; it costs nothing if nobody does.
func (l *log) announce() {
	if l.news != nil {
		close(l.news)
		l.news = nil
	}
}
