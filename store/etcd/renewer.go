package etcd

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"
)

// renewer sends all renewals of a store through one LeaseKeepAlive stream. What is queued
// while the stream is busy goes next; one that comes alone goes at once. Renewals of one
// lease share a message until it is sent. Those of large calls have a share of the stream.
//
// etcd answers a stream in order, and it answers for a lease that is over only when it has
// revoked it: up to half a second later, or more where many end at once. So that a late
// heartbeat holds nobody up, a stream whose answers stop is set aside if that is why: it
// waits for its leases that are over, and all others go on through a new one.
type renewer struct {
	s    *Store
	wake chan struct{} // holds one

	mu     sync.Mutex
	queue  []*ask         // not sent, in order
	large  []*ask         // the same, of large calls; those of the queue go first
	queued map[int64]*ask // by lease, of both
	lane   *lane          // the stream in use; nil: none is open
	aside  map[*lane]struct{}
	failed error         // why the last stream broke
	pause  time.Duration // from then until the next is opened
	reopen time.Time     // when that is over
}

const (
	// window is how many renewals may be under way on a stream: few enough that sending
	// never waits for the other end.
	window = 1000
	// smallCall is how many renewals a small call has at most.
	smallCall = 32
	// largeShare is how many renewals of large calls may be under way: few enough that a
	// heartbeat which comes meanwhile waits a few milliseconds, and not for ten thousand
	// renewals of somebody else. Twice as many give no more renewals a second.
	largeShare = 200
	// stallAfter is how long answers may stop before it is asked why.
	stallAfter = 100 * time.Millisecond
	// reopenMost bounds the pause before a broken stream is opened again.
	reopenMost = 200 * time.Millisecond
)

var errBroken = errors.New("the renewal stream broke")

func newRenewer(s *Store) *renewer {
	return &renewer{
		s: s, wake: make(chan struct{}, 1),
		queued: make(map[int64]*ask), aside: make(map[*lane]struct{}),
	}
}

func (r *renewer) poke() {
	select {
	case r.wake <- struct{}{}:
	default: // it is already told
	}
}

// run sends what is queued, until the store is closed.
func (r *renewer) run() {
	tick := time.NewTimer(time.Hour)
	defer tick.Stop()
	for {
		select {
		case <-r.s.ctx.Done():
			return
		case <-r.wake:
		case <-tick.C:
		}
		wait := r.flush()
		if again := r.inspect(); wait == 0 || again > 0 && again < wait {
			wait = again
		}
		if wait > 0 {
			tick.Reset(wait)
		}
	}
}

// move lets the stream go, as soon as it has answered everything, so that the next
// renewal opens one to where streams should go now.
func (r *renewer) move() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lane != nil {
		r.lane.leaving = true
		r.lane.leave()
	}
}

// flush sends what the window allows. It gives when to come again; zero is when poked.
func (r *renewer) flush() time.Duration {
	for {
		l, some, wait := r.take()
		switch {
		case wait > 0:
			return wait
		case l == nil && len(some) == 0, l != nil && len(some) == 0:
			return 0
		case l == nil:
			if err := r.open(); err != nil {
				r.broke(nil, err)
			}
			continue
		}
		for _, a := range some {
			if err := l.send(a.lease); err != nil {
				r.broke(l, err)
				break
			}
		}
	}
}

// take moves renewals from the queue to the stream. Without a stream it gives those that
// want one, or how long to wait before one is opened.
func (r *renewer) take() (l *lane, some []*ask, wait time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.giveUp()
	if l = r.lane; l == nil {
		if some = r.queue; len(some) == 0 {
			some = r.large
		}
		if len(some) > 0 {
			wait = max(0, time.Until(r.reopen))
		}
		return nil, some, wait
	}
	small := max(0, min(len(r.queue), window-len(l.order)))
	large := max(0, min(len(r.large), window-len(l.order)-small, largeShare-l.large))
	if small+large == 0 {
		return l, nil, 0
	}
	some, r.queue = r.depart(r.queue, small)
	if large > 0 {
		var more []*ask
		more, r.large = r.depart(r.large, large)
		some = append(some, more...)
		l.large += large
	}
	l.order = append(l.order, some...)
	return l, some, 0
}

// depart takes the first of a queue as what is sent. It needs the mutex.
func (r *renewer) depart(queue []*ask, n int) (some, rest []*ask) {
	now := time.Now()
	some = queue[:n:n]
	for _, a := range some {
		if r.queued[a.lease] == a {
			delete(r.queued, a.lease)
		}
		a.sent = now
	}
	if queue = queue[n:]; len(queue) == 0 {
		queue = nil
	}
	return some, queue
}

// giveUp fails what has been under way for as long as a call may take: nobody waits for
// it any more. It needs the mutex.
func (r *renewer) giveUp() {
	r.queue, r.large = r.giveUpLate(r.queue), r.giveUpLate(r.large)
}

func (r *renewer) giveUpLate(queue []*ask) (rest []*ask) {
	n := 0
	for n < len(queue) && time.Since(queue[n].since) >= r.s.opts.CallTimeout {
		a := queue[n]
		if r.queued[a.lease] == a {
			delete(r.queued, a.lease)
		}
		r.finish(a, 0, cmp.Or(r.failed, errBroken))
		n++
	}
	return queue[n:]
}

// open opens a stream, or fails within half the time of a call.
func (r *renewer) open() error {
	ctx, cancel := context.WithCancel(r.s.ctx)
	timer := time.AfterFunc(r.s.opts.CallTimeout/2, cancel)
	leases, err := r.s.link.renewals(ctx)
	if err != nil {
		cancel()
		return err
	}
	stream, err := leases.LeaseKeepAlive(ctx, callOptions...)
	if inTime := timer.Stop(); err != nil || !inTime {
		cancel()
		return cmp.Or(err, errBroken)
	}
	l := &lane{r: r, stream: stream, cancel: cancel, last: time.Now()}
	r.mu.Lock()
	r.lane = l
	r.mu.Unlock()
	if !r.s.spawn(l.receive) {
		cancel()
		return errBroken
	}
	return nil
}

// broke takes a stream out of use; nil is one that was never there. What it did not
// answer goes to the next one.
func (r *renewer) broke(l *lane, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if l != nil {
		l.cancel()
		_, aside := r.aside[l]
		if !aside && r.lane != l {
			return // it was taken out before
		}
		delete(r.aside, l)
		if !aside {
			r.lane = nil
		}
		r.requeue(l, func(*ask) bool { return true })
	}
	r.failed = err
	r.pause = min(max(2*r.pause, 10*time.Millisecond), reopenMost)
	r.reopen = time.Now().Add(r.pause)
}

// requeue takes from a stream what it has not answered, as far as which says, and puts it
// first in the queue. It needs the mutex.
func (r *renewer) requeue(l *lane, which func(*ask) bool) {
	var again, large, kept []*ask
	l.large = 0
	for _, a := range l.order {
		switch {
		case !which(a):
			kept = append(kept, a)
			if a.large {
				l.large++
			}
			continue
		case a.large:
			large = append(large, a)
		default:
			again = append(again, a)
		}
		a.stuck = false
	}
	l.order = kept
	r.queue, r.large = append(again, r.queue...), append(large, r.large...)
}
