package catalogtest

import (
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/roster-sd/roster/store"
)

// Options say what a backend is like. The zero value is good.
type Options struct {
	KeepBack time.Duration // see store.Capabilities
	Lag      time.Duration // from the end of a lease to its announcement; 0: 40 ms
	Events   int           // how many events are kept for watchers and for History; 0: all
}

// Backend is what several nodes share. Its methods may be called concurrently.
type Backend struct {
	opts Options

	mu      sync.Mutex
	epoch   uint64
	number  uint64
	leases  uint64
	records map[store.Key]*lessee
	lives   map[store.Key]uint64 // the latest generation
	stones  map[store.Key][]store.Tombstone
	log     []store.Event
	floor   uint64        // the number up to which the log is forgotten
	news    chan struct{} // closed and replaced at each change
	stopped bool          // nothing runs; leases end all the same
	nodes   int
	stop    chan struct{}
	done    chan struct{}
}

// lessee is a record and the end of its lease; a zero end does not come.
type lessee struct {
	rec *store.Record
	end time.Time
}

// New gives a backend with nothing in it.
func New(opts Options) *Backend {
	if opts.Lag == 0 {
		opts.Lag = 40 * time.Millisecond
	}
	b := &Backend{opts: opts, news: make(chan struct{})}
	b.empty()
	return b
}

// empty begins a new epoch with nothing. It needs mu, as does every method that is not
// exported.
func (b *Backend) empty() {
	b.epoch, b.number, b.floor, b.log = rand.Uint64()|1, 0, 0, nil
	b.records, b.lives = make(map[store.Key]*lessee), make(map[store.Key]uint64)
	b.stones = make(map[store.Key][]store.Tombstone)
}

func (b *Backend) wake() {
	close(b.news)
	b.news = make(chan struct{})
}

// locked runs f while nothing changes, and tells everyone who waits to look again.
func (b *Backend) locked(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f()
	b.wake()
}

// Lose makes the backend lose all that it holds, its epoch and its tombstones too.
func (b *Backend) Lose() { b.locked(b.empty) }

// Save notes the state of the backend; what it gives takes the backend back to it, with
// the leases as they would be, and under a new epoch.
func (b *Backend) Save() (rewind func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	records := make(map[store.Key]*lessee, len(b.records))
	for key, l := range b.records {
		same := *l
		records[key] = &same
	}
	lives, number, stones := maps.Clone(b.lives), b.number, maps.Clone(b.stones)
	return func() {
		b.locked(func() {
			b.records, b.lives, b.number, b.stones = records, lives, number, stones
			b.epoch, b.floor, b.log = rand.Uint64()|1, number, nil
		})
	}
}

// Compact forgets every event up to now.
func (b *Backend) Compact() { b.locked(func() { b.floor, b.log = b.number, nil }) }

// EndEarly ends the leases of records as if their time were over.
func (b *Backend) EndEarly(keys ...store.Key) {
	b.locked(func() {
		for _, key := range keys {
			if l := b.records[key]; l != nil && !l.end.IsZero() {
				l.end = time.Now().Add(-b.opts.Lag)
			}
		}
	})
}

// Stop makes the whole backend hang, as SIGSTOP does: leases end meanwhile, and nobody is
// told before Continue.
func (b *Backend) Stop() { b.locked(func() { b.stopped = true }) }

// Continue ends what Stop began.
func (b *Backend) Continue() { b.locked(func() { b.stopped = false }) }

// Snapshot is what the backend holds, without any fault between.
func (b *Backend) Snapshot() store.Snapshot {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.list(store.Selector{})
}

func (b *Backend) list(sel store.Selector) store.Snapshot {
	snap := store.Snapshot{Revision: store.Revision{Epoch: b.epoch, Number: b.number}}
	for key, l := range b.records {
		if sel.Matches(key) && l.alive() {
			snap.Records = append(snap.Records, l.rec)
		}
	}
	return snap
}

func (l *lessee) alive() bool { return l.end.IsZero() || time.Now().Before(l.end) }

// live gives a record that has not expired, nil if there is none.
func (b *Backend) live(key store.Key) *lessee {
	if l := b.records[key]; l != nil && l.alive() {
		return l
	}
	return nil
}

// run announces what has expired until it is told to stop.
func (b *Backend) run(stop, done chan struct{}) {
	defer close(done)
	for {
		b.mu.Lock()
		next, news := b.expire(), b.news
		b.mu.Unlock()
		timer := time.NewTimer(next)
		select {
		case <-stop:
			timer.Stop()
			return
		case <-news:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// expire announces what is due, in one revision, and gives the time until more is.
func (b *Backend) expire() time.Duration {
	next := time.Hour
	if b.stopped {
		return next
	}
	var due []*store.Record
	now := time.Now()
	for _, l := range b.records {
		if l.end.IsZero() {
			continue
		}
		if wait := l.end.Add(b.opts.Lag).Sub(now); wait > 0 {
			next = min(next, wait)
			continue
		}
		due = append(due, l.rec)
	}
	if len(due) > 0 {
		b.number++
		for _, rec := range due {
			b.remove(rec, store.Reason{Code: store.Expired})
		}
		b.wake()
	}
	return next
}

// remove takes a record out in the present revision, tells of it and remembers it.
func (b *Backend) remove(rec *store.Record, why store.Reason) store.Revision {
	delete(b.records, rec.Key)
	rev := b.publish(store.Event{Before: rec, Reason: why})
	b.bury(rec, why, rev)
	return rev
}

func (b *Backend) publish(ev store.Event) store.Revision {
	ev.Revision = store.Revision{Epoch: b.epoch, Number: b.number}
	ev.Time = store.Now()
	if ev.Record != nil {
		ev.Record.Revision = ev.Revision
	}
	b.log = append(b.log, ev)
	if n := len(b.log) - b.opts.Events; b.opts.Events > 0 && n > 0 {
		b.floor = b.log[n-1].Revision.Number
		b.log = slices.Clone(b.log[n:])
	}
	return ev.Revision
}

func (b *Backend) bury(rec *store.Record, why store.Reason, rev store.Revision) {
	remains := *rec
	remains.Instance = store.Instance{Address: rec.Instance.Address, Port: rec.Instance.Port, Status: rec.Instance.Status}
	remains.Changed, remains.Process = 0, ""
	stones := append([]store.Tombstone{{Record: &remains, Reason: why, Revision: rev, Time: store.Now()}}, b.stones[rec.Key]...)
	b.stones[rec.Key] = stones[:min(len(stones), store.TombstonesPerKey)]
}

// remembered gives the tombstones of a key that are not over their age.
func (b *Backend) remembered(key store.Key) []store.Tombstone {
	kept := []store.Tombstone{}
	for _, s := range b.stones[key] {
		if time.Since(s.Time.Time()) < store.TombstoneAge {
			kept = append(kept, s)
		}
	}
	return kept
}
