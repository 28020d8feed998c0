package memory

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/store"
)

func TestEvictionIsExact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, Options{Node: "n1"})
		for _, ttl := range []time.Duration{
			time.Millisecond, 249 * time.Millisecond, 250 * time.Millisecond, 12345678 * time.Microsecond,
		} {
			time.Sleep(100 * time.Millisecond) // so that deadlines fall between ticks
			w := f.watch()
			start := time.Now()
			rec := f.register("a", ttl)
			f.next(w)
			b := f.next(w)
			if took := time.Since(start); took != ttl {
				t.Errorf("TTL %v: deletion announced after %v", ttl, took)
			}
			if tell(b.Events) != "[expired a]" || !same(b.Events[0].Before, rec) || b.Events[0].Reason.Node != "n1" {
				t.Errorf("TTL %v: event %+v", ttl, b.Events)
			}
		}
	})
}

func TestShortLeaseWakesASleepOnALongOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, Options{})
		f.register("long", time.Hour)
		time.Sleep(10 * time.Millisecond)
		w := f.watch()
		f.register("short", 7*time.Millisecond)
		f.next(w)
		start := time.Now()
		f.next(w)
		if took := time.Since(start); took != 7*time.Millisecond {
			t.Errorf("announced after %v", took)
		}
	})
}

// What is due is gone for every call, before the expiry goroutine came to it. The clock
// jumps by less than a pause, so that the goroutine still sleeps.
func TestExpiryHidesAtOnce(t *testing.T) {
	for _, tt := range []struct {
		name string
		call func(f fixture, rec *store.Record) error
		want error
	}{
		{"Get", func(f fixture, rec *store.Record) error {
			_, err := f.Get(f.Context(), rec.Key)
			return err
		}, store.ErrNotFound},
		{"List", func(f fixture, rec *store.Record) error {
			if n := len(f.list().Records); n != 0 {
				f.Errorf("List gives %d", n)
			}
			return fail("list", store.Key{}, store.ErrNotFound)
		}, store.ErrNotFound},
		{"Renew", func(f fixture, rec *store.Record) error { return f.renewal(rec.Ref()).Err }, store.ErrLeaseLost},
		{"Renew by force", func(f fixture, rec *store.Record) error {
			return f.renewal(store.Ref{Key: rec.Key}).Err
		}, store.ErrLeaseLost},
		{"Update", func(f fixture, rec *store.Record) error {
			_, err := f.Update(f.Context(), rec.Ref(), store.Reason{}, func(*store.Record) error {
				f.Error("the function was called")
				return nil
			})
			return err
		}, store.ErrLeaseLost},
		{"Deregister", func(f fixture, rec *store.Record) error {
			_, err := f.Deregister(f.Context(), rec.Ref(), store.Reason{})
			return err
		}, store.ErrLeaseLost},
		{"Register if still under the lease", func(f fixture, rec *store.Record) error {
			_, err := f.Register(f.Context(), instance("a"), store.Grant{If: store.Condition{Lease: rec.Lease}})
			return err
		}, store.ErrConflict},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := open(t, Options{})
				rec := f.register("a", 10*time.Second)
				time.Sleep(9990 * time.Millisecond)
				synctest.Wait()
				w := f.watch()
				f.m.stop(100 * time.Millisecond)
				f.wantErr(tt.call(f, rec), tt.want)
				if left, err := f.TimeToLive(t.Context(), []store.Ref{rec.Ref()}); err != nil || left[0] >= 0 {
					t.Errorf("TimeToLive = %v, %v", left, err)
				}
				if b := f.next(w); tell(b.Events) != "[expired a]" {
					t.Errorf("events = %s", tell(b.Events))
				}
			})
		})
	}
}

func TestRegistrationOverADueRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, Options{})
		old := f.register("a", 10*time.Second)
		time.Sleep(9990 * time.Millisecond)
		synctest.Wait()
		w := f.watch()
		f.m.stop(100 * time.Millisecond)
		rec, err := f.Register(t.Context(), instance("a"), store.Grant{TTL: time.Second, If: store.Condition{Absent: true}})
		if err != nil || rec.Generation != 2 {
			t.Fatalf("Register = %+v, %v", rec, err)
		}
		b := f.next(w)
		if tell(b.Events) != "[expired a registered a]" || !same(b.Events[0].Before, old) || b.Events[1].Before != nil {
			t.Errorf("events = %s", tell(b.Events))
		}
		if b.Events[0].Revision == b.Events[1].Revision {
			t.Error("the end of one life and the start of the next are one revision")
		}
		f.quiet(w, 900*time.Millisecond) // the sweep finds nothing to do twice
	})
}

