package memory

import (
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/roster-sd/roster/store/memory/journal"
)

const (
	// SyncEvery is how often the state file is synced at most: what a loss of power can take
	// is what changed in that time, and while the disk syncs. Each sync costs a disk a
	// write or two, so that this bounds what a busy registry does to it.
	SyncEvery = 100 * time.Millisecond

	// writeEvery is how often changes are handed to the system at most; the first one after
	// a rest is at once. A kill of the process takes what changed in that time.
	writeEvery = 2 * time.Millisecond
)

var errBehind = errors.New("changes come faster than they can be written")

// keeper writes the state file: what changes is queued under the store's mutex, and encoded
// and written by one goroutine. A second one, which it starts and waits for, syncs.
type keeper struct {
	s     *Store
	file  *journal.File
	log   *slog.Logger
	slack int64         // see [State]
	queue int           // see [State]
	wake  chan struct{} // something is pending; holds one
	quit  chan struct{}
	wg    sync.WaitGroup

	// Guarded by the store's mutex.
	pending []item
	lost    bool // something was not queued; what is now queued is of no use

	// Of the goroutine alone.
	spare     []item
	buf       writing
	gap       bool       // the file lacks something: only a whole new one will do
	dirty     bool       // something was written, and no sync of it has begun
	syncing   chan error // gets the outcome of the sync that runs; nil: none does
	wroteAt   time.Time
	syncedAt  time.Time
	checkedAt time.Time // that the file is where it was
	retryAt   time.Time
	retry     time.Duration
	items     int   // in the file
	lookAgain int64 // size of the file at which it is next compared with what lives
	unencoded bool  // it was told that something cannot be encoded

	failing atomic.Bool
	size    atomic.Int64
}

func newKeeper(s *Store, st *State, items int) *keeper {
	k := &keeper{s: s, file: st.file, log: st.log, slack: st.slack, queue: st.queue, wake: make(chan struct{}, 1), quit: make(chan struct{}), items: items}
	k.buf.refused = k.refused
	k.size.Store(k.file.Size())
	k.wg.Go(k.run)
	return k
}

// note queues a change. It needs the store's mutex. A nil keeper keeps nothing.
func (k *keeper) note(it item) {
	if k == nil || k.lost {
		return
	}
	if len(k.pending) >= k.queue {
		k.pending, k.lost = nil, true
		return
	}
	k.pending = append(k.pending, it)
}

// kick tells the goroutine that something is pending. It never blocks.
func (k *keeper) kick() {
	if k == nil {
		return
	}
	select {
	case k.wake <- struct{}{}:
	default: // it is already told
	}
}

// close writes what is left, syncs, and lets go of the file. Nothing changes any more.
func (k *keeper) close() {
	close(k.quit)
	k.wg.Wait()
}

func (k *keeper) run() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		select {
		case <-k.quit:
			k.finish()
			return
		case <-k.wake:
		case err := <-k.syncing:
			k.synced(err)
		case <-timer.C:
		}
		if again := k.work(time.Now()); again > 0 {
			timer.Reset(again)
		} else {
			timer.Stop()
		}
	}
}

// work does what is due, and gives the time until there is more to do; zero if only a change
// can make some.
func (k *keeper) work(now time.Time) (again time.Duration) {
	if k.failing.Load() {
		if wait := k.retryAt.Sub(now); wait > 0 {
			return wait
		}
		if err := k.rewrite(); err != nil {
			return k.failed(err)
		}
		k.recovered()
	}
	if wait := k.wroteAt.Add(writeEvery).Sub(now); wait > 0 {
		return wait
	}
	if err := k.write(k.take()); err != nil {
		return k.failed(err)
	}
	k.syncDue(now)
	if k.mostlyPast() {
		k.compact()
		if k.gap {
			return k.failed(journal.ErrBroken)
		}
		return writeEvery // what came meanwhile may be worth another
	}
	if k.dirty && k.syncing == nil {
		return max(time.Until(k.syncedAt.Add(SyncEvery)), time.Nanosecond)
	}
	return 0
}

// take gives what is pending, and notices if something is not.
func (k *keeper) take() []item {
	k.s.mu.Lock()
	defer k.s.mu.Unlock()
	if k.lost {
		k.gap = true
	}
	items := k.pending
	k.pending, k.spare = k.spare[:0], nil
	return items
}

// done gives back what take gave, so that its room is used again, unless it is much.
func (k *keeper) done(items []item) {
	if clear(items); cap(items) <= 4096 {
		k.spare = items
	}
}

// write appends changes to the file.
func (k *keeper) write(items []item) error {
	defer k.done(items)
	if k.gap {
		return errBehind
	}
	if len(items) == 0 {
		return nil
	}
	if now := time.Now(); now.Sub(k.checkedAt) >= SyncEvery {
		k.checkedAt = now
		if err := k.file.Check(); err != nil {
			return err
		}
	}
	k.buf.entries = k.buf.entries[:0]
	k.buf.add(items)
	if err := k.file.Write(k.buf.entries); err != nil {
		return err
	}
	k.wroteAt, k.dirty = time.Now(), true
	k.items += len(items)
	k.size.Store(k.file.Size())
	if cap(k.buf.entries) > 1<<20 {
		k.buf.entries = nil
	}
	return nil
}

// syncDue begins to sync what was written if the last time is long enough ago. It does not
// wait: a disk takes milliseconds for it, in which a kill of the process would take what was
// not handed to the system.
func (k *keeper) syncDue(now time.Time) {
	if !k.dirty || k.syncing != nil || now.Sub(k.syncedAt) < SyncEvery {
		return
	}
	k.syncedAt, k.dirty = now, false
	sync, outcome := k.file.Syncer(), make(chan error, 1)
	k.syncing = outcome
	k.wg.Go(func() { outcome <- sync() })
}

// synced takes the outcome of the sync that ran.
func (k *keeper) synced(err error) {
	k.syncing = nil
	if err != nil && !k.gap {
		k.failed(err)
	}
}

// settleSync waits for the sync that runs, if there is one.
func (k *keeper) settleSync() error {
	if k.syncing == nil {
		return nil
	}
	err := <-k.syncing
	k.syncing = nil
	return err
}
