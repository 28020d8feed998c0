package memory

import (
	"time"

	"github.com/roster-sd/roster/lease"
	"github.com/roster-sd/roster/store"
)

// batch is how many leases are looked at in one hold of the mutex; what comes of them is
// one revision.
const batch = 512

// expire announces what is due, from Open until Close. It looks at the next deadline, and
// at least as often as the lease table must hear a pulse.
func (s *Store) expire() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	swept := time.Now()
	for {
		select {
		case <-s.stop:
			return
		case <-s.wake:
		case <-timer.C:
		}
		timer.Reset(s.expireDue())
		s.tellPauses()
		if time.Since(swept) >= s.opts.SweepInterval {
			s.sweep()
			swept = time.Now()
		}
	}
}

// expireDue announces all that is due, in portions, and gives the time to sleep.
func (s *Store) expireDue() time.Duration {
	for {
		s.mu.Lock()
		wait := s.expireSome()
		s.wakeAt = s.table.Now() + wait
		s.mu.Unlock()
		if wait > 0 || s.stopping() {
			return wait
		}
	}
}

func (s *Store) stopping() bool {
	select {
	case <-s.stop:
		return true
	default:
		return false
	}
}

// expireSome announces one portion, and gives the time until it should run again. It
// needs the mutex.
func (s *Store) expireSome() time.Duration {
	s.table.Pulse()
	s.due = s.table.Due(min(batch, s.opts.LogEvents), s.due[:0])
	c := s.change()
	for _, e := range s.due {
		of := s.leased[e.ID.Slot()]
		if e.Held {
			c.suspect(of)
		} else {
			c.remove(of, store.Reason{Code: store.Expired})
		}
	}
	c.done()
	if wait, ok := s.table.Next(); ok {
		return min(wait, lease.PulseEvery)
	}
	return lease.PulseEvery
}

// settle announces the few that are due, and tells whether that were all: then every
// record is live, and a walk over many need not ask the table about each. It needs the
// mutex.
func (s *Store) settle() bool {
	for range 4 {
		if s.expireSome() > 0 {
			return true
		}
	}
	return false
}

// suspect marks an instance that is kept past its deadline, but for one that is failing: that is
// worse, and says more. It needs the mutex.
func (c *change) suspect(e *entry) {
	if h := e.rec.Health(); e.rec.Kind() != store.KindInstance || h == store.HealthSuspect || h == store.HealthFailing {
		return
	}
	rec := e.rec.Record()
	rec.Instance.Health = store.HealthSuspect
	rec.Revision = c.begin()
	rec.Changed = rec.Revision.Number
	c.put(e, rec, store.Reason{Code: store.Suspected})
}

// reap announces the end of the key's record if it is due, ahead of the expiry goroutine:
// a registration must not seem to replace what had died. It needs the mutex.
func (s *Store) reap(key store.Key) {
	e := s.index.find(key)
	if e.rec == nil || s.live(e.rec, s.table.Now()) {
		return
	}
	c := s.change()
	s.end(e.rec)
	c.remove(e, store.Reason{Code: store.Expired})
	c.done()
}

// noticed is told by the lease table, with the mutex held.
func (s *Store) noticed(p lease.Pause) {
	s.pauses = append(s.pauses, p)
}

// tellPauses tells of pauses without the mutex.
func (s *Store) tellPauses() {
	s.mu.Lock()
	pauses := s.pauses
	s.pauses = nil
	leases := s.table.Len()
	s.mu.Unlock()
	for _, p := range pauses {
		s.opts.Logger.Warn("the registry did not run for a while; leases that ended in that time are held",
			"gap", p.Gap.String(), "suspended", p.Suspended, "leases", leases)
		if s.opts.OnPause != nil {
			s.opts.OnPause(p)
		}
	}
}
