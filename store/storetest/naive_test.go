package storetest

import (
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/roster-sd/roster/store"
)

// naive is the contract in its plainest form: one lock, a map, a log, and a goroutine
// that announces expiries. It is what the suite itself is tested with: the suite passes
// on it, and fails on it as soon as it breaks any promise (see fault_test.go).
type naive struct {
	fault string // the promise to break
	caps  store.Capabilities
	lag   time.Duration // from the end of a lease to its announcement

	mu      sync.Mutex
	epoch   uint64
	number  uint64
	leases  uint64
	recs    map[store.Key]*held
	gens    map[store.Key]uint64
	stones  map[store.Key][]store.Tombstone
	log     []store.Event
	floor   uint64        // the number up to which the log was forgotten
	limit   int           // events kept in the log; zero is no limit
	changed chan struct{} // closed and replaced at each change
	out     bool          // out of reach

	nodes int
	stop  chan struct{}
	done  chan struct{}
}

// held is a record and the end of its lease; a zero end does not come.
type held struct {
	rec *store.Record
	end time.Time
}

func newNaive(fault string, caps store.Capabilities, limit int) *naive {
	n := &naive{fault: fault, caps: caps, lag: 40 * time.Millisecond, limit: limit, changed: make(chan struct{})}
	if n.bad("announces late") {
		n.lag = 80 * time.Millisecond
	}
	n.forgetAll()
	return n
}

func (n *naive) bad(fault string) bool { return n.fault == fault }

// forgetAll begins a new epoch with nothing.
func (n *naive) forgetAll() {
	n.epoch, n.number, n.floor = rand.Uint64()|1, 0, 0
	n.recs, n.gens = map[store.Key]*held{}, map[store.Key]uint64{}
	n.stones, n.log = map[store.Key][]store.Tombstone{}, nil
}

// open gives a node; the first one starts the clock, the last one to close stops it.
func (n *naive) open() *node {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.nodes == 0 {
		if n.stop != nil && (!n.caps.Durable && !n.bad("comes back as if nothing was") || n.bad("comes back empty")) {
			n.forgetAll()
		}
		n.stop, n.done = make(chan struct{}), make(chan struct{})
		go n.run(n.stop, n.done)
	}
	n.nodes++
	return &node{n: n, ended: make(chan struct{})}
}

// run announces what has expired.
func (n *naive) run(stop, done chan struct{}) {
	defer close(done)
	for {
		n.mu.Lock()
		next := n.expire()
		changed := n.changed
		n.mu.Unlock()
		timer := time.NewTimer(next)
		select {
		case <-stop:
			timer.Stop()
			return
		case <-changed:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// expire announces what is due and gives the time until something is.
func (n *naive) expire() time.Duration {
	now, next := time.Now(), time.Hour
	var due []*store.Record
	for key, h := range n.recs {
		if h.end.IsZero() {
			continue
		}
		if n.bad("drops late records unannounced") && now.After(h.end) {
			delete(n.recs, key)
			continue
		}
		if wait := h.end.Add(n.lag).Sub(now); wait > 0 {
			next = min(next, wait)
			continue
		}
		due = append(due, h.rec)
	}
	for i, rec := range due {
		if i > 0 && n.bad("splits a revision") {
			n.number--
		}
		n.remove(rec, store.Reason{Code: store.Expired})
		if n.bad("announces twice") {
			n.publish(store.Event{Before: rec, Reason: store.Reason{Code: store.Expired}})
		}
	}
	if len(due) > 0 {
		n.wake()
	}
	return next
}

// publish gives the event the next revision and appends it to the log.
func (n *naive) publish(ev store.Event) store.Revision {
	n.number++
	ev.Revision = store.Revision{Epoch: n.epoch, Number: n.number}
	ev.Time = store.At(time.Now())
	if ev.Record != nil {
		ev.Record.Revision = ev.Revision
	}
	if n.bad("forgets reasons") {
		ev.Reason = store.Reason{Code: ev.Reason.Code}
	}
	n.log = append(n.log, ev)
	if n.limit > 0 && len(n.log) > n.limit {
		n.floor = n.log[len(n.log)-n.limit-1].Revision.Number
		n.log = slices.Clone(n.log[len(n.log)-n.limit:])
	}
	return ev.Revision
}

// remove deletes a record, announces it and remembers it.
func (n *naive) remove(rec *store.Record, why store.Reason) store.Revision {
	delete(n.recs, rec.Key)
	rev := n.publish(store.Event{Before: rec, Reason: why})
	n.bury(rec, why, rev)
	return rev
}

func (n *naive) bury(rec *store.Record, why store.Reason, rev store.Revision) {
	if n.bad("leaves no tombstone of a replacement") && why.Code == store.Replaced {
		return
	}
	if !n.bad("remembers whole records") {
		rec = remembered(rec)
	}
	if n.bad("remembers no tokens") {
		rec.Tokens = store.Tokens{}
	}
	stones := append([]store.Tombstone{{Record: rec, Reason: why, Revision: rev, Time: store.At(time.Now())}}, n.stones[rec.Key]...)
	if len(stones) > store.TombstonesPerKey && !n.bad("keeps every tombstone") {
		stones = stones[:store.TombstonesPerKey]
	}
	n.stones[rec.Key] = stones
}

// remembered gives the tombstones of a key that are not over their age.
func (n *naive) remembered(key store.Key) []store.Tombstone {
	age := store.TombstoneAge
	switch {
	case n.bad("forgets tombstones early"):
		age /= 2
	case n.bad("never forgets"):
		age *= 100
	}
	var kept []store.Tombstone
	for _, stone := range n.stones[key] {
		if time.Since(stone.Time.Time()) < age {
			kept = append(kept, stone)
		}
	}
	if n.bad("gives tombstones oldest first") {
		slices.Reverse(kept)
	}
	if len(kept) == 0 && n.bad("forgets generations") {
		delete(n.gens, key)
	}
	return kept
}

// live gives a record that has not expired, nil if there is none.
func (n *naive) live(key store.Key) *held {
	h := n.recs[key]
	if h == nil || !h.end.IsZero() && !time.Now().Before(h.end) && !n.bad("shows what has expired") {
		return nil
	}
	return h
}
