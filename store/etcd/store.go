package etcd

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/roster-sd/roster/store"
)

const backend = "etcd"

var _ store.Store = (*Store)(nil)

// Store is a store in etcd. Its methods may be called concurrently.
type Store struct {
	opts   Options
	keys   layout
	link   link
	ctx    context.Context // ended by Close
	cancel context.CancelFunc
	wg     sync.WaitGroup

	contact contact
	epochs  epochs
	renewer *renewer
	revoker revoker
	stones  stoneLease
	turns   turns
	ended   ended  // leases that keep nothing alive any more
	graves  graves // expired lives that the feed showed

	feedMu sync.Mutex
	feed   *feed // nil until somebody watches

	spawning sync.Mutex // orders the start of goroutines and the end of the store
	closed   atomic.Bool
}

// Open makes a store. It fails for bad options only: an etcd that is out of reach makes
// the calls fail, with ErrUnavailable, until it is back.
func Open(opts Options) (*Store, error) {
	opts = opts.withDefaults()
	if err := opts.check(); err != nil {
		return nil, fmt.Errorf("open etcd store: %w", err)
	}
	s := &Store{opts: opts, keys: newLayout(opts.Prefix)}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.contact.init(s)
	s.graves.limit = opts.HistoryEvents
	s.renewer = newRenewer(s)
	s.revoker.init(s)
	if err := s.link.open(s); err != nil {
		s.cancel()
		return nil, fmt.Errorf("open etcd store: %w", err)
	}
	s.wg.Go(s.renewer.run)
	s.wg.Go(s.revoker.run)
	if len(opts.Endpoints) > 1 {
		s.wg.Go(s.link.watchEndpoints)
	}
	return s, nil
}

// Close ends watchers with ErrClosed and waits for everything that runs. Records and
// their leases stay as they are.
func (s *Store) Close() error {
	s.spawning.Lock()
	first := s.closed.CompareAndSwap(false, true)
	s.spawning.Unlock()
	if first {
		s.cancel()
		s.feedMu.Lock()
		if s.feed != nil {
			s.feed.announce()
		}
		s.feedMu.Unlock()
	}
	s.wg.Wait()
	s.link.close()
	return nil
}

// spawn runs f in a goroutine that Close waits for, unless the store is closed.
func (s *Store) spawn(f func()) bool {
	s.spawning.Lock()
	defer s.spawning.Unlock()
	if s.closed.Load() {
		return false
	}
	s.wg.Go(f)
	return true
}

// keepBack is generous: a node may hear late of an end that etcd was wrong about, since its
// watch may hang on a member that has just been the leader, and was stopped.
const keepBack = time.Second

// Capabilities tells what a store in etcd promises.
func (s *Store) Capabilities() store.Capabilities {
	return store.Capabilities{
		Backend:       backend,
		Shared:        true,
		Durable:       true,
		NativeLease:   true,
		Resumable:     true,
		TTLResolution: time.Second,
		// etcd looks every 500 ms; the rest is the revocation and its way here.
		ExpiryLag: 800 * time.Millisecond,
		KeepBack:  keepBack,
	}
}

// Ping does a read that needs a leader and a majority.
func (s *Store) Ping(ctx context.Context) error {
	c, err := s.begin(ctx, "ping", store.Key{})
	if err != nil {
		return err
	}
	defer c.end()
	if _, err := c.read(); err != nil {
		return c.fail(err)
	}
	return nil
}
