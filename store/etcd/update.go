package etcd

import (
	"context"
	"slices"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/roster-sd/roster/store"
)

// Update changes a copy of the record by compare-and-set. The function runs again if
// somebody else changed the record meanwhile. It must not update the same record itself.
func (s *Store) Update(ctx context.Context, ref store.Ref, why store.Reason, apply func(*store.Record) error) (*store.Record, error) {
	if why.Code == "" {
		why.Code = store.Updated
	}
	c, err := s.begin(ctx, "update", ref.Key)
	if err != nil {
		return nil, err
	}
	defer c.end()
	rec, refused, err := c.update(ref, s.signed(why, ""), apply)
	switch {
	case refused != nil:
		return nil, refused
	case err != nil:
		return nil, c.fail(err)
	}
	return rec, nil
}

// update gives the function's error apart from all others.
func (c *call) update(ref store.Ref, why store.Reason, apply func(*store.Record) error) (rec *store.Record, refused, err error) {
	pass, err := c.s.turns.take(c.ctx, ref.Key)
	if err != nil {
		return nil, nil, err
	}
	defer pass()
	look := append([]clientv3.Op{c.s.getRecord(ref.Key), c.s.getGraves(ref.Key)}, c.s.getWhile(ref)...)
	a, err := c.read(look...)
	for range writeTries {
		if err != nil {
			return nil, nil, err
		}
		was := c.s.present(a, 0)
		if err := c.s.under(was, ref); err != nil {
			return nil, nil, err
		}
		if was.bad != nil {
			return nil, nil, was.bad
		}
		next, refused := changed(was.rec, apply)
		if next == nil {
			return nil, refused, nil
		}
		visible := !next.Instance.Equal(&was.rec.Instance)
		if !visible && next.Tokens == was.rec.Tokens && next.Owner == was.rec.Owner && next.Process == was.rec.Process {
			return was.rec, nil, nil
		}
		if visible {
			next.Changed = 0
		}
		value, err := encodeNext(next, was.entry, why, clock())
		if err != nil {
			return nil, nil, err
		}
		at := c.s.keys.record(ref.Key)
		if err := c.s.during(a, ref); err != nil {
			return nil, nil, err
		}
		conds := append(c.s.ifWhile(ref), clientv3.Compare(clientv3.ModRevision(at), "=", was.revision()))
		a, err = c.write(a.epoch, conds, []clientv3.Op{clientv3.OpPut(at, value, clientv3.WithIgnoreLease())}, look)
		if err != nil {
			return nil, nil, err
		}
		if a.won {
			next.Revision = a.revision()
			if visible {
				next.Changed = next.Revision.Number
			}
			return next, nil, nil
		}
	}
	return nil, nil, errRestless
}

// changed applies the function to a copy of the record and puts back what is the store's.
func changed(was *store.Record, apply func(*store.Record) error) (*store.Record, error) {
	given := *was
	// Without spare capacity an append in the function cannot write behind the end of a
	// slice that others share.
	given.Instance.Tags = slices.Clip(given.Instance.Tags)
	given.Instance.Metadata = slices.Clip(given.Instance.Metadata)
	if err := apply(&given); err != nil {
		return nil, err
	}
	next := given // the function may have kept the one it was given
	next.Key, next.Lease, next.Generation = was.Key, was.Lease, was.Generation
	next.TTL, next.RegisteredAt = was.TTL, was.RegisteredAt
	next.Revision, next.Changed = was.Revision, was.Changed
	return &next, nil
}
