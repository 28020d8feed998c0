package etcd

import (
	"context"
	"time"

	"github.com/roster-sd/roster/store"
)

// ask is the renewal of a lease, for everyone who wants it. The renewer's mutex guards
// it. Once it is over it changes no more.
type ask struct {
	lease int64
	since time.Time
	sent  time.Time
	heard []*batch // who wants to hear of it
	over  bool
	large bool // of a large call
	stuck bool // its lease is over, and not yet revoked
	ttl   int64
	err   error
}

// batch is what one call of Renew waits for.
type batch struct {
	asks []*ask
	left int // the renewer's mutex guards it
	done chan struct{}
}

// submit queues renewals.
func (r *renewer) submit(of []renewable) *batch {
	b := &batch{asks: make([]*ask, len(of)), left: len(of), done: make(chan struct{})}
	if len(of) == 0 {
		return b
	}
	now := time.Now()
	r.mu.Lock()
	for i, one := range of {
		a := r.queued[int64(one.lease)]
		if a == nil {
			a = &ask{lease: int64(one.lease), since: now, large: len(of) > smallCall}
			r.queued[a.lease] = a
			if a.large {
				r.large = append(r.large, a)
			} else {
				r.queue = append(r.queue, a)
			}
		}
		a.heard = append(a.heard, b)
		b.asks[i] = a
	}
	r.mu.Unlock()
	r.poke()
	return b
}

// wait waits until every renewal of the batch is over.
func (c *call) wait(b *batch, until time.Time) error {
	if len(b.asks) == 0 {
		return nil
	}
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-b.done:
		return nil
	case <-c.caller.Done():
		return c.caller.Err()
	case <-c.s.ctx.Done():
		return store.ErrClosed
	case <-timer.C:
		return context.DeadlineExceeded
	}
}

// onlyStuck tells whether all that is missing of a batch are leases that are over.
func (r *renewer) onlyStuck(b *batch) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range b.asks {
		if !a.over && !a.stuck {
			return false
		}
	}
	return true
}

// outcome reads a renewal; stuck is only true of one that is not over.
func (r *renewer) outcome(a *ask) (ttl int64, stuck bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return a.ttl, !a.over && a.stuck, a.err
}

// finish ends a renewal. It needs the mutex.
func (r *renewer) finish(a *ask, ttl int64, err error) {
	a.over, a.ttl, a.err = true, ttl, err
	for _, b := range a.heard {
		if b.left--; b.left == 0 {
			close(b.done)
		}
	}
	a.heard = nil
}
