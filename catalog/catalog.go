package catalog

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/roster-sd/roster/store"
)

// Options configure a Catalog. Store and Encode are required.
type Options struct {
	Store store.Reader
	// Encode appends the JSON object of an instance without its closing brace: the
	// catalog keeps it, and adds lastHeartbeat when it answers.
	Encode func(dst []byte, r *store.Record) []byte
	// LogChanges is how many visible changes are kept for subscribers that resume;
	// 0 means 16,384.
	LogChanges int
	// Pending is how many changes may wait for a slow subscriber before it is told to
	// resync; 0 means 1,024.
	Pending int
	Logger  *slog.Logger // nil: none
}

// Catalog is a live read model of a store's instances. Its methods may be called
// concurrently, also before and after Run.
type Catalog struct {
	opts Options
	log  *slog.Logger

	mu       sync.RWMutex // guards what follows; held for a bounded number of changes
	services map[string]*service
	empties  []string       // services without instances, oldest first; may hold names that filled again
	floor    store.Revision // stands for the last change of any service not in services
	listed   store.Revision // of the last change to the service list
	applied  store.Revision
	total    int
	changes  changeLog

	deliver sync.Mutex // held while changes go to subscribers; taken after mu is released
	subs    subscribers
	sent    store.Revision // up to where subscribers have been told; guarded by deliver

	waiters  waiters
	warm     chan struct{} // closed after the first list
	warmOnce sync.Once

	origin      time.Time    // the moments below count from here, so that no step of the wall clock shows
	brokenSince atomic.Int64 // nanoseconds; 0 while the feed is healthy
	lastContact atomic.Int64 // nanoseconds, of the last sign of life of the feed; at first, of New
	summary     atomic.Pointer[summaryCache]

	// Counters, for metrics.
	resyncs, lagged, appliedEvents, expired atomic.Uint64
}

// New makes a Catalog that is empty until Run has listed the store.
func New(opts Options) *Catalog {
	if opts.LogChanges <= 0 {
		opts.LogChanges = 16_384
	}
	if opts.Pending <= 0 {
		opts.Pending = 1_024
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	c := &Catalog{
		opts:     opts,
		log:      opts.Logger,
		services: make(map[string]*service),
		warm:     make(chan struct{}),
		origin:   time.Now(),
	}
	c.changes.limit = opts.LogChanges
	c.subs.init()
	return c
}

// Warm is closed once the catalog has listed the store.
func (c *Catalog) Warm() <-chan struct{} { return c.warm }

// IsWarm tells whether the catalog has listed the store.
func (c *Catalog) IsWarm() bool {
	select {
	case <-c.warm:
		return true
	default:
		return false
	}
}

// Revision is the position up to which the catalog has applied the store's changes.
func (c *Catalog) Revision() store.Revision {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.applied
}

// Stale tells whether the store is out of reach, and for how long what the catalog
// shows may have been out of date.
func (c *Catalog) Stale() (age time.Duration, stale bool) {
	if c.brokenSince.Load() == 0 {
		return 0, false
	}
	return time.Duration(c.now() - c.lastContact.Load()), true
}

// now is at least 1.
func (c *Catalog) now() int64 { return max(1, int64(time.Since(c.origin))) }

// Stats are the figures that metrics show.
type Stats struct {
	Services    int
	Instances   int
	Subscribers int
	Resyncs     uint64 // times that the catalog listed the store again
	Lagged      uint64 // times that a subscriber was told to resync
	Events      uint64 // events applied
	Expired     uint64 // of those, instances whose lease ran out
}

// Stats gives the present figures.
func (c *Catalog) Stats() Stats {
	c.mu.RLock()
	s := Stats{Services: c.populated(), Instances: c.total}
	c.mu.RUnlock()
	s.Subscribers = c.subs.count()
	s.Resyncs, s.Lagged = c.resyncs.Load(), c.lagged.Load()
	s.Events, s.Expired = c.appliedEvents.Load(), c.expired.Load()
	return s
}

func (c *Catalog) populated() int {
	n := 0
	for _, s := range c.services {
		if s.tree.Len() > 0 {
			n++
		}
	}
	return n
}
