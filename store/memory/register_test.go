package memory

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/store"
)

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
