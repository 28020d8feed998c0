package catalog

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
)

// ErrLagged is given to a subscriber that could not keep up, or whose position belongs
// to a past that the store has lost: call Resync and go on.
var ErrLagged = errors.New("catalog: subscriber lagged")

// ErrEnded is given once a subscription is closed.
var ErrEnded = errors.New("catalog: subscription ended")

// Subscription follows the changes of some services, or of all. It is for one goroutine.
type Subscription struct {
	catalog  *Catalog
	services []string // nil: all
	limit    int
	inside   bool          // of this node's own, which is no watcher
	wake     chan struct{} // holds a token while there is something to fetch

	staged []*Change // guarded by Catalog.deliver

	mu     sync.Mutex
	notify func()  // called in place of a token; nil: none
	from   instant // changes up to here are not wanted
	queue  []*Change
	lagged bool
	ended  bool
	progress
}

// Subscribe follows the named services, nil for all, from the view as it is now.
func (c *Catalog) Subscribe(services []string) (*Subscription, []View) {
	s := c.newSubscription(services)
	return s, c.begin(s)
}

// begin has a new subscription start from the view as it is now, which it gives.
func (c *Catalog) begin(s *Subscription) []View {
	s.given, s.taken = 1, 1 // the view
	c.mu.Lock()
	s.from = c.now()
	c.subs.add(s)
	views := c.views(s.services)
	c.mu.Unlock()
	return byName(views)
}

// SubscribeInside is Subscribe to everything for a part of this node, which Stats does not count
// among the watchers.
func (c *Catalog) SubscribeInside() (*Subscription, []View) {
	s := c.newSubscription(nil)
	s.inside = true
	return s, c.begin(s)
}

// Follow follows the named services, nil for all, from now on, without a view.
func (c *Catalog) Follow(services []string) *Subscription {
	s := c.newSubscription(services)
	c.mu.RLock()
	defer c.mu.RUnlock()
	s.from = c.now()
	c.subs.add(s)
	return s
}

// Resume follows the named services, nil for all, from a position. It gives false where
// the position is not known, or not any more, or is one at which this node's view never
// stood.
func (c *Catalog) Resume(services []string, after Position) (*Subscription, bool) {
	s := c.newSubscription(services)
	c.mu.RLock()
	defer c.mu.RUnlock()
	if !reaches(c.applied, after.Revision) {
		return nil, false
	}
	missed, ok := c.changes.since(after, c.node, s.wants)
	if !ok {
		return nil, false
	}
	s.from, s.queue = c.now(), missed
	if len(missed) > 0 {
		s.given++
		s.wake <- struct{}{}
	}
	c.subs.add(s)
	return s, true
}

func (c *Catalog) newSubscription(services []string) *Subscription {
	return &Subscription{catalog: c, services: services, limit: c.opts.Pending, wake: make(chan struct{}, 1)}
}

func (s *Subscription) wants(service string) bool {
	return s.services == nil || slices.Contains(s.services, service)
}

// views gives the services, all for nil, in no order; it needs mu for writing.
func (c *Catalog) views(names []string) []View {
	if names == nil {
		out := make([]View, 0, len(c.services))
		for name, s := range c.services {
			if s.tree.Len() > 0 {
				out = append(out, c.view(name, s))
			}
		}
		return out
	}
	out := make([]View, 0, len(names))
	for _, name := range names {
		if s, ok := c.services[name]; ok {
			out = append(out, c.view(name, s))
		}
	}
	return out
}

// byName puts views in the order of their names.
func byName(views []View) []View {
	slices.SortFunc(views, func(a, b View) int { return strings.Compare(a.Name, b.Name) })
	return views
}

// Wake holds a token while there may be something to take.
func (s *Subscription) Wake() <-chan struct{} { return s.wake }

// Notify has f called whenever there may be something to take, in place of a token in Wake: for
// who must not have all subscribers of a change wake up at once. It is called before Notify
// returns if there is something by then. f is called with locks held: it must return at once,
// and call neither the subscription nor the catalog.
func (s *Subscription) Notify(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notify = f
	select {
	case <-s.wake:
		f()
	default:
	}
}

// Take gives all changes that wait, whole revisions in order, possibly none.
func (s *Subscription) Take() ([]*Change, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	queue := s.queue
	s.queue = nil
	switch {
	case s.ended:
		return nil, ErrEnded
	case s.lagged:
		return nil, ErrLagged
	}
	s.taken = s.given
	return queue, nil
}

// Next waits for changes and takes them.
func (s *Subscription) Next(ctx context.Context) ([]*Change, error) {
	for {
		// Looked at first: a subscription that lags or has ended says so to every call,
		// and not only to the one that took the token.
		if queue, err := s.Take(); err != nil || len(queue) > 0 {
			return queue, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-s.wake:
		}
	}
}

// Resync drops what waits and starts again from the view as it is now.
func (s *Subscription) Resync() []View {
	c := s.catalog
	c.mu.Lock()
	s.mu.Lock()
	s.from, s.queue, s.lagged = c.now(), nil, false
	s.taken = s.given
	s.mu.Unlock()
	views := c.views(s.services)
	c.mu.Unlock()
	return byName(views)
}

// Start is the position of the view that the subscription began with, or began again.
func (s *Subscription) Start() Position {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.from.Position
}

// Position is a position up to which everything has been given to Next, if that can be
// said now.
func (s *Subscription) Position() (Position, bool) {
	c := s.catalog
	c.deliver.Lock()
	defer c.deliver.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lagged || len(s.queue) > 0 {
		return Position{}, false
	}
	if c.sent.seq < s.from.seq {
		return s.from.Position, true
	}
	return c.sent.Position, c.sent.Epoch == s.from.Epoch
}

// Close ends the subscription; Next then gives ErrEnded. It may be called by another
// goroutine, and more than once.
func (s *Subscription) Close() {
	s.catalog.subs.remove(s)
	s.mu.Lock()
	s.ended, s.queue = true, nil
	s.settle(true)
	s.signal()
	s.mu.Unlock()
}

// signal needs mu.
func (s *Subscription) signal() {
	if s.notify != nil {
		s.notify()
		return
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// most is how many changes of one batch are taken in. A list after a lost position may
// bring as many as there are instances: to stage that for each of thousands of subscribers
// would cost more than their snapshots, which are shared.
func (s *Subscription) most() int { return 4 * s.limit }

// accept takes what was staged into the queue; it tells whether the subscriber has
// just begun to lag. It needs Catalog.deliver.
func (s *Subscription) accept() (lagged bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	staged := s.staged
	s.staged = nil
	if s.lagged || s.ended {
		return false
	}
	// A subscription begun after these were applied has seen them already.
	for len(staged) > 0 && staged[0].seq <= s.from.seq {
		staged = staged[1:]
	}
	if len(staged) == 0 {
		return false
	}
	s.given++
	// One batch may be larger than the limit: it is taken into an empty queue, within reason.
	if len(staged) > s.most() || len(s.queue) > 0 && len(s.queue)+len(staged) > s.limit {
		s.queue, s.lagged = nil, true
		s.signal()
		return true
	}
	if len(s.queue) == 0 {
		s.queue = staged
	} else {
		s.queue = append(s.queue, staged...)
	}
	s.signal()
	return false
}
