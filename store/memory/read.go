package memory

import (
	"context"
	"time"

	"github.com/roster-sd/roster/lease"
	"github.com/roster-sd/roster/store"
)

// Get gives the live record of the key.
func (s *Store) Get(ctx context.Context, key store.Key) (*store.Record, error) {
	if err := s.enter(ctx, "get", key); err != nil {
		return nil, err
	}
	rec := s.index.find(key).rec
	live := rec != nil && s.live(rec, s.table.Now())
	s.mu.Unlock()
	if !live {
		return nil, fail("get", key, store.ErrNotFound)
	}
	return rec.Record(), nil
}

// List gives the live records that sel chooses. It holds the store's mutex for the walk,
// some tens of milliseconds for a million records: readers that ask often follow a watch.
func (s *Store) List(ctx context.Context, sel store.Selector) (store.Snapshot, error) {
	if err := s.enter(ctx, "list", store.Key{}); err != nil {
		return store.Snapshot{}, err
	}
	found, rev := s.list(sel)
	s.mu.Unlock()
	snap := store.Snapshot{Revision: rev}
	if len(found) > 0 || sel.ID == "" {
		snap.Records = make([]*store.Record, len(found))
	}
	for i, rec := range found {
		snap.Records[i] = rec.Record()
	}
	return snap, nil
}

// list gives the live records as they are kept. It needs the mutex.
func (s *Store) list(sel store.Selector) ([]*store.Packed, store.Revision) {
	allLive := s.settle()
	now := s.table.Now()
	var found []*store.Packed
	if sel.ID == "" {
		found = make([]*store.Packed, 0, s.index.count(sel))
	}
	s.index.sel(sel, func(rec *store.Packed) {
		if allLive || s.live(rec, now) {
			found = append(found, rec)
		}
	})
	return found, s.revision
}

// Tombstones gives the earlier lives of the key, newest first. One that is over but not
// yet announced is announced first, so that whoever was just refused finds out why.
func (s *Store) Tombstones(ctx context.Context, key store.Key) ([]store.Tombstone, error) {
	if err := s.enter(ctx, "tombstones", key); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	s.reap(key)
	return s.index.find(key).tombstones(s.revision.Epoch, s.table.Now()), nil
}

// TimeToLive gives what remains of each lease; zero for a live record that has none.
func (s *Store) TimeToLive(ctx context.Context, refs []store.Ref) ([]time.Duration, error) {
	left := make([]time.Duration, len(refs))
	for from := 0; from < len(refs) || from == 0; from += portion {
		if err := s.enter(ctx, "timetolive", store.Key{}); err != nil {
			return nil, err
		}
		for i := from; i < min(from+portion, len(refs)); i++ {
			left[i] = s.timeToLive(refs[i])
		}
		s.mu.Unlock()
	}
	return left, nil
}

func (s *Store) timeToLive(ref store.Ref) time.Duration {
	e, err := s.underRef(ref)
	if err != nil {
		return -1
	}
	if e.rec.Lease() == 0 {
		return 0
	}
	left, ok := s.table.Remaining(lease.ID(e.rec.Lease()))
	if !ok {
		return -1
	}
	return left
}
