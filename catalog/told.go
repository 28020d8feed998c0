package catalog

import (
	"context"
	"slices"
	"sync/atomic"

	"github.com/roster-sd/roster/store"
)

// progress counts what a subscription was given, and how far its holder has passed that
// on. It is guarded by Subscription.mu.
type progress struct {
	given   uint64 // grows with every batch that comes in, and with every lag
	taken   uint64 // what of it the holder has in hand
	written uint64 // what of it the holder has passed on
	waiting []telling
}

// telling is somebody who waits for a subscription to get to a point.
type telling struct {
	until uint64
	*tally
}

// tally counts subscriptions down.
type tally struct {
	left atomic.Int64
	done chan struct{}
}

func (t *tally) count() {
	if t.left.Add(-1) == 0 {
		close(t.done)
	}
}

// settle counts for those whose point is reached, all of them at the end.
func (p *progress) settle(ended bool) {
	p.waiting = slices.DeleteFunc(p.waiting, func(w telling) bool {
		if !ended && p.written < w.until {
			return false
		}
		w.count()
		return true
	})
}

// Wrote says that the holder has passed on what it took last, or began with: [Catalog.Told]
// goes by it. A holder for whom that does not matter need not say it, but is then waited for.
func (s *Subscription) Wrote() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.written = s.taken
	if len(s.waiting) > 0 {
		s.settle(false)
	}
}

// Told waits until the view has reached a revision and every subscription that now follows
// the service has passed on what it was given up to there, or has ended. It gives the
// context's error where that takes longer. One call costs a look at each such
// subscription; writes cost nothing for it.
func (c *Catalog) Told(ctx context.Context, service string, rev store.Revision) error {
	if err := c.Wait(ctx, rev); err != nil {
		return err
	}
	// The view changes first and subscribers are told next, both under this lock.
	c.write.Lock()
	list := c.subs.following(service)
	c.write.Unlock()

	t := &tally{done: make(chan struct{})}
	t.left.Store(1) // our own, so that it does not end while it is being made
	var slow []*Subscription
	for _, s := range list {
		s.mu.Lock()
		if !s.ended && s.written < s.given {
			t.left.Add(1)
			s.waiting = append(s.waiting, telling{until: s.given, tally: t})
			slow = append(slow, s)
		}
		s.mu.Unlock()
	}
	t.count()
	select {
	case <-t.done:
		return nil
	case <-ctx.Done():
	}
	for _, s := range slow {
		s.mu.Lock()
		s.waiting = slices.DeleteFunc(s.waiting, func(w telling) bool { return w.tally == t })
		s.mu.Unlock()
	}
	return ctx.Err()
}

// following gives the subscriptions that changes of the service go to.
func (x *subscribers) following(service string) []*Subscription {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Concat(x.all.members(), x.service[service].members())
}
