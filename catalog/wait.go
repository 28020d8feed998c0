package catalog

import (
	"context"
	"slices"
	"sync"

	"github.com/roster-sd/roster/store"
)

// waiters are those who wait for the view to reach a revision.
type waiters struct {
	mu   sync.Mutex
	list []waiter
}

type waiter struct {
	rev  store.Revision
	done chan struct{}
}

func reaches(applied, rev store.Revision) bool {
	return applied.Epoch == rev.Epoch && applied.Number >= rev.Number
}

func (w *waiters) reached(applied store.Revision) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.list = slices.DeleteFunc(w.list, func(x waiter) bool {
		if reaches(applied, x.rev) {
			close(x.done)
			return true
		}
		return false
	})
}

// Wait blocks until the catalog has applied the revision through the feed, or gives the
// context's error.
func (c *Catalog) Wait(ctx context.Context, rev store.Revision) error {
	if reaches(c.Revision(), rev) {
		return nil
	}
	x := waiter{rev: rev, done: make(chan struct{})}
	c.waiters.mu.Lock()
	c.waiters.list = append(c.waiters.list, x)
	c.waiters.mu.Unlock()
	// It may have been reached between the first look and now.
	if !reaches(c.Revision(), rev) {
		select {
		case <-x.done:
			return nil
		case <-ctx.Done():
		}
	}
	c.waiters.mu.Lock()
	c.waiters.list = slices.DeleteFunc(c.waiters.list, func(y waiter) bool { return y.done == x.done })
	c.waiters.mu.Unlock()
	if reaches(c.Revision(), rev) {
		return nil
	}
	return ctx.Err()
}
