package redis

import (
	"context"

	"github.com/roster-sd/roster/store"
)

// Deregister removes the record that ref names.
func (s *Store) Deregister(ctx context.Context, ref store.Ref, why store.Reason) (store.Revision, error) {
	c, err := s.enter(ctx, "deregister", ref.Key)
	if err != nil {
		return store.Revision{}, err
	}
	defer c.leave()
	if why.Code == "" {
		why.Code = store.Deregistered
	}
	because, err := s.reason(why, why.Code)
	if err != nil {
		return store.Revision{}, c.invalid(err)
	}
	while, ok := during(ref)
	if !ok {
		return store.Revision{}, c.refuse(store.ErrConflict)
	}
	r, e, err := s.run(c.ctx, scriptDeregister, nonce(), s.opts.StreamLength, name(ref.Key), wanted(ref), because, string(why.Code), while[0], while[1])
	if err != nil {
		return store.Revision{}, c.failed(err)
	}
	if kind := refusal(r.code()); kind != nil {
		return store.Revision{}, c.refuse(kind)
	}
	return e.revision(r.number(1)), nil
}
