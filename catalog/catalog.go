package catalog

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/roster-sd/roster/store"
)

// Source is the part of a store that a catalog needs.
type Source interface {
	store.Reader
	Capabilities() store.Capabilities
	Ping(ctx context.Context) error
}

// Options configure a Catalog. Store and Encode are required.
type Options struct {
	Store Source
	// Encode appends the JSON object of an instance without its closing brace: the
	// catalog keeps it, and adds lastHeartbeat when it answers.
	Encode func(dst []byte, r *store.Record) []byte
	// LogChanges is how many visible changes are kept for subscribers that resume;
	// 0 means 16,384.
	LogChanges int
	// LogBytes is about how many bytes of memory they may keep beyond the instances that live;
	// 0 means 48 MiB, which is 16,384 changes of instances of 1 KiB.
	LogBytes int
	// Pending is how many changes may wait for a slow subscriber before it is told to
	// resync; 0 means 1,024.
	Pending int
	// Panic is how many of a hundred instances of a service must fail their checks, and one more,
	// for a resolve to answer from them all the same; 0 means DefaultPanic, 100 that it never
	// does.
	Panic  int
	Logger *slog.Logger // nil: none
	// Clock gives the time since some moment, and must not go back; nil: the monotonic
	// clock of the process.
	Clock func() time.Duration
	// Boottime gives the time since the machine started, suspends included; nil: not known,
	// and a suspend is no evidence for a hold.
	Boottime func() time.Duration
	// OnPause hears that this process or machine did not run; nil: nobody does. It must
	// not block. A store that is not shared finds that out for itself.
	OnPause func(gap time.Duration)
}

// Catalog is a live read model of a store's instances. Its methods may be called
// concurrently, also before and after Run.
type Catalog struct {
	opts     Options
	log      *slog.Logger
	clock    func() time.Duration
	node     uint64        // marks the positions that are this catalog's alone
	holds    bool          // the store is shared, so that what it lets go may be our fault
	keepBack time.Duration // see store.Capabilities

	// write is held by whoever changes the view: Run, which applies the feed, and the
	// goroutine that ends holds. It guards what only they need. mu is taken under it.
	write    sync.Mutex
	ends     ends   // what is kept, by when it ends
	seq      uint64 // of the last group of changes; a group is what changes at one revision
	marks    uint64 // how many marks were given
	period   period
	past     past
	stirred  chan struct{} // holds a token when evidence has changed
	again    chan struct{} // holds a token when the store is back
	early    chan struct{} // holds a token while there is something to take from TakeEarly
	doubted  chan uint64   // holds an epoch that someone has seen
	evidence evidence

	mu        sync.RWMutex // guards what follows; held for a bounded number of changes
	services  map[string]*service
	empties   []string       // services without instances, oldest first; may hold names that filled again
	floor     store.Revision // stands for the last change of any service not in services
	listed    store.Revision // of the last change to the service list
	listSeq   uint64         // of the group of that change
	applied   store.Revision
	appliedAt uint64 // the seq of the last group that was applied
	mark      uint64 // 0: the view is what the store holds
	kept      map[store.Key]*kept
	keptBy    [Causes]int            // of those, the suspect ones
	toReturn  map[store.Key]struct{} // of those, the ones for TakeEarly
	newer     map[store.Key]Newer
	departed  departed
	total     int
	degraded  int // services
	owners    owners
	changes   changeLog
	bodies    bodies // has a lock of its own

	deliver sync.Mutex // held while changes go to subscribers; taken after mu is released
	subs    subscribers
	sent    instant // up to where subscribers have been told; guarded by deliver

	waiters  waiters
	warm     chan struct{} // closed after the first list
	warmOnce sync.Once

	brokenSince atomic.Int64 // a Moment; 0 while feed and ping are whole
	lastContact atomic.Int64 // a Moment, of the last sign of life of the feed; at first, of New
	watching    atomic.Int64 // a Moment, when the watcher was made that has not failed yet; 0: there is none
	summary     atomic.Pointer[summaryCache]

	// Counters, for metrics.
	resyncs, lagged, appliedEvents, expired, earlyEnds atomic.Uint64
}

// New makes a Catalog that is empty until Run has listed the store.
func New(opts Options) *Catalog {
	if opts.LogChanges <= 0 {
		opts.LogChanges = 16_384
	}
	if opts.LogBytes <= 0 {
		opts.LogBytes = 48 << 20
	}
	if opts.Pending <= 0 {
		opts.Pending = 1_024
	}
	if opts.Panic <= 0 {
		opts.Panic = DefaultPanic
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if opts.Clock == nil {
		origin := time.Now()
		opts.Clock = func() time.Duration { return time.Since(origin) }
	}
	c := &Catalog{
		opts:     opts,
		log:      opts.Logger,
		clock:    opts.Clock,
		node:     rand.Uint64() | 1,
		services: make(map[string]*service),
		owners:   make(owners),
		kept:     make(map[store.Key]*kept),
		toReturn: make(map[store.Key]struct{}),
		warm:     make(chan struct{}),
		stirred:  make(chan struct{}, 1),
		again:    make(chan struct{}, 1),
		early:    make(chan struct{}, 1),
		doubted:  make(chan uint64, 1),
	}
	if opts.Store != nil {
		caps := opts.Store.Capabilities()
		c.holds, c.keepBack = caps.Shared, caps.KeepBack
	}
	c.lastContact.Store(int64(c.clock()))
	c.bodies.most = bodyBytes
	c.changes.limit, c.changes.most = opts.LogChanges, opts.LogBytes
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

// Position is where the view stands.
func (c *Catalog) Position() Position {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.position()
}

// position needs mu.
func (c *Catalog) position() Position { return c.marked(c.applied, c.mark) }

// marked gives the position of a revision with a mark of this node's, 0 for none.
func (c *Catalog) marked(rev store.Revision, mark uint64) Position {
	if mark == 0 {
		return Pure(rev)
	}
	return Position{Revision: rev, Mark: Mark{Node: c.node, Count: mark}}
}

// Holds tells whether instances may be kept that the store has let go: it is shared.
func (c *Catalog) Holds() bool { return c.holds }

// Stats are the figures that metrics show.
type Stats struct {
	Services    int
	Instances   int
	Subscribers int
	Resyncs     uint64      // times that the catalog listed the store again
	Lagged      uint64      // times that a subscriber was told to resync
	Events      uint64      // events applied
	Expired     uint64      // of those, instances whose lease ran out
	Held        [Causes]int // instances that are kept on evidence, by it
	Degraded    int         // services of which nearly all instances fail their checks
	Early       uint64      // leases that ended before the time that was acknowledged
}

// Held tells how many instances are kept on evidence, by it.
func (c *Catalog) Held() [Causes]int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.keptBy
}

// Stats gives the present figures.
func (c *Catalog) Stats() Stats {
	c.mu.RLock()
	s := Stats{Services: c.populated(), Instances: c.total, Degraded: c.degraded, Held: c.keptBy}
	c.mu.RUnlock()
	s.Subscribers = c.subs.count()
	s.Resyncs, s.Lagged = c.resyncs.Load(), c.lagged.Load()
	s.Events, s.Expired, s.Early = c.appliedEvents.Load(), c.expired.Load(), c.earlyEnds.Load()
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
