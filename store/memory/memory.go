package memory

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"log/slog"
	"sync"
	"time"

	"github.com/roster-sd/roster/lease"
	"github.com/roster-sd/roster/store"
)

const backend = "memory"

var _ store.Store = (*Store)(nil)

// Options opens a store. The zero value is good.
type Options struct {
	// Node is the name of this registry node, for the reasons of events.
	Node string
	// Clock and Boottime are what the lease table runs on; see [lease.Options].
	Clock    func() time.Duration
	Boottime func() time.Duration
	// LogEvents is how many events are kept for watchers and for History; zero: 65,536.
	// A watcher that is further behind gets ErrCompacted.
	LogEvents int
	// LogBytes is about how many bytes of memory they may take; zero: 64 MiB, which is 65,536
	// events of 1 KiB. Without it, records with all the metadata they may have take ten times
	// as much. It must be more than the records that expire at one instant take.
	LogBytes int
	// MaxExpiredTombstones bounds the tombstones of records that expired; zero: 100,000.
	MaxExpiredTombstones int
	// MaxTombstones bounds the tombstones of all other reasons; zero: 1,000,000. Beyond
	// it the oldest go first. This is the one exception to store.TombstoneAge: without it,
	// who registers and deregisters fast enough takes all memory.
	MaxTombstones int
	// SweepInterval is how often the store checks that every record with a lease has it
	// in the table, and lets go of old tombstones; zero: 5 s. It delays no eviction.
	SweepInterval time.Duration
	// Logger hears of pauses; nil: nobody does.
	Logger *slog.Logger
	// State is where the store keeps what must outlive the process; nil: nothing does. The
	// store begins with what is in it, and closes it.
	State *State
	// OnPause hears of pauses and suspends, soon after the recovery, from one goroutine
	// of the store's. It may call the store.
	OnPause func(lease.Pause)
}

func (o Options) withDefaults() Options {
	if o.LogEvents <= 0 {
		o.LogEvents = 65_536
	}
	if o.LogBytes <= 0 {
		o.LogBytes = 64 << 20
	}
	if o.MaxExpiredTombstones <= 0 {
		o.MaxExpiredTombstones = 100_000
	}
	if o.MaxTombstones <= 0 {
		o.MaxTombstones = 1_000_000
	}
	if o.SweepInterval <= 0 {
		o.SweepInterval = 5 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Store is a store in memory. Its methods may be called concurrently.
type Store struct {
	opts Options
	wake chan struct{} // tells the expiry goroutine to look again; holds one
	stop chan struct{} // closed by Close
	wg   sync.WaitGroup

	keeper  *keeper   // nil without a state file
	closing sync.Once // the end of the keeper

	mu       sync.Mutex // guards everything below
	closed   bool
	revision store.Revision
	table    *lease.Table
	index    index
	leased   []*entry // by slot of the lease
	log      log
	graves   graves
	wakeAt   time.Duration // table time at which the expiry goroutine looks again
	pauses   []lease.Pause // noticed, not yet told
	due      []lease.Expiry
}

// Open makes a store, empty but for what its state file holds, and starts its goroutines,
// which Close ends.
func Open(opts Options) *Store {
	opts = opts.withDefaults()
	s := &Store{
		opts:  opts,
		wake:  make(chan struct{}, 1),
		stop:  make(chan struct{}),
		index: make(index),
		// The history begins at 1, so that no revision has a part that looks unset.
		revision: store.Revision{Epoch: newEpoch(), Number: 1},
	}
	s.graves.index, s.graves.maxMeant, s.graves.maxExpired = s.index, opts.MaxTombstones, opts.MaxExpiredTombstones
	s.table = lease.NewTable(lease.Options{
		Clock:    opts.Clock,
		Boottime: opts.Boottime,
		OnPause:  s.noticed,
	})
	if opts.State != nil {
		s.restore(opts.State)
	}
	s.log.open(opts.LogEvents, opts.LogBytes, s.revision.Number)
	s.wg.Go(s.expire)
	return s
}

func newEpoch() uint64 {
	var b [8]byte
	for {
		rand.Read(b[:]) // never fails: crypto/rand ends the process instead
		if epoch := binary.LittleEndian.Uint64(b[:]); epoch != 0 {
			return epoch
		}
	}
}

// Close ends watchers with ErrClosed and waits for the goroutines. Records are gone with the
// store, but for those in its state file, and are not announced as deleted.
func (s *Store) Close() error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.stop)
		s.log.announce()
	}
	s.mu.Unlock()
	s.wg.Wait()
	if s.keeper != nil {
		s.closing.Do(s.keeper.close) // when nothing can change any more
	}
	return nil
}

// Capabilities tells what a store in memory promises.
func (s *Store) Capabilities() store.Capabilities {
	return store.Capabilities{
		Backend:       backend,
		Durable:       s.keeper != nil,
		TTLResolution: time.Nanosecond,
		ExpiryLag:     50 * time.Millisecond,
	}
}

// Ping answers as long as the store is open.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.enter(ctx, "ping", store.Key{}); err != nil {
		return err
	}
	s.mu.Unlock()
	return nil
}

// Leases is the number of records under a lease.
func (s *Store) Leases() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.table.Len()
}

// Held is the number of records that are kept past their deadline by a hold.
func (s *Store) Held() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.table.Held()
}

// enter takes the mutex if the context and the store allow it. With an error, the mutex
// is not held.
func (s *Store) enter(ctx context.Context, op string, key store.Key) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return fail(op, key, store.ErrClosed)
	}
	return nil
}

func fail(op string, key store.Key, kind error) error {
	return &store.Error{Op: op, Backend: backend, Key: key, Kind: kind}
}

func refuse(op string, key store.Key, cause error) error {
	return &store.Error{Op: op, Backend: backend, Key: key, Kind: store.ErrInvalid, Cause: cause}
}
