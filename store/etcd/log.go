package etcd

import (
	"slices"
	"sort"

	"github.com/roster-sd/roster/store"
)

// log is the newest events in memory, in order, as a ring that is overwritten from its
// oldest on. Its positions are the numbers of revisions.
type log struct {
	ring  []store.Event
	limit int
	first int    // of the oldest, in a ring that is full
	floor uint64 // number of the latest revision that is not wholly kept
}

func (l *log) len() int { return len(l.ring) }

// at gives an event by its age: 0 is the oldest.
func (l *log) at(i int) *store.Event { return &l.ring[(l.first+i)%len(l.ring)] }

func (l *log) append(ev store.Event) {
	if len(l.ring) < l.limit {
		l.ring = append(l.ring, ev)
		return
	}
	oldest := &l.ring[l.first]
	l.floor = oldest.Revision.Number
	*oldest = ev
	l.first = (l.first + 1) % l.limit
}

// prepend puts the past, all of which is up to floor, before what is kept, as far as
// there is room. reaches is the number before its first revision.
func (l *log) prepend(past []store.Event, reaches uint64) {
	room := l.limit - len(l.ring)
	if l.first != 0 || room <= 0 && len(past) > 0 {
		return // it is full: what is kept is newer
	}
	if cut := len(past) - room; cut > 0 {
		reaches = past[cut-1].Revision.Number
		for cut < len(past) && past[cut].Revision.Number == reaches {
			cut++ // a revision is kept whole or not at all
		}
		past = past[cut:]
	}
	l.ring = slices.Concat(past, l.ring)
	l.floor = reaches
}

// after gives the age of the first event after the revision with the number; ok is false
// if some of them are gone.
func (l *log) after(number uint64) (i int, ok bool) {
	if number < l.floor {
		return 0, false
	}
	return sort.Search(len(l.ring), func(i int) bool { return l.at(i).Revision.Number > number }), true
}
