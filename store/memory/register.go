package memory

import (
	"context"
	"errors"
	"time"

	"github.com/roster-sd/roster/lease"
	"github.com/roster-sd/roster/store"
)

var (
	errName = errors.New("a key needs a kind, a service and an ID")
	errTTL  = errors.New("a ttl cannot be less than 0")
)

// Register puts a record under a new lease, replacing the one of its key.
func (s *Store) Register(ctx context.Context, in store.Record, grant store.Grant) (*store.Record, error) {
	if err := s.enter(ctx, "register", in.Key); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	if in.Key.Kind == "" || in.Key.Service == "" || in.Key.ID == "" {
		return nil, refuse("register", in.Key, errName)
	}
	if grant.TTL < 0 {
		return nil, refuse("register", in.Key, errTTL)
	}
	s.reap(in.Key)
	e := s.index.find(in.Key)
	if err := e.allows(grant.If, s.table.Now()); err != nil {
		return nil, fail("register", in.Key, err)
	}

	c := s.change()
	defer c.done()
	before, generation := e.rec, max(e.generation(), s.graves.forgotten)+1
	rec := &in // what it points to is the caller's, and is not kept
	rec.Revision = c.begin()
	rec.Changed = rec.Revision.Number
	if grant.If.Absent && grant.If.Generation != 0 {
		grant.Why.Code = store.Resurrected
		rec.Generation = grant.If.Generation
	} else {
		grant.Why.Code = store.Registered
		rec.Generation, rec.RegisteredAt = generation, c.now
	}
	e = s.index.place(in.Key)
	if before != nil {
		s.end(before)
		why := c.signed(grant.Why)
		why.Code = store.Replaced
		c.bury(e, before, why)
	}
	rec.TTL = grant.TTL
	rec.Lease = s.grant(grant.TTL)
	return c.put(e, rec, grant.Why).Record(), nil
}

// allows tells whether the condition holds for an entry whose record is not due.
func (e *entry) allows(cond store.Condition, now time.Duration) error {
	switch rec := e.rec; {
	case cond.Absent && rec != nil,
		cond.Lease != 0 && (rec == nil || rec.Lease() != cond.Lease),
		cond.Generation != 0 && !cond.Absent && (rec == nil || rec.Generation() != cond.Generation):
		return store.ErrConflict
	case cond.Absent && cond.Generation != 0 && e.forbids(cond.Generation, now):
		return store.ErrLeaseLost
	}
	return nil
}

// grant starts a lease, and wakes the expiry goroutine if it would sleep past its end. It
// needs the mutex.
func (s *Store) grant(ttl time.Duration) store.LeaseID {
	if ttl == 0 {
		return 0
	}
	id := s.table.Grant(ttl)
	if ttl < lease.PulseEvery && s.table.Now()+ttl < s.wakeAt {
		select {
		case s.wake <- struct{}{}:
		default: // it is already told
		}
	}
	return store.LeaseID(id)
}

// end takes back the lease of a record that leaves. It needs the mutex.
func (s *Store) end(rec *store.Packed) {
	if rec.Lease() != 0 {
		s.table.Revoke(lease.ID(rec.Lease()))
		s.unbind(rec.Lease())
	}
}
