package redis

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/roster-sd/roster/store"
)

// renewer lets renewals share round trips: what comes while one is under way makes the next
// together. Nobody waits for others to come, and who finds nobody under way goes at once, in
// its own goroutine.
//
// Large calls have a share of a round trip, so that a heartbeat never waits for ten thousand
// renewals of somebody else: small ones all go with the next, large ones portion by portion.
type renewer struct {
	s *Store

	mu      sync.Mutex
	queue   []*renewing
	flying  bool
	closing bool
}

// renewing is one call of Renew.
type renewing struct {
	refs  []store.Ref
	out   []store.Renewal
	until time.Time // when its time is over
	next  int       // of refs, to be sent
	err   error
	done  chan struct{} // closed when out or err is there; nil for one that goes alone
}

// seats is the part of a call that is in one round trip.
type seats struct {
	call     *renewing
	from, to int
	last     bool // of the call's
}

func (r *renewer) open(s *Store) { r.s = s }

// close lets nothing new begin. Calls that wait are told by the connections that end.
func (r *renewer) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closing = true
}

// carry takes a call there and back.
func (r *renewer) carry(ctx context.Context, call *renewing) error {
	alone, err := r.add(call)
	if err != nil {
		return err
	}
	if alone {
		defer r.landed()
		ctx, cancel := context.WithDeadline(ctx, call.until)
		defer cancel()
		return r.s.renewAll(ctx, []seats{{call, 0, len(call.refs), true}})
	}
	select {
	case <-call.done:
		return call.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// add takes a call in. If nobody is under way and it is no large one, it may go alone, and
// must then say when it has landed. Otherwise it waits for the next to go.
func (r *renewer) add(call *renewing) (alone bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closing {
		return false, store.ErrClosed
	}
	alone = !r.flying && len(call.refs) <= largeShare
	if !alone {
		// The refs are the caller's again when its context is over, which a round trip outlives.
		call.refs, call.done = slices.Clone(call.refs), make(chan struct{})
		r.queue = append(r.queue, call)
	}
	if !r.flying && !alone {
		r.s.wg.Go(r.fly)
	}
	r.flying = true
	return alone, nil
}

// landed lets those go who came while a call went alone.
func (r *renewer) landed() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.flying = len(r.queue) > 0 && !r.closing; r.flying {
		r.s.wg.Go(r.fly)
		return
	}
	for _, call := range r.queue {
		call.err = store.ErrClosed
		close(call.done)
	}
	r.queue = nil
}

// fly makes round trips until nobody waits.
func (r *renewer) fly() {
	for {
		// Those who could run, and only wait for a processor, come along: on a busy node that
		// halves the round trips, and where nobody could it takes no time.
		runtime.Gosched()
		load, until := r.load()
		if load == nil {
			return
		}
		ctx, cancel := context.WithDeadline(r.s.life, until)
		err := r.s.renewAll(ctx, load)
		cancel()
		for i := range load {
			l := &load[i]
			if err != nil && l.call.err == nil {
				l.call.err = err
			}
			if l.last {
				close(l.call.done)
			}
		}
	}
}

// load takes what waits: of small calls up to maxRefs, and of large ones largeShare together. It
// gives the time that the first of it has left, or a little more: those behind it must not fail
// for having come late. Nil: nothing waits, and the flight is over.
func (r *renewer) load() (load []seats, until time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	small, large := maxRefs, largeShare
	left := r.queue[:0]
	for _, call := range r.queue {
		room := &small
		if len(call.refs) > smallCall {
			room = &large
		}
		if call.err == nil && now.After(call.until) {
			call.err = context.DeadlineExceeded
		}
		n := min(*room, len(call.refs)-call.next)
		if call.err != nil { // of an earlier part too: the rest is of no use
			call.next, n = len(call.refs), 0
		}
		part := seats{call, call.next, call.next + n, call.next+n == len(call.refs)}
		call.next += n
		*room -= n
		if n > 0 && until.IsZero() {
			until = later(call.until, now.Add(leastWait))
		}
		if n > 0 || part.last {
			load = append(load, part)
		}
		if !part.last {
			left = append(left, call)
		}
	}
	clear(r.queue[len(left):])
	if r.queue = left; len(left) == 0 {
		r.queue = nil
	}
	r.flying = load != nil
	return load, until
}
