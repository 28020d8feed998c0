package memory

import (
	"time"

	"github.com/roster-sd/roster/store"
)

// grave is a tombstone in its entry, and in the line of its kind.
type grave struct {
	rec    *store.Packed
	reason store.Reason
	number uint64 // of the revision of the death
	time   store.Millis

	dug     time.Duration // table time: a pause of the process uses up no memory of the dead
	e       *entry
	earlier *grave // of the same key

	older, newer *grave // in line
}

// graves remembers the dead for store.TombstoneAge in two lines by age, those whose death
// somebody meant and the expired. The oldest of a line that is too long make room, so that
// a mass of expiries drives out nothing that was meant.
type graves struct {
	index      index
	meant      line
	expired    line
	maxMeant   int
	maxExpired int

	// The latest generation that is remembered nowhere else. No key gets it again or one
	// before it, for a generation must not come twice.
	forgotten uint64
}

// line is a doubly linked list, since graves leave it from anywhere.
type line struct {
	oldest, newest *grave
	len            int
}

func (g *graves) line(gr *grave) *line {
	if gr.reason.Meant() {
		return &g.meant
	}
	return &g.expired
}

// add remembers a death of the entry's, and gives the grave: what it says of the death never
// changes.
func (g *graves) add(e *entry, death grave) *grave {
	gr := &death
	gr.e, gr.earlier = e, e.latest
	e.latest = gr
	g.line(gr).push(gr)
	n := 1
	for old := gr.earlier; old != nil; old = old.earlier {
		if n++; n > store.TombstonesPerKey {
			g.drop(old)
			break
		}
	}
	if g.meant.len > g.maxMeant {
		g.drop(g.meant.oldest)
	}
	if g.expired.len > g.maxExpired {
		g.drop(g.expired.oldest)
	}
	return gr
}

// tombstone gives what others are told, in the epoch of the store.
func (gr *grave) tombstone(epoch uint64) store.Tombstone {
	return store.Tombstone{Record: gr.rec.Record(), Reason: gr.reason,
		Revision: store.Revision{Epoch: epoch, Number: gr.number}, Time: gr.time}
}

// remains gives what a tombstone keeps of a record; see [store.Tombstone].
func remains(packed *store.Packed) *store.Packed {
	rec := packed.Record()
	return store.Pack(&store.Record{
		Key:          rec.Key,
		Lease:        rec.Lease,
		Generation:   rec.Generation,
		Revision:     rec.Revision,
		TTL:          rec.TTL,
		RegisteredAt: rec.RegisteredAt,
		Owner:        rec.Owner,
		Tokens:       rec.Tokens,
		Instance: store.Instance{
			Address: rec.Instance.Address,
			Port:    rec.Instance.Port,
			Status:  rec.Instance.Status,
		},
	})
}

// prune lets go of those that are old enough, limit at most, and tells whether it came
// to that limit.
func (g *graves) prune(now time.Duration, limit int) (more bool) {
	for _, l := range [...]*line{&g.meant, &g.expired} {
		for ; l.oldest != nil && !l.oldest.remembered(now); limit-- {
			if limit == 0 {
				return true
			}
			g.drop(l.oldest)
		}
	}
	return false
}

func (g *graves) drop(gr *grave) {
	e := gr.e
	if e.rec == nil && e.latest == gr && gr.earlier == nil {
		g.index.drop(e) // while there is something to know it by
	}
	link := &e.latest
	for *link != gr {
		link = &(*link).earlier
	}
	*link = gr.earlier
	g.line(gr).cut(gr)
	if died := gr.rec.Generation(); died > e.generation() {
		g.forgotten = max(g.forgotten, died)
	}
}

// remembered is false for none, and for one that only waits for prune.
func (gr *grave) remembered(now time.Duration) bool {
	return gr != nil && now-gr.dug < store.TombstoneAge
}

// tombstones gives what is remembered of the key, newest first.
func (e *entry) tombstones(epoch uint64, now time.Duration) []store.Tombstone {
	out := []store.Tombstone{}
	for gr := e.latest; gr.remembered(now); gr = gr.earlier {
		out = append(out, gr.tombstone(epoch))
	}
	return out
}

// generation gives the latest generation that is known, dead or alive; zero for none.
func (e *entry) generation() uint64 {
	var latest uint64
	if e.rec != nil {
		latest = e.rec.Generation()
	}
	for gr := e.latest; gr != nil; gr = gr.earlier {
		latest = max(latest, gr.rec.Generation())
	}
	return latest
}

// forbids tells whether the generation must stay dead: somebody meant its end, or a later
// generation lived.
func (e *entry) forbids(generation uint64, now time.Duration) bool {
	for gr := e.latest; gr.remembered(now); gr = gr.earlier {
		if died := gr.rec.Generation(); died > generation || died == generation && gr.reason.Meant() {
			return true
		}
	}
	return false
}

func (l *line) push(gr *grave) {
	gr.older = l.newest
	if l.newest != nil {
		l.newest.newer = gr
	} else {
		l.oldest = gr
	}
	l.newest = gr
	l.len++
}

func (l *line) cut(gr *grave) {
	if gr.older != nil {
		gr.older.newer = gr.newer
	} else {
		l.oldest = gr.newer
	}
	if gr.newer != nil {
		gr.newer.older = gr.older
	} else {
		l.newest = gr.older
	}
	l.len--
}
