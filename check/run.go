package check

import (
	"container/heap"
	"context"
	"net/netip"
	"time"
)

const (
	// pulseEvery is how often the clock is read at least while there are targets.
	pulseEvery = 250 * time.Millisecond
	// maxGap is how long this process may not have run without anything being thought of it.
	maxGap = time.Second
	// leastWait keeps what is due at nearly the same time together.
	leastWait = 5 * time.Millisecond
	forever   = time.Duration(1<<63 - 1)
)

// Run looks at targets until the context ends, whose error it gives, and waits for the checks
// that are under way. It is called once.
func (s *Schedule) Run(ctx context.Context) error {
	defer s.work.Wait()
	s.mu.Lock()
	s.running = true
	s.pulse = s.now()
	s.spread(s.pulse)
	s.mu.Unlock()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.kick:
		case <-timer.C:
		}
		timer.Reset(s.turn(ctx))
	}
}

// turn gives what is due to workers, and tells how long Run may sleep.
func (s *Schedule) turn(ctx context.Context) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.beat()
	for len(s.due) > 0 && s.due[0].when() <= now {
		e := s.due[0]
		if e.probing = e.due <= now; e.probing && !s.mayGo(e, e.addr, now) {
			e.due = e.turnAt
			heap.Fix(&s.due, 0)
			continue
		}
		heap.Pop(&s.due)
		if s.lanes.enter(e) {
			s.work.Go(func() { s.serve(ctx, e) })
		}
	}
	if len(s.targets) == 0 {
		s.wake = forever
		return forever
	}
	wait := pulseEvery
	if len(s.due) > 0 {
		wait = min(max(s.due[0].when()-now, leastWait), wait)
	}
	s.wake = now + wait
	return wait
}

// beat reads the clock; the lock is held. Where this process did not run for a while (it was
// stopped, or got no processor), what became due meanwhile is spread, and checks under way may
// have failed for want of it.
func (s *Schedule) beat() time.Duration {
	now := s.now()
	if now-s.pulse > maxGap {
		s.pauses++
		s.spread(now)
	}
	s.pulse = now
	return now
}

// spread gives new times to all targets whose time is past; the lock is held.
func (s *Schedule) spread(now time.Duration) {
	for _, e := range s.due {
		if e.due < now {
			s.place(e, now)
		}
	}
	heap.Init(&s.due)
}

// mayGo tells whether it is the entry's turn at an address; if not, turnAt says when; the
// lock is held.
func (s *Schedule) mayGo(e *entry, addr netip.Addr, now time.Duration) bool {
	if !addr.IsValid() {
		return true // has a name: the turn is asked for when its address is known
	}
	if e.turnAddr != addr {
		e.turnAddr, e.turnAt = addr, s.pace.turn(addr, now)
	}
	if e.turnAt > now {
		return false
	}
	e.turnAddr = netip.Addr{}
	return true
}
