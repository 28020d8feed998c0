package etcd_test

import (
	"context"
	"errors"
	"testing"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/roster-sd/roster/internal/etcdtest"
	"github.com/roster-sd/roster/store"
)

func grantAs(ctx context.Context, c *clientv3.Client, id store.LeaseID, seconds int64) error {
	_, err := pb.NewLeaseClient(c.ActiveConnection()).LeaseGrant(ctx, &pb.LeaseGrantRequest{ID: int64(id), TTL: seconds})
	return err
}

// Leases of records that were replaced, removed or refused do not pile up.
func TestLeasesDoNotPileUp(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t, quick)
	f := use(t, at(server))
	key := store.InstanceKey("user", "1")
	rec := f.put(key, lasting)
	for range 20 {
		rec = f.put(key, lasting)
		_, err := f.Register(f.ctx, sample(key), store.Grant{TTL: lasting, If: store.Condition{Absent: true}})
		wants(t, err, store.ErrConflict, "Register if absent")
		_, err = f.Register(f.ctx, sample(key), store.Grant{TTL: lasting, If: store.Condition{Generation: 1}})
		wants(t, err, store.ErrConflict, "Register of a generation")
	}
	for _, id := range []string{"2", "3", "4"} {
		f.remove(f.put(store.InstanceKey("user", id), lasting).Ref())
	}
	// What is left is the record's, and the tombstones'.
	eventually(t, "two leases are left", func() bool { return leases(server) == 2 })
	if r := f.renew(rec.Ref()); r[0].Err != nil {
		t.Errorf("Renew of the record that is left: %v", r[0].Err)
	}
}

// A node replaced a record and died before it could revoke the old lease, or somebody
// removed the record by hand: other nodes learn from the feed that the lease is worth
// nothing, though etcd would still renew it.
func TestLeaseThatNobodyRevoked(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t, quick)
	f := use(t, at(server))
	for _, by := range []string{"replaced", "removed"} {
		rec := f.put(store.InstanceKey("user", by), lasting)
		w := f.watch(rec.Revision)
		server.Do(func(ctx context.Context, c *clientv3.Client) error {
			at := f.RecordKey(rec.Key)
			got, err := c.Get(ctx, at)
			if err != nil {
				return err
			}
			if by == "removed" {
				_, err = c.Delete(ctx, at)
				return err
			}
			_, err = c.Put(ctx, at, string(got.Kvs[0].Value))
			return err
		})
		events(t, w, 1)
		r := f.renew(rec.Ref())
		if !errors.Is(r[0].Err, store.ErrLeaseLost) {
			t.Errorf("Renew of a lease whose record was %s: %v, %v", by, r[0].TTL, r[0].Err)
		}
	}
}

// Tombstones have a lease of their own, a new one each minute, that outlives their age.
func TestTombstonesAreRememberedLongEnough(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t, quick)
	f := use(t, at(server))
	f.remove(f.put(store.InstanceKey("user", "1"), lasting).Ref())
	first := f.AgeStoneLease()
	f.remove(f.put(store.InstanceKey("user", "2"), lasting).Ref())
	second := f.StoneLease()
	if first == 0 || first == second {
		t.Fatalf("the leases of tombstones a minute apart are %v and %v", first, second)
	}
	server.Do(func(ctx context.Context, c *clientv3.Client) error {
		for i, id := range []store.LeaseID{first, second} {
			resp, err := c.TimeToLive(ctx, clientv3.LeaseID(id), clientv3.WithAttachedKeys())
			if err != nil {
				return err
			}
			if len(resp.Keys) != 1 {
				t.Errorf("lease %d keeps %q", i, resp.Keys)
			}
			if left := time.Duration(resp.TTL) * time.Second; left < store.TombstoneAge+time.Minute {
				t.Errorf("lease %d has %v to live", i, left)
			}
		}
		return nil
	})
}

// etcd lost the lease of the tombstones: the next deletion grants another.
func TestTombstoneLeaseLost(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t, quick)
	f := use(t, at(server))
	f.remove(f.put(store.InstanceKey("user", "1"), lasting).Ref())
	rec := f.put(store.InstanceKey("user", "2"), lasting)
	again := f.put(store.InstanceKey("user", "3"), lasting)
	revoke := func() {
		server.Do(func(ctx context.Context, c *clientv3.Client) error {
			_, err := c.Revoke(ctx, clientv3.LeaseID(f.StoneLease()))
			return err
		})
	}
	revoke()
	f.remove(rec.Ref())
	revoke()
	f.put(again.Key, lasting)
	stones, err := f.Tombstones(f.ctx, again.Key)
	if err != nil || len(stones) != 1 || stones[0].Reason.Code != store.Replaced {
		t.Errorf("tombstones are %+v, %v", stones, err)
	}
}

// What etcd grants is what is told, in whole seconds and not under its minimum.
func TestGrantedTTL(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t, etcdtest.Options{NoFsync: true, Heartbeat: 200 * time.Millisecond, Election: 2 * time.Second})
	f := use(t, at(server))
	least, err := f.MinTTL(f.ctx)
	if err != nil || least != 3*time.Second {
		t.Fatalf("the shortest TTL is %v, %v, want 3s", least, err)
	}
	for ask, want := range map[time.Duration]time.Duration{
		time.Millisecond: least, time.Second: least, least: least, least + 1: least + time.Second, time.Hour: time.Hour,
	} {
		rec := f.put(store.InstanceKey("user", ask.String()), ask)
		r := f.renew(rec.Ref())
		got, err := f.Get(f.ctx, rec.Key)
		if err != nil || rec.TTL != want || r[0].TTL != want || got.TTL != want {
			t.Errorf("asked for %v: granted %v, renewed for %v, stored %v, want %v; %v", ask, rec.TTL, r[0].TTL, got.TTL, want, err)
		}
	}
	eventually(t, "the leases of the questions to go", func() bool { return leases(server) <= 5 })
}
