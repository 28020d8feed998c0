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
		s.renewSome(refs[from:min(from+portion, len(refs))], out[from:])
		s.mu.Unlock()
	}
	return out, nil
}

// abreast is how many renewals do a step before any of them does the next.
const abreast = 128

// renewSome renews under one reading of the clock. Where there are many records, what a renewal
// reads is in no cache; with several abreast the waits for memory overlap. It needs the mutex.
func (s *Store) renewSome(refs []store.Ref, out []store.Renewal) {
	now := s.table.Now()
	if len(refs) == 1 {
		out[0] = s.renew(&refs[0], s.leasedTo(refs[0].Lease).record(), now)
		return
	}
	for len(refs) > 0 {
		var entries [abreast]*entry
		var recs [abreast]*store.Packed
		n := min(abreast, len(refs))
		for i := range refs[:n] {
			entries[i] = s.leasedTo(refs[i].Lease)
		}
		for i := range refs[:n] {
			recs[i] = entries[i].record()
		}
		for i := range refs[:n] {
			if !s.table.Knows(lease.ID(refs[i].Lease)) {
				recs[i] = nil // the index tells why
			}
		}
		for i := range refs[:n] {
			out[i] = s.renew(&refs[i], recs[i], now)
		}
		refs, out = refs[n:], out[n:]
	}
}

// leasedTo gives the entry whose record is under a lease with the slot of this one, nil for
// none. It needs the mutex.
func (s *Store) leasedTo(id store.LeaseID) *entry {
	if n := lease.ID(id).Slot(); id != 0 && uint64(n) < uint64(len(s.leased)) {
		return s.leased[n]
	}
	return nil
}

// renew renews under one reading of the clock. The common case has the record by the slot of
// the lease, and looks in no map. It needs the mutex.
func (s *Store) renew(ref *store.Ref, rec *store.Packed, now time.Duration) store.Renewal {
	id := lease.ID(ref.Lease)
	if rec == nil || !rec.Is(ref) {
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
