package etcd

import (
	"context"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/roster-sd/roster/store"
)

// Deregister removes the record that ref names.
func (s *Store) Deregister(ctx context.Context, ref store.Ref, why store.Reason) (store.Revision, error) {
	if why.Code == "" {
		why.Code = store.Deregistered
	}
	c, err := s.begin(ctx, "deregister", ref.Key)
	if err != nil {
		return store.Revision{}, err
	}
	defer c.end()
	rev, err := c.deregister(ref, why)
	if err != nil {
		return store.Revision{}, c.fail(err)
	}
	return rev, nil
}

func (c *call) deregister(ref store.Ref, why store.Reason) (store.Revision, error) {
	look := append([]clientv3.Op{c.s.getRecord(ref.Key), c.s.getGraves(ref.Key)}, c.s.getWhile(ref)...)
	a, err := c.read(look...)
	full := false // etcd takes no more puts
	for range writeTries {
		if err != nil {
			return store.Revision{}, err
		}
		was := c.s.present(a, 0)
		if err := c.s.under(was, ref); err != nil {
			return store.Revision{}, err
		}
		if err := c.s.during(a, ref); err != nil {
			return store.Revision{}, err
		}
		at, now := c.s.keys.record(ref.Key), clock()
		then := []clientv3.Op{clientv3.OpDelete(at)}
		if full {
			// Who reads this node's feed is told why all the same. Others take it for an expiry.
			c.s.opts.Logger.Warn("etcd: no space: a record is removed without its tombstone", "key", ref.Key.String(), "reason", string(why.Code))
			c.s.graves.foretell(was.rec, c.s.signed(why, ""), now)
		} else {
			stone, err := c.bury(was, why.Code, why, now)
			if err != nil && !is(err, rpctypes.ErrNoSpace) {
				return store.Revision{}, err
			}
			if full = err != nil; full {
				continue // no space for the lease of the tombstone
			}
			then = append(then, stone...)
		}
		conds := append(c.s.ifWhile(ref), clientv3.Compare(clientv3.ModRevision(at), "=", was.revision()))
		a, err = c.write(a.epoch, conds, then, look)
		switch {
		case is(err, rpctypes.ErrNoSpace) && !full:
			full = true
			a, err = c.read(look...)
		case is(err, rpctypes.ErrLeaseNotFound):
			c.s.stones.forget()
			a, err = c.read(look...)
		case err == nil && a.won:
			c.release(was.rec.Lease)
			return a.revision(), nil
		}
	}
	return store.Revision{}, errRestless
}
