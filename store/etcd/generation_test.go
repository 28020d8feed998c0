package etcd_test

import (
	"context"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/roster-sd/roster/internal/etcdtest"
	"github.com/roster-sd/roster/store"
)

// A generation from a past that etcd lost comes back: no later one is before it, on any
// node and for any key, also when nothing in etcd tells of it any more.
func TestGenerationsGrowAfterALostPast(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t, quick)
	a, b := use(t, at(server)), use(t, at(server))
	old := a.put(store.InstanceKey("user", "1"), lasting)
	b.put(store.InstanceKey("user", "2"), lasting)
	key := store.InstanceKey("user", "back")
	generation := old.Generation + 1_000_000
	back, err := a.Register(a.ctx, sample(key), store.Grant{TTL: lasting, If: store.Condition{Absent: true, Generation: generation}})
	if err != nil || back.Generation != generation {
		t.Fatalf("resurrection of generation %d: %+v, %v", generation, back, err)
	}
	if back.Revision.Epoch != old.Revision.Epoch {
		t.Errorf("the epoch went from %d to %d", old.Revision.Epoch, back.Revision.Epoch)
	}
	a.remove(back.Ref())
	server.Do(func(ctx context.Context, c *clientv3.Client) error {
		_, err := c.Delete(ctx, "/roster/t/", clientv3.WithPrefix()) // as if long ago
		return err
	})
	for _, f := range []*fixture{b, a} {
		next := f.put(key, lasting)
		if next.Generation <= generation {
			t.Errorf("generation %d follows %d", next.Generation, generation)
		}
		generation = next.Generation
		if got, err := b.Get(b.ctx, key); err != nil || got.Generation != next.Generation {
			t.Errorf("read back as generation %d, %v, want %d", got.Generation, err, next.Generation)
		}
	}
	if again := b.put(old.Key, lasting); again.Generation <= old.Generation {
		t.Errorf("generation %d follows %d", again.Generation, old.Generation)
	}
	// An update keeps what a registration derived.
	if got := a.update(store.Ref{Key: key}, 3); got.Generation != generation {
		t.Errorf("an update moved the generation from %d to %d", generation, got.Generation)
	}
}
