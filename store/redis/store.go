package redis

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9/logging"

	"github.com/roster-sd/roster/store"
)

const backend = "redis"

var _ store.Store = (*Store)(nil)

// Store is a node's view of a keyspace in Redis. Its methods may be called concurrently.
//
// A call whose context is cancelled while Redis is asked may come back only when Redis has
// answered or the call's own timeout is over. Deadlines are kept, and Next comes back at once.
type Store struct {
	opts Options
	link *link
	keys []string // of every script

	life context.Context // over when the store is closed
	end  context.CancelFunc
	wg   sync.WaitGroup

	epoch   atomic.Pointer[epoch] // nil: not yet known
	looking chan struct{}         // held by who finds the epoch out

	contact contact
	clock   clock
	renewer renewer
	feed    feed
}

// quietDriver keeps the driver from writing to standard error on its own: what it has to say
// comes as errors too. Its logger is one for the process.
var quietDriver = sync.OnceFunc(logging.Disable)

// Open gives a store on the keyspace. It fails only for options that are wrong; it connects
// when it is used, and calls fail with ErrUnavailable as long as it cannot.
func Open(opts Options) (*Store, error) {
	opts, err := opts.filled()
	if err != nil {
		return nil, err
	}
	quietDriver()
	life, end := context.WithCancel(context.Background())
	s := &Store{
		opts:    opts,
		link:    newLink(life, &opts),
		keys:    []string{"{" + opts.Prefix + "}:m"},
		looking: make(chan struct{}, 1),
		life:    life,
		end:     end,
	}
	s.contact.since = time.Now()
	s.clock.now = opts.clock
	s.renewer.open(s)
	s.feed.open(s)
	s.wg.Go(s.sweepUntilClosed)
	return s, nil
}

// Close ends watchers with ErrClosed and waits for every goroutine. The records stay.
func (s *Store) Close() error {
	s.end()
	s.feed.close()
	s.renewer.close()
	s.link.close()
	s.wg.Wait()
	return nil
}

func (s *Store) closed() bool { return s.life.Err() != nil }

// Capabilities tells what a store in Redis promises.
func (s *Store) Capabilities() store.Capabilities {
	return store.Capabilities{
		Backend:       backend,
		Shared:        true,
		Durable:       true, // best effort: see the package's documentation
		NativeLease:   true,
		Resumable:     true,
		TTLResolution: time.Millisecond,
		ExpiryLag:     250 * time.Millisecond,
	}
}

// Ping asks whether the server could take a write and give an up-to-date read now: whether it
// answers, has loaded its data, and is the master.
func (s *Store) Ping(ctx context.Context) error {
	c, err := s.enter(ctx, "ping", store.Key{})
	if err != nil {
		return err
	}
	defer c.leave()
	return c.failed(s.ping(c.ctx))
}

func (s *Store) ping(ctx context.Context) error {
	asked := s.clock.now()
	r, _, err := s.run(ctx, scriptPing)
	if err != nil {
		return err
	}
	s.observe(asked, r.integer(2))
	return nil
}
