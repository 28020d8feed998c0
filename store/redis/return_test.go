package redis

import (
	"testing"
	"time"

	"github.com/roster-sd/roster/internal/redistest"
	"github.com/roster-sd/roster/store"
)

// What ran out and returns before its end was told was never seen to leave. What is registered
// in its place follows its end.
func TestReturnBeforeTheEndIsTold(t *testing.T) {
	t.Parallel()
	f := open(t, Options{Addresses: []string{redistest.Shared(t).Addr()}, SweepInterval: time.Hour})
	for _, tt := range []struct {
		id   string
		cond func(old *store.Record) store.Condition
		want string
		dead int // tombstones
	}{
		{"a", func(old *store.Record) store.Condition {
			return store.Condition{Absent: true, Generation: old.Generation}
		}, "[resurrected a]", 0},
		{"b", func(*store.Record) store.Condition { return store.Condition{Absent: true} }, "[expired b registered b]", 1},
		{"c", func(old *store.Record) store.Condition {
			return store.Condition{Absent: true, Generation: old.Generation + 1}
		}, "[expired c resurrected c]", 1},
	} {
		old := f.register(tt.id, 20*time.Millisecond)
		w := f.follow(old.Revision)
		f.eventually("the lease is over", func() bool {
			_, err := f.Get(t.Context(), old.Key)
			return err != nil
		})
		in := instance(tt.id)
		in.RegisteredAt = old.RegisteredAt
		rec, err := f.Register(t.Context(), in, store.Grant{TTL: time.Hour, If: tt.cond(old)})
		if err != nil {
			t.Fatal(err)
		}
		var events []store.Event
		for len(events) == 0 || events[len(events)-1].Revision != rec.Revision {
			events = append(events, f.next(w).Events...)
		}
		if got := tell(events); got != tt.want {
			t.Errorf("the watcher gives %s, want %s", got, tt.want)
		}
		if stones, err := f.Tombstones(t.Context(), old.Key); err != nil || len(stones) != tt.dead {
			t.Errorf("%s has the tombstones %+v, %v", tt.id, stones, err)
		}
	}
	// An earlier generation than the one that ran out does not come back.
	old := f.register("d", 20*time.Millisecond)
	f.eventually("the lease is over", func() bool {
		_, err := f.Get(t.Context(), old.Key)
		return err != nil
	})
	_, err := f.Register(t.Context(), instance("d"), store.Grant{If: store.Condition{Absent: true, Generation: old.Generation - 1}})
	f.wants(err, store.ErrLeaseLost)
}
