package bench

import (
	"context"
	"sync/atomic"
	"time"
)

// pace says when operations begin. Those of an open loop have their times whether the load
// keeps up or not; in a closed loop one begins when the connection is free.
type pace struct {
	begin time.Time
	end   time.Time
	every float64 // nanoseconds between two; 0: a closed loop
	taken atomic.Int64
}

// newPace makes a pace of that many operations a second for so long; 0: a closed loop.
func newPace(rate float64, d time.Duration) *pace {
	now := time.Now()
	p := &pace{begin: now, end: now.Add(d)}
	if rate > 0 {
		p.every = 1e9 / rate
	}
	return p
}

// next waits for the next operation and gives the time at which it should begin; false: there
// is none any more. The first there always is, so that something is measured however late the
// load comes to begin. Every worker has a timer of its own.
func (p *pace) next(ctx context.Context, timer *time.Timer) (time.Time, bool) {
	now := time.Now()
	if ctx.Err() != nil || !now.Before(p.end) && p.taken.Load() > 0 {
		return now, false
	}
	if p.every == 0 {
		p.taken.CompareAndSwap(0, 1)
		return now, true
	}
	at := p.begin.Add(time.Duration(float64(p.taken.Add(1)-1) * p.every))
	if !at.Before(p.end) {
		return at, false
	}
	if wait := at.Sub(now); wait > 0 {
		timer.Reset(wait)
		select {
		case <-ctx.Done():
			return at, false
		case <-timer.C:
		}
	}
	return at, true
}

// unsent gives how many operations had a time by now, or by the end, and were not taken.
func (p *pace) unsent() int64 {
	if p.every == 0 {
		return 0
	}
	until := time.Now()
	if until.After(p.end) {
		until = p.end
	}
	return max(int64(float64(until.Sub(p.begin))/p.every)-p.taken.Load(), 0)
}

// pause waits for d or for the context's end.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() // both may have come
	case <-ctx.Done():
		return ctx.Err()
	}
}
