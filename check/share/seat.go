package share

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/roster-sd/roster/store"
)

// Service is the service of the records of nodes. Nobody can register an instance of it.
const Service = "roster"

// SeatTTL is for how long a node that has ended is still taken to be there.
const SeatTTL = 5 * time.Second

// How a seat is kept: a renewal is sent often enough that two may be lost. What fails is tried
// again soon, since after a TTL the node has nothing to do any more.
const (
	renewEvery = SeatTTL / 4
	tryAgain   = 500 * time.Millisecond
	leaveIn    = time.Second // how long the end of a seat may take at the shutdown
)

// SeatOptions are the options of a seat. Store and Node are required.
type SeatOptions struct {
	Store  store.Store
	Node   string       // the name of this node; where a live node has it already, it gets a suffix
	Logger *slog.Logger // nil: none
}

// Seat is the presence of this node among those of its backend, and what it sees of the others.
type Seat struct {
	store   store.Store
	node    string
	log     *slog.Logger
	poked   chan struct{} // look after the lease now; holds one
	changed chan struct{} // View gives something else; holds one

	mu       sync.Mutex
	own      store.Ref // no lease: there is no seat
	until    time.Time // the end of its lease, if the backend has not heard the last renewals
	said     bool      // it says that this node holds failures back
	nodes    map[string]store.LeaseID
	doubtful map[string]bool // of those, the ones that hold failures back
	deaf     time.Time       // since when the feed has been broken; zero: it is not
	shown    View
}

// View is who is there, as this node may act on it.
type View struct {
	// Nodes are the IDs of the nodes that are there, in order, this one among them. Nil: this
	// node is not there, or cannot know who is.
	Nodes []string
	Self  string    // the ID of this node
	While store.Ref // its seat
}

// NewSeat gives a seat that nobody has taken yet.
func NewSeat(opts SeatOptions) *Seat {
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	return &Seat{store: opts.Store, node: opts.Node, log: opts.Logger, nodes: map[string]store.LeaseID{}, doubtful: map[string]bool{},
		deaf: time.Now(), poked: make(chan struct{}, 1), changed: make(chan struct{}, 1)}
}

// View gives who is there now. The slice in it is never written to.
func (s *Seat) View() View {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.look()
	return s.shown
}

// Changed holds a token when View may give something else than before.
func (s *Seat) Changed() <-chan struct{} { return s.changed }

// Doubt has the seat looked after at once: a write under it was refused.
func (s *Seat) Doubt() {
	select {
	case s.poked <- struct{}{}:
	default:
	}
}

// Run takes the seat and keeps it until the context ends or the store is closed, which are the
// only errors it gives, and then leaves it. It is called once.
func (s *Seat) Run(ctx context.Context) error {
	group, work := errgroup.WithContext(ctx)
	group.Go(func() error { return s.follow(work) })
	group.Go(func() error { return s.keep(work) })
	err := group.Wait()
	s.leave(ctx)
	return err
}

// keep holds the lease.
func (s *Seat) keep(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	next := time.Now()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.poked:
			next = time.Now()
		case <-timer.C:
		}
		if !time.Now().Before(next) {
			wait := renewEvery
			switch err := s.hold(ctx); {
			case ctx.Err() != nil:
				return ctx.Err()
			case errors.Is(err, store.ErrClosed):
				return err
			case err != nil:
				s.log.Debug("checks: the presence of this node could not be renewed", "error", err)
				wait = tryAgain
			}
			next = time.Now().Add(wait)
		}
		timer.Reset(time.Until(s.wakeAt(next)))
	}
}

// hold renews the lease, and takes the seat where there is none.
func (s *Seat) hold(ctx context.Context) error {
	s.mu.Lock()
	own := s.own
	s.mu.Unlock()
	sent := time.Now()
	if own.Lease != 0 {
		renewals, err := s.store.Renew(ctx, []store.Ref{own})
		if err != nil {
			return err
		}
		err = renewals[0].Err
		if err == nil {
			s.set(own, sent.Add(renewals[0].TTL))
			return nil
		}
		s.set(store.Ref{Key: own.Key}, time.Time{})
		if !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrLeaseLost) {
			return err
		}
		sent = time.Now()
	}
	return s.take(ctx, own.Key, sent)
}

// take takes a seat. A name that another node has gets a suffix: two nodes of one name are a
// mistake, and two that drive each other out again and again would be a worse one.
func (s *Seat) take(ctx context.Context, key store.Key, sent time.Time) error {
	if key.ID == "" {
		key = store.Key{Kind: store.KindNode, Service: Service, ID: s.node}
	}
	grant := store.Grant{TTL: SeatTTL, If: store.Condition{Absent: true}, Why: store.Reason{Node: s.node}}
	rec, err := s.store.Register(ctx, store.Record{Key: key}, grant)
	if errors.Is(err, store.ErrConflict) {
		key.ID = s.node + "~" + rand.Text()[:8]
		rec, err = s.store.Register(ctx, store.Record{Key: key}, grant)
	}
	if err != nil {
		return err
	}
	s.set(rec.Ref(), sent.Add(rec.TTL))
	return nil
}

// leave gives the seat back, so that the others need not wait for the end of its lease.
func (s *Seat) leave(ctx context.Context) {
	s.mu.Lock()
	own := s.own
	s.mu.Unlock()
	s.set(store.Ref{}, time.Time{})
	if own.Lease == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveIn)
	defer cancel()
	if _, err := s.store.Deregister(ctx, own, store.Reason{Code: store.Deregistered, Node: s.node}); err != nil {
		s.log.Debug("checks: the presence of this node ends by itself", "error", err)
	}
}

func (s *Seat) set(own store.Ref, until time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if own.Lease != s.own.Lease {
		s.said = false // a new record says nothing
	}
	s.own, s.until = own, until
	s.look()
}

// wakeAt is when to wake up next: in time, or when this node has to take itself for absent.
func (s *Seat) wakeAt(next time.Time) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.look()
	ends := []time.Time{s.until}
	if !s.deaf.IsZero() {
		ends = append(ends, s.deaf.Add(SeatTTL))
	}
	for _, end := range ends {
		if end.After(time.Now()) && end.Before(next) {
			next = end
		}
	}
	return next
}

// look brings what is shown to what is known, and tells if it changed. It needs the mutex.
func (s *Seat) look() {
	v := View{Self: s.own.Key.ID, While: s.own}
	now := time.Now()
	// Its own record must have come by the feed: before, the others do not know of it either.
	if s.own.Lease != 0 && now.Before(s.until) && s.nodes[s.own.Key.ID] == s.own.Lease && (s.deaf.IsZero() || now.Before(s.deaf.Add(SeatTTL))) {
		v.Nodes = make([]string, 0, len(s.nodes))
		for id := range s.nodes {
			v.Nodes = append(v.Nodes, id)
		}
		slices.Sort(v.Nodes)
	}
	if slices.Equal(v.Nodes, s.shown.Nodes) && (v.Nodes == nil) == (s.shown.Nodes == nil) && v.While == s.shown.While {
		return
	}
	s.shown = v
	select {
	case s.changed <- struct{}{}:
	default:
	}
}
