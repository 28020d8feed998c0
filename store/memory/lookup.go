package memory

import (
	"time"

	"github.com/roster-sd/roster/lease"
	"github.com/roster-sd/roster/store"
)

// live tells whether rec may still be shown at a moment of the table's. It needs the mutex.
func (s *Store) live(rec *store.Packed, at time.Duration) bool {
	return rec.Lease() == 0 || s.table.LiveAt(lease.ID(rec.Lease()), at)
}

// underRef gives the entry whose live record ref names. Without one, the kind of error says
// whether anything is known of the key: a lease of the caller's that is over is lost,
// also in the moment in which it is due but not yet announced. It needs the mutex.
func (s *Store) underRef(ref store.Ref) (*entry, error) {
	e, now := s.index.find(ref.Key), s.table.Now()
	rec := e.rec
	switch {
	case rec == nil && !e.latest.remembered(now):
		return nil, store.ErrNotFound
	case rec == nil || ref.Lease != 0 && ref.Lease != rec.Lease() || !s.live(rec, now):
		return nil, store.ErrLeaseLost
	}
	return e, nil
}

// during tells whether the condition holds that ref makes of another record. It needs the
// mutex.
func (s *Store) during(ref *store.Ref) error {
	if ref.While == nil {
		return nil
	}
	if _, err := s.underRef(*ref.While); err != nil || ref.While.Lease == 0 {
		return store.ErrConflict
	}
	return nil
}

// bind notes that the lease of the entry's record keeps it alive. It needs the mutex.
func (s *Store) bind(e *entry) {
	if e.rec.Lease() == 0 {
		return
	}
	n := int(lease.ID(e.rec.Lease()).Slot())
	if n >= len(s.leased) { // by one: the table gives slots without gaps
		s.leased = append(s.leased, nil)
	}
	s.leased[n] = e
}

// unbind forgets what the lease kept alive. It needs the mutex.
func (s *Store) unbind(id store.LeaseID) {
	if id != 0 {
		s.leased[lease.ID(id).Slot()] = nil
	}
}
