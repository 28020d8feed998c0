package memory

import (
	"context"
	"time"

	"github.com/roster-sd/roster/lease"
	"github.com/roster-sd/roster/store"
)

// portion is how many refs of a batch, or other small things, are done in one hold of the
// mutex, so that a large call does not delay expiry and small calls.
const portion = 512

// Renew starts the TTL of each lease anew. A record without a lease has nothing to renew
// and answers with a TTL of zero.
func (s *Store) Renew(ctx context.Context, refs []store.Ref) ([]store.Renewal, error) {
	out := make([]store.Renewal, len(refs))
	for from := 0; from < len(refs) || from == 0; from += portion {
		if err := s.enter(ctx, "renew", store.Key{}); err != nil {
			return nil, err
		}
		now := s.table.Now()
		for i := from; i < min(from+portion, len(refs)); i++ {
			out[i] = s.renew(&refs[i], now)
		}
		s.mu.Unlock()
	}
	return out, nil
}

// renew renews under one reading of the clock. The common case finds the record by the
// slot of the lease, and looks in no map. It needs the mutex.
func (s *Store) renew(ref *store.Ref, now time.Duration) store.Renewal {
	id := lease.ID(ref.Lease)
	if n := id.Slot(); id == 0 || uint64(n) >= uint64(len(s.leased)) || !holds(s.leased[n], ref) {
		e, err := s.underRef(*ref)
		if err != nil {
			return store.Renewal{Err: fail("renew", ref.Key, err)}
		}
		if e.rec.Lease() == 0 {
			return store.Renewal{}
		}
		id = lease.ID(e.rec.Lease())
	}
	ttl, ok := s.table.RenewAt(id, now)
	if !ok {
		return store.Renewal{Err: fail("renew", ref.Key, store.ErrLeaseLost)}
	}
	return store.Renewal{TTL: ttl}
}

// holds tells whether the entry's record is what ref names.
func holds(e *entry, ref *store.Ref) bool { return e != nil && e.rec.Is(ref) }
