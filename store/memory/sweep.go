package memory

import (
	"github.com/roster-sd/roster/lease"
	"github.com/roster-sd/roster/store"
)

// sweep lets old tombstones go, and checks that each record with a lease has it in the
// table, and removes one that has not: it would live for ever. The two change together
// under one mutex, so that finding one is a fault of this package, and is logged as such.
// Between portions others run.
func (s *Store) sweep() {
	for more := true; more && !s.stopping(); {
		s.mu.Lock()
		more = s.graves.prune(s.table.Now(), portion)
		s.mu.Unlock()
	}
	const step = 8 * portion
	for from, more := 0, true; more && !s.stopping(); from += step {
		s.mu.Lock()
		more = s.sweepSome(from, from+step)
		s.mu.Unlock()
	}
}

// sweepSome checks the slots from..to and tells whether there are more. It needs the mutex.
func (s *Store) sweepSome(from, to int) (more bool) {
	c := s.change()
	defer c.done()
	for n := from; n < min(to, len(s.leased)); n++ {
		of := s.leased[n]
		if of == nil || s.table.Knows(lease.ID(of.rec.Lease())) {
			continue
		}
		s.opts.Logger.Error("sweep: a record had lost its lease", "key", of.rec.Key().String())
		c.remove(of, store.Reason{Code: store.Expired})
	}
	return to < len(s.leased)
}
