package memory

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/store"
)

func (f fixture) stones(id string) []store.Tombstone {
	f.Helper()
	stones, err := f.Tombstones(f.Context(), store.InstanceKey("orders", id))
	if err != nil || stones == nil {
		f.Fatalf("Tombstones = %v, %v", stones, err)
	}
	return stones
}

func (f fixture) deregister(rec *store.Record, code store.Code) {
	f.Helper()
	if _, err := f.Deregister(f.Context(), rec.Ref(), store.Reason{Code: code}); err != nil {
		f.Fatal(err)
	}
}

func TestTombstonesOfTheExpiredAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, Options{MaxExpiredTombstones: 100})
		f.deregister(f.register("meant", 0), "")
		for i := range 300 {
			f.register(fmt.Sprint(i), time.Second+time.Duration(i))
		}
		time.Sleep(2 * time.Second)
		for id, want := range map[string]int{"0": 0, "199": 0, "200": 1, "299": 1, "meant": 1} {
			if got := len(f.stones(id)); got != want {
				t.Errorf("%d tombstones of %s, want %d", got, id, want)
			}
		}
		keys := f.index[place{store.KindInstance, "orders"}].entries.Len()
		if keys != 101 || f.graves.expired.len != 100 || f.graves.meant.len != 1 {
			t.Errorf("%d keys, %d expired, %d meant", keys, f.graves.expired.len, f.graves.meant.len)
		}
		f.wantErr(f.renewal(store.Ref{Key: store.InstanceKey("orders", "0"), Lease: 1}).Err, store.ErrNotFound)
		f.wantErr(f.renewal(store.Ref{Key: store.InstanceKey("orders", "299"), Lease: 1}).Err, store.ErrLeaseLost)
	})
}

// Those that were meant make room too, the oldest first, and no generation comes twice for
// it.
func TestTombstonesOfTheRemovedAreBounded(t *testing.T) {
	f := open(t, Options{MaxTombstones: 3})
	var refs []store.Ref
	for i := range 5 {
		rec := f.register(fmt.Sprint(i), time.Hour)
		refs = append(refs, rec.Ref())
		f.deregister(rec, "")
	}
	for i, want := range []int{0, 0, 1, 1, 1} {
		if got := len(f.stones(fmt.Sprint(i))); got != want {
			t.Errorf("%d tombstones of %d, want %d", got, i, want)
		}
	}
	f.wantErr(f.renewal(refs[1]).Err, store.ErrNotFound)
	f.wantErr(f.renewal(refs[2]).Err, store.ErrLeaseLost)
	if again := f.register("0", 0); again.Generation < 2 {
		t.Errorf("generation %d came twice", again.Generation)
	}
	for range 5 {
		f.register("0", 0) // each replaces the one before
	}
	keys := f.index[place{store.KindInstance, "orders"}].entries.Len()
	if keys != 1 || f.graves.meant.len != 3 || len(f.stones("0")) != 3 {
		t.Errorf("%d keys, %d in line, %d of the key", keys, f.graves.meant.len, len(f.stones("0")))
	}
}

// Of a record that left and is in the event log no more, nothing keeps the whole.
func TestTombstonesAreSmall(t *testing.T) {
	f := open(t, Options{LogEvents: 1})
	const n = 100
	var freed atomic.Int64
	for i := range n {
		in := instance("a")
		in.Key.Service = fmt.Sprint("job-", i) // a place for each
		in.Instance.Metadata = []store.Pair{{Key: "a", Value: "b"}}
		rec, err := f.Register(f.Context(), in, store.Grant{TTL: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		runtime.AddCleanup(rec, func(int) { freed.Add(1) }, 0)
		f.deregister(rec, "")
		stones, err := f.Tombstones(f.Context(), in.Key)
		if err != nil || len(stones) != 1 || stones[0].Record.Instance.Metadata != nil {
			t.Fatalf("Tombstones = %+v, %v", stones, err)
		}
	}
	// The log still has the last one. Cleanups run some time after a collection.
	for end := time.Now().Add(10 * time.Second); freed.Load() < n-1 && time.Now().Before(end); {
		runtime.GC()
	}
	if got := freed.Load(); got < n-1 {
		t.Errorf("%d of %d records that left are kept", n-got, n)
	}
	if got := f.graves.meant.len; got != n {
		t.Errorf("%d are remembered, want %d", got, n)
	}
}

func TestTombstonesOfAKeyAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, Options{})
		for range 20 {
			f.register("a", 0) // each replaces the one before
		}
		stones := f.stones("a")
		if len(stones) != store.TombstonesPerKey || stones[0].Record.Generation != 19 || stones[7].Record.Generation != 12 {
			t.Errorf("%d tombstones: %+v", len(stones), stones)
		}
		if f.graves.meant.len != store.TombstonesPerKey || stones[0].Reason.Code != store.Replaced {
			t.Errorf("%d in line, reason %q", f.graves.meant.len, stones[0].Reason.Code)
		}
	})
}

func TestTombstonesAreForgottenWithAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, Options{})
		const n = 3000
		refs := make([]store.Ref, n)
		for i := range refs {
			rec := f.register(fmt.Sprint(i), time.Second)
			refs[i] = rec.Ref()
			if i%2 == 0 {
				f.deregister(rec, store.Forced)
			}
		}
		time.Sleep(store.TombstoneAge - time.Nanosecond)
		if len(f.stones("0")) != 1 || len(f.stones("1")) != 1 {
			t.Error("forgotten too early")
		}
		f.wantErr(f.renewal(refs[0]).Err, store.ErrLeaseLost)
		time.Sleep(time.Nanosecond)
		if len(f.stones("0")) != 0 || len(f.stones("1")) != 1 {
			t.Error("remembered too long, or the one that died a second later forgotten with it")
		}
		f.wantErr(f.renewal(refs[0]).Err, store.ErrNotFound)
		time.Sleep(10 * time.Second) // a sweep
		synctest.Wait()
		f.mu.Lock()
		defer f.mu.Unlock()
		if g := &f.graves; len(f.index) != 0 || g.meant != (line{}) || g.expired != (line{}) {
			t.Errorf("%d buckets, %+v, %+v are kept", len(f.index), g.meant, g.expired)
		}
	})
}

func TestPruneIsBounded(t *testing.T) {
	f := open(t, Options{})
	for i := range 10 {
		f.deregister(f.register(fmt.Sprint(i), 0), "")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, want := range []struct {
		left int
		more bool
	}{{6, true}, {2, true}, {0, false}} {
		if more := f.graves.prune(store.TombstoneAge+time.Hour, 4); more != want.more || f.graves.meant.len != want.left {
			t.Errorf("prune = %v, %d left; want %+v", more, f.graves.meant.len, want)
		}
	}
}

// In lost time no late heartbeat could come, so it counts for nothing here too.
func TestTombstonesOutliveAStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, Options{})
		f.deregister(f.register("a", time.Second), "")
		f.m.stop(time.Hour)
		time.Sleep(time.Second)
		if len(f.stones("a")) != 1 {
			t.Error("forgotten during a stop")
		}
	})
}
