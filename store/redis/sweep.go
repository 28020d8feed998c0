package redis

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/roster-sd/roster/store"
)

const (
	// maxDue is how many deadlines one script looks at, and maxDead how many records it removes:
	// some milliseconds of Redis' time.
	maxDue  = 500
	maxDead = 250
)

// beat is how often the server is asked something at least: its silence and the jumps of its
// clock are noticed by that.
const beat = 250 * time.Millisecond

// sweepUntilClosed looks for leases that ran out. Every node does, each with an odd rhythm: a
// deadline is dealt with by whoever comes first, so that many nodes do no more work than one,
// save asking.
func (s *Store) sweepUntilClosed() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	interval := min(s.opts.SweepInterval, beat)
	swept := time.Now()
	for {
		select {
		case <-s.life.Done():
			return
		case <-timer.C:
		}
		if interval == s.opts.SweepInterval || time.Since(swept) >= s.opts.SweepInterval {
			swept = time.Now()
			s.sweep()
		} else {
			s.touch()
		}
		s.link.bury()
		timer.Reset(interval*9/10 + rand.N(interval/5+1))
	}
}

// touch asks the server something. Whoever needs it and is refused is told by calls of their
// own.
func (s *Store) touch() {
	ctx, cancel := context.WithTimeout(s.life, s.opts.CallTimeout)
	defer cancel()
	_ = s.ping(ctx)
}

// sweep removes all that is due, in portions. After a silence it only asks, so that what
// follows is told first, and it goes on when this node knows what happened meanwhile.
func (s *Store) sweep() {
	for more := true; more && !s.closed(); {
		if s.epoch.Load() == nil || s.contact.silent() > patience || !s.settled() {
			s.touch()
		}
		e := s.epoch.Load()
		if e == nil || s.contact.silent() > patience || !s.settled() {
			return
		}
		ctx, cancel := context.WithTimeout(s.life, min(s.opts.CallTimeout, patience))
		more = s.sweepSome(ctx, e)
		cancel()
	}
}

// sweepSome removes one portion and tells whether there is more. If the epoch turns out to be
// over, it removes nothing.
func (s *Store) sweepSome(ctx context.Context, e *epoch) (more bool) {
	why, err := s.reason(store.Reason{}, store.Expired)
	if err != nil {
		return false
	}
	from, to := s.clock.window()
	asked := s.clock.now()
	r, err := s.runIn(ctx, e, scriptSweep, nonce(), s.opts.StreamLength, from, to, maxDue, maxDead, why)
	switch {
	case err != nil:
		return false
	case r.code() == taken:
		s.observe(asked, r.integer(1))
		return false
	case r.code() == done:
		s.observe(asked, r.integer(2))
		return r.integer(5) == 1
	}
	return false
}
