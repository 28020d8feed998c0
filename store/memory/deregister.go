package memory

import (
	"context"

	"github.com/roster-sd/roster/store"
)

// Deregister removes the record that ref names.
func (s *Store) Deregister(ctx context.Context, ref store.Ref, why store.Reason) (store.Revision, error) {
	if why.Code == "" {
		why.Code = store.Deregistered
	}
	if err := s.enter(ctx, "deregister", ref.Key); err != nil {
		return store.Revision{}, err
	}
	defer s.mu.Unlock()
	e, err := s.underRef(ref)
	if err != nil {
		return store.Revision{}, fail("deregister", ref.Key, err)
	}
	if err := s.during(&ref); err != nil {
		return store.Revision{}, fail("deregister", ref.Key, err)
	}
	c := s.change()
	defer c.done()
	s.end(e.rec)
	c.remove(e, why)
	return s.revision, nil
}
