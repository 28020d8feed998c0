package check

import (
	"context"
	"errors"
	"net/netip"
	"time"
)

// round is one turn of an entry with a worker.
type round struct {
	target  Target
	probing bool // the target is looked at, and a verdict not only told again
	began   time.Duration
	at      time.Time
	late    time.Duration
	pauses  int // of the schedule when it began
	err     error
	ended   bool // before its time, from outside
}

// serve does the work of one worker: an entry, and those that waited for it.
func (s *Schedule) serve(ctx context.Context, e *entry) {
	for e != nil && ctx.Err() == nil {
		slow := e.slow
		s.look(ctx, e)
		s.mu.Lock()
		e = s.lanes.leave(slow)
		s.mu.Unlock()
	}
}

// look checks an entry if that is due, tells what is to be told, and puts it back.
func (s *Schedule) look(ctx context.Context, e *entry) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	s.mu.Lock()
	e.cancel = cancel
	r := round{target: e.target, probing: e.probing && !e.gone, began: s.now(), at: time.Now(), pauses: s.pauses}
	r.late = r.began - e.due
	s.mu.Unlock()

	if r.probing {
		r.err = s.options.Probe(withTurn(ctx, func(addr netip.Addr) bool { return s.ask(e, addr) }), r.target)
		r.ended = ctx.Err() != nil
	}

	s.mu.Lock()
	now := s.beat()
	decided, tell := s.conclude(e, &r, now)
	report := e.report()
	s.mu.Unlock()

	if decided && s.options.Observe != nil {
		s.options.Observe(r.target, r.at, r.err, now-r.began, r.late)
	}
	if tell {
		s.options.Report(ctx, report)
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	if e.cancel = nil; !e.gone {
		s.push(e)
	}
}

// ask tells whether it is the turn of an entry at an address that its name led to. One that
// has an address for a name had its turn there.
func (s *Schedule) ask(e *entry, addr netip.Addr) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return e.addr.IsValid() || s.mayGo(e, addr, s.now())
}

// conclude takes in how a round ended and chooses when the next is due. It tells whether the
// check was decided and whether there is a verdict to tell; the lock is held.
func (s *Schedule) conclude(e *entry, r *round, now time.Duration) (decided, tell bool) {
	if e.gone || r.ended {
		return false, false
	}
	switch {
	case !r.probing:
	case errors.Is(r.err, errLater):
		e.due = e.turnAt
	case r.target.Generation != e.target.Generation: // it was registered again meanwhile
		e.next(r.began, now)
	case r.err != nil && r.pauses != s.pauses:
		s.place(e, now)
	case errors.Is(r.err, ErrUndecided):
		e.slow = now-r.began >= slowAfter
		e.next(r.began, now)
	default:
		e.slow = now-r.began >= slowAfter
		said := ""
		if r.err != nil {
			said = r.err.Error()
		}
		e.refused = errors.Is(r.err, ErrForbidden)
		decided, tell = true, e.settle(r.err == nil, said, now)
		if e.again && e.agrees() {
			e.again, tell = false, true
		}
		e.next(r.began, now)
	}
	if e.owed && e.agrees() && e.retell <= now {
		e.owed, tell = false, true
	}
	return decided, tell
}
