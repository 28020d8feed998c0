package memory

import (
	"context"
	"errors"
	"fmt"
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
		keys := len(f.index[place{store.KindInstance, "orders"}].entries)
		if keys != 101 || f.graves.expired.len != 100 || f.graves.meant.len != 1 {
			t.Errorf("%d keys, %d expired, %d meant", keys, f.graves.expired.len, f.graves.meant.len)
		}
		f.wantErr(f.renewal(store.Ref{Key: store.InstanceKey("orders", "0"), Lease: 1}).Err, store.ErrNotFound)
		f.wantErr(f.renewal(store.Ref{Key: store.InstanceKey("orders", "299"), Lease: 1}).Err, store.ErrLeaseLost)
	})
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

func TestResurrection(t *testing.T) {
	resurrect := func(f fixture, generation uint64) (*store.Record, error) {
		in := instance("a")
		in.RegisteredAt = 42
		return f.Register(f.Context(), in, store.Grant{
			TTL: time.Second, If: store.Condition{Absent: true, Generation: generation},
		})
	}
	for _, tt := range []struct {
		name  string
		past  func(f fixture)
		times uint64 // the generation asked for
		want  error
	}{
		{"of nothing known", func(f fixture) {}, 7, nil},
		{"of one that expired", func(f fixture) {
			f.register("a", time.Second)
			time.Sleep(time.Second)
		}, 1, nil},
		{"of one that was deregistered", func(f fixture) { f.deregister(f.register("a", 0), "") }, 1, store.ErrLeaseLost},
		{"of one that was forced out", func(f fixture) { f.deregister(f.register("a", 0), store.Forced) }, 1, store.ErrLeaseLost},
		{"of one that was replaced by one that expired", func(f fixture) {
			f.register("a", 0)
			f.register("a", time.Second)
			time.Sleep(time.Second)
		}, 1, store.ErrLeaseLost},
		{"of a later one than was deregistered", func(f fixture) {
			f.deregister(f.register("a", 0), "")
			f.register("a", time.Second)
			time.Sleep(time.Second)
		}, 2, nil},
		{"of one that lives", func(f fixture) { f.register("a", 0) }, 1, store.ErrConflict},
		{"after the deregistration is forgotten", func(f fixture) {
			f.deregister(f.register("a", 0), "")
			time.Sleep(store.TombstoneAge)
		}, 1, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := open(t, Options{})
				tt.past(f)
				synctest.Wait()
				w := f.watch()
				rec, err := resurrect(f, tt.times)
				if tt.want != nil {
					f.wantErr(err, tt.want)
					return
				}
				if err != nil || rec.Generation != tt.times || rec.RegisteredAt != 42 || rec.Changed != rec.Revision.Number {
					t.Fatalf("Register = %+v, %v", rec, err)
				}
				if b := f.next(w); tell(b.Events) != "[resurrected a]" || b.Events[0].Before != nil {
					t.Errorf("events = %s", tell(b.Events))
				}
				if next := f.register("a", 0); next.Generation != tt.times+1 {
					t.Errorf("the next generation is %d", next.Generation)
				}
			})
		})
	}
}

// A key whose latest death is forgotten, while an earlier one is remembered, does not
// live through the same generation twice.
func TestGenerationDoesNotComeTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, Options{MaxExpiredTombstones: 1})
		f.deregister(f.register("a", 0), "")
		if second := f.register("a", time.Second); second.Generation != 2 {
			t.Fatalf("generation %d", second.Generation)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		f.register("b", time.Second)
		time.Sleep(time.Second)
		synctest.Wait()
		if stones := f.stones("a"); len(stones) != 1 || stones[0].Record.Generation != 1 {
			t.Fatalf("tombstones %+v; want the one that was meant", stones)
		}
		if rec := f.register("a", 0); rec.Generation <= 2 {
			t.Errorf("generation %d again", rec.Generation)
		}
	})
}

func TestUpdateTriesAgain(t *testing.T) {
	f := open(t, Options{})
	rec := f.register("a", 0)
	add := func(what string) func(r *store.Record) error {
		return func(r *store.Record) error {
			r.Owner += what
			r.Key.ID, r.Generation, r.TTL, r.RegisteredAt, r.Lease, r.Changed = "b", 99, 99, 99, 99, 99
			return nil
		}
	}
	calls := 0
	got, err := f.Update(t.Context(), rec.Ref(), store.Reason{}, func(r *store.Record) error {
		if calls++; calls == 1 { // somebody else is faster
			if _, err := f.Update(t.Context(), rec.Ref(), store.Reason{}, add("x")); err != nil {
				t.Error(err)
			}
		}
		return add("y")(r)
	})
	if err != nil || calls != 2 || got.Owner != "xy" {
		t.Fatalf("Update = %+v, %v after %d calls", got, err, calls)
	}
	if got.Key != rec.Key || got.Generation != 1 || got.TTL != 0 || got.RegisteredAt != rec.RegisteredAt || got.Lease != 0 || got.Changed != rec.Changed {
		t.Errorf("what must stay did not: %+v", got)
	}
	if rec.Owner != "" || f.gets(rec.Key) != got {
		t.Error("the published record was written to, or the new one is not the one stored")
	}

	refused := errors.New("no")
	if _, err := f.Update(t.Context(), rec.Ref(), store.Reason{}, func(*store.Record) error { return refused }); err != refused {
		t.Errorf("err = %v, want the function's own", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err = f.Update(ctx, rec.Ref(), store.Reason{}, func(r *store.Record) error { cancel(); return add("z")(r) })
	if !errors.Is(err, context.Canceled) || f.gets(rec.Key) != got {
		t.Errorf("err = %v after the context ended", err)
	}
	_, err = f.Update(t.Context(), rec.Ref(), store.Reason{}, func(r *store.Record) error {
		if _, err := f.Deregister(t.Context(), rec.Ref(), store.Reason{}); err != nil {
			t.Error(err)
		}
		return add("z")(r)
	})
	f.wantErr(err, store.ErrLeaseLost)
}