func TestTombstoneOfADueRecordIsThereWhenItsHolderIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, Options{})
		rec := f.register("a", 10*time.Second)
		time.Sleep(9990 * time.Millisecond)
		synctest.Wait()
		f.m.stop(100 * time.Millisecond)
		f.wantErr(f.renewal(rec.Ref()).Err, store.ErrLeaseLost)
		stones, err := f.Tombstones(t.Context(), rec.Key)
		if err != nil || len(stones) != 1 || stones[0].Reason.Code != store.Expired || !same(store.Pack(stones[0].Record).Record(), remains(store.Pack(rec)).Record()) {
			t.Errorf("Tombstones = %+v, %v", stones, err)
		}
	})
}

func TestMassExpiryIsWorkInPortions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, Options{})
		const n = 3*batch + 7
		for i := range n {
			f.register(fmt.Sprint(i), time.Second)
		}
		w := f.watch()
		start, revision := time.Now(), f.list().Revision.Number
		gone := map[string]bool{}
		for len(gone) < n {
			b := f.next(w)
			for _, e := range b.Events {
				if !e.Deleted() || gone[e.Key().ID] {
					t.Fatalf("event %+v", e)
				}
				gone[e.Key().ID] = true
			}
		}
		if took := time.Since(start); took != time.Second {
			t.Errorf("the last was announced after %v", took)
		}
		if moved := f.list().Revision.Number - revision; moved != 4 {
			t.Errorf("%d revisions, want 4", moved)
		}
		if f.Leases() != 0 {
			t.Errorf("%d leases left", f.Leases())
		}
	})
}

// Renewals that arrive just when their lease is due win or lose, and never both.
func TestRenewalAndExpiryDoNotRace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, Options{})
		const n, ttl = 400, time.Second
		w := f.watch()
		refs := make([]store.Ref, n)
		for i := range refs {
			refs[i] = f.register(fmt.Sprint(i), ttl).Ref()
		}
		time.Sleep(ttl - time.Nanosecond)
		won := make([]bool, n)
		var wg sync.WaitGroup
		for i, ref := range refs {
			wg.Go(func() {
				time.Sleep(time.Duration(i % 3)) // before, at and after the deadline
				won[i] = f.renewal(ref).Err == nil
			})
		}
		wg.Wait()
		time.Sleep(10 * time.Millisecond)
		alive := map[string]bool{}
		for _, rec := range f.list().Records {
			alive[rec.Key.ID] = true
		}
		gone := map[string]bool{}
		for len(gone) < n-len(alive) {
			for _, e := range f.next(w).Events {
				if e.Deleted() {
					gone[e.Key().ID] = true
				}
			}
		}
		for i, ref := range refs {
			if want := i%3 == 0; won[i] != want || alive[ref.Key.ID] != want || gone[ref.Key.ID] == want {
				t.Errorf("%d: renewed %v, alive %v, gone %v; want %v", i, won[i], alive[ref.Key.ID], gone[ref.Key.ID], want)
			}
		}
	})
}

// A list that comes while more is due than it can settle shows none of it.
func TestListInAMassOfDeaths(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, Options{})
		const n = 10 * batch
		for i := range n {
			f.register(fmt.Sprint(i), 10*time.Second)
		}
		keep := f.register("keep", time.Hour)
		time.Sleep(9990 * time.Millisecond)
		synctest.Wait()
		f.m.stop(100 * time.Millisecond)
		snap := f.list()
		if len(snap.Records) != 1 || !same(snap.Records[0], keep) {
			t.Errorf("%d records, want the one that lives", len(snap.Records))
		}
		if left := f.Leases(); left == 1 || left == n+1 {
			t.Errorf("%d leases: the list announced all or nothing, and proves too little", left)
		}
	})
}
