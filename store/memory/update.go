package memory

import (
	"context"
	"slices"

	"github.com/roster-sd/roster/store"
)

// Update changes a copy of the record. The function runs without the store's mutex, and
// again if somebody else changed the record meanwhile.
func (s *Store) Update(ctx context.Context, ref store.Ref, why store.Reason, apply func(*store.Record) error) (*store.Record, error) {
	if why.Code == "" {
		why.Code = store.Updated
	}
	for {
		before, err := s.current(ctx, ref)
		if err != nil {
			return nil, err
		}
		was := before.Record()
		next := *was
		// Without spare capacity an append in the function cannot write behind the end of a
		// slice that is published.
		next.Instance.Tags = slices.Clip(next.Instance.Tags)
		next.Instance.Metadata = slices.Clip(next.Instance.Metadata)
		if err := apply(&next); err != nil {
			return nil, err
		}
		next.Key, next.Lease, next.Generation = was.Key, was.Lease, was.Generation
		next.TTL, next.RegisteredAt = was.TTL, was.RegisteredAt
		next.Revision, next.Changed = was.Revision, was.Changed
		rec, swapped, err := s.swap(ctx, ref, before, was, &next, why)
		if err != nil || swapped {
			return rec, err
		}
	}
}

func (s *Store) current(ctx context.Context, ref store.Ref) (*store.Packed, error) {
	if err := s.enter(ctx, "update", ref.Key); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	e, err := s.underRef(ref)
	if err != nil {
		return nil, fail("update", ref.Key, err)
	}
	return e.rec, nil
}

// swap puts next in the place of before, if that is still the record. What is kept never
// changes, so the pointer is the version.
func (s *Store) swap(ctx context.Context, ref store.Ref, kept *store.Packed, before, next *store.Record, why store.Reason) (rec *store.Record, swapped bool, err error) {
	if err := s.enter(ctx, "update", ref.Key); err != nil {
		return nil, false, err
	}
	defer s.mu.Unlock()
	e, err := s.underRef(ref)
	if err != nil {
		return nil, false, fail("update", ref.Key, err)
	}
	if e.rec != kept {
		return nil, false, nil
	}
	visible := !next.Instance.Equal(&before.Instance)
	if !visible && next.Tokens == before.Tokens && next.Owner == before.Owner && next.Process == before.Process {
		return before, true, nil
	}
	if err := s.during(&ref); err != nil {
		return nil, false, fail("update", ref.Key, err)
	}
	c := s.change()
	defer c.done()
	next.Revision = c.begin()
	if visible {
		next.Changed = next.Revision.Number
	}
	return c.put(e, next, why).Record(), true, nil
}
