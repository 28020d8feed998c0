package etcd_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/roster-sd/roster/internal/etcdtest"
	"github.com/roster-sd/roster/store"
)

// etcd at its space quota takes no more registrations and says why; reads, renewals and
// removals go on, and all else when there is space again.
func TestNoSpace(t *testing.T) {
	t.Parallel()
	opts := quick
	opts.QuotaBytes = 4 << 20
	server := etcdtest.Start(t, opts)
	f := use(t, at(server))
	rec := f.put(store.InstanceKey("user", "1"), lasting)
	stays := f.put(store.InstanceKey("user", "2"), lasting)
	w := f.watch(stays.Revision)
	server.Do(func(ctx context.Context, c *clientv3.Client) error {
		junk := strings.Repeat("x", 256<<10)
		for i := range 100 {
			if _, err := c.Put(ctx, fmt.Sprint("junk", i), junk); err != nil {
				if err.Error() == rpctypes.ErrNoSpace.Error() {
					return nil
				}
				return err
			}
		}
		return fmt.Errorf("the quota never ran out")
	})
	_, err := f.Register(f.ctx, sample(store.InstanceKey("user", "3")), store.Grant{TTL: lasting})
	wants(t, err, store.ErrUnavailable, "Register without space")
	if !strings.Contains(err.Error(), "NOSPACE") {
		t.Errorf("the error does not say why: %v", err)
	}
	_, err = f.Update(f.ctx, rec.Ref(), someone, func(r *store.Record) error { r.Instance.Weight++; return nil })
	wants(t, err, store.ErrUnavailable, "Update without space")
	if r := f.renew(rec.Ref(), stays.Ref()); r[0].Err != nil || r[1].Err != nil {
		t.Errorf("Renew without space: %+v", r)
	}
	f.remove(rec.Ref())
	if got := events(t, w, 1); !got[0].Deleted() || got[0].Reason.Code != store.Deregistered || got[0].Reason.Actor != someone.Actor {
		t.Errorf("the removal is told as %+v", got[0].Reason)
	}
	if stones, err := f.Tombstones(f.ctx, rec.Key); err != nil || len(stones) != 1 || stones[0].Reason.Code != store.Deregistered {
		t.Errorf("this node remembers %+v, %v", stones, err)
	}
	if n := len(f.list().Records); n != 1 {
		t.Errorf("%d records", n)
	}
	warned := false
	for _, warning := range f.Check(f.ctx) {
		warned = warned || warning.Name == "alarm-nospace"
	}
	if !warned {
		t.Error("Check does not warn of the alarm")
	}
	server.Do(func(ctx context.Context, c *clientv3.Client) error {
		if _, err := c.Delete(ctx, "junk", clientv3.WithPrefix()); err != nil {
			return err
		}
		if err := compact(ctx, c); err != nil {
			return err
		}
		if _, err := c.Defragment(ctx, server.Addr()); err != nil {
			return err
		}
		_, err := c.AlarmDisarm(ctx, &clientv3.AlarmMember{})
		return err
	})
	f.put(store.InstanceKey("user", "3"), lasting)
	f.update(stays.Ref(), 9)
}
