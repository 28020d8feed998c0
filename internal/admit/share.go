package admit

import (
	"context"
	"sync/atomic"
	"time"
)

// longestDelay bounds for how long a share makes a request wait: a heartbeat must not come
// too late for its lease, whoever sent it.
const longestDelay = 250 * time.Millisecond

// payload is how many bytes of a body count as one request more: a batch costs what is in it.
const payload = 4 << 10

// Share is what an identity asks of this node. Its methods may be called concurrently. A nil
// Share lets everything pass.
type Share struct {
	taken atomic.Int64 // since the last look
	// interval is how many nanoseconds of its share a request uses up; 0: it is not bounded.
	interval atomic.Int64
	next     atomic.Int64 // when the next request may go, in nanoseconds since the origin

	// The rest is guarded by Shares.mu.
	members int
	idle    int // looks since it last used up what it may
}

// Take counts a request with so many bytes of body (-1: not known), and, where the identity
// has more than its share while others wait, waits for its turn: for longestDelay at most, or
// until the context ends.
func (s *Share) Take(ctx context.Context, bytes int64) {
	if s == nil {
		return
	}
	cost := 1 + max(bytes, 0)/payload
	s.taken.Add(cost)
	interval := s.interval.Load()
	if interval == 0 {
		return
	}
	delay := s.turn(since(), cost*interval)
	if delay <= 0 {
		return
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// turn books the next moment that is free, and says how long that is from now. Who has been
// quiet may do at once what a few milliseconds allow.
func (s *Share) turn(now, cost int64) time.Duration {
	const credit = int64(5 * time.Millisecond)
	for {
		next := s.next.Load()
		at := min(max(next, now-credit), now+int64(longestDelay))
		if s.next.CompareAndSwap(next, at+cost) {
			return time.Duration(at - now)
		}
	}
}

var origin = time.Now()

// since is the monotonic clock.
func since() int64 { return int64(time.Since(origin)) }
