package etcd_test

import (
	"context"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/roster-sd/roster/internal/etcdtest"
	"github.com/roster-sd/roster/store"
)

func lose(server *etcdtest.Server) {
	server.Do(func(ctx context.Context, c *clientv3.Client) error {
		_, err := c.Delete(ctx, "/roster/", clientv3.WithPrefix())
		return err
	})
}

// The keyspace is deleted under a watcher that waits: it breaks, and tells of no deletion.
func TestLossIsNoDeletion(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t, quick)
	f := use(t, at(server))
	rec := f.put(store.InstanceKey("user", "1"), lasting)
	w := f.watch(rec.Revision)
	type result struct {
		b   store.Batch
		err error
	}
	got := make(chan result, 1)
	go func() {
		b, err := next(t, w, prompt)
		got <- result{b, err}
	}()
	lose(server)
	r := <-got
	wants(t, r.err, store.ErrCompacted, "Next when the keyspace was deleted")
	eventually(t, "a new epoch", func() bool { return f.list().Revision.Epoch != rec.Revision.Epoch })
}

// A node that has not noticed that the keyspace was lost writes into the new epoch, or
// nothing; with a meta by another node and without.
func TestWritesNoticeTheLoss(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t, quick)
	a, b := use(t, at(server)), use(t, at(server))
	for _, noticed := range []bool{true, false} {
		old := b.put(store.InstanceKey("user", "1"), lasting)
		lose(server)
		if noticed {
			a.list()
		}
		_, err := b.Update(b.ctx, old.Ref(), someone, func(r *store.Record) error { r.Instance.Weight++; return nil })
		wants(t, err, store.ErrNotFound, "Update of what was lost")
		lose(server)
		if noticed {
			a.list()
		}
		rec, err := b.Register(b.ctx, sample(old.Key), store.Grant{TTL: lasting, If: store.Condition{Absent: true}})
		if err != nil {
			t.Fatalf("Register: %v", err)
		}
		if now := a.list(); rec.Revision.Epoch != now.Revision.Epoch || rec.Revision.Epoch == old.Revision.Epoch || len(now.Records) != 1 {
			t.Errorf("registered in the epoch %d, before the loss it was %d, now %d with %d records",
				rec.Revision.Epoch, old.Revision.Epoch, now.Revision.Epoch, len(now.Records))
		}
		if rec.Generation <= old.Generation {
			t.Errorf("generation %d follows %d", rec.Generation, old.Generation)
		}
		if r := b.renew(old.Ref()); r[0].Err == nil {
			t.Error("Renew of a lease from before the loss")
		}
		if r := b.renew(rec.Ref()); r[0].Err != nil {
			t.Errorf("Renew after the loss: %v", r[0].Err)
		}
	}
}

// However often a key is registered anew, etcd keeps few tombstones of it.
func TestTombstonesOfAKeyAreFew(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t, quick)
	f := use(t, at(server))
	key := store.InstanceKey("user", "1")
	for i := range 30 {
		rec := f.put(key, lasting)
		if i%3 == 0 {
			f.remove(rec.Ref())
		}
	}
	server.Do(func(ctx context.Context, c *clientv3.Client) error {
		got, err := c.Get(ctx, "/roster/t/", clientv3.WithPrefix(), clientv3.WithCountOnly())
		if err == nil && got.Count > store.TombstonesPerKey {
			t.Errorf("etcd keeps %d tombstones of one key", got.Count)
		}
		return err
	})
}
