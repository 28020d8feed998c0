package memory

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/store"
)

// After a restart every instance has one TTL of its own: who renews was never away, who does
// not is gone with its end.
func TestRestartGivesOneTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := statePath(t)
		a := begin(t, path, nil)
		stays, goes, forever := a.register("stays", 10*time.Second), a.register("goes", 20*time.Second), a.register("forever", 0)
		pass(9 * time.Second)
		before := a.view()
		a.end()
		pass(24 * time.Hour) // nobody is at work

		b := begin(t, path, nil)
		if got := b.view(); got != before {
			t.Fatalf("after the restart there is\n%s\nbefore it\n%s", got, before)
		}
		w := b.watch()
		now := b.gets(stays.Key)
		if now.Revision.Epoch == stays.Revision.Epoch || now.Lease == stays.Lease || now.RegisteredAt != stays.RegisteredAt {
			t.Errorf("%+v was %+v", now, stays)
		}
		b.wantErr(b.renewal(stays.Ref()).Err, store.ErrLeaseLost) // a lease is of one life
		pass(9 * time.Second)
		b.mustRenew(now.Ref())
		pass(9 * time.Second)
		b.mustRenew(now.Ref())
		if batch := b.next(w); tell(batch.Events) != "[expired goes]" {
			t.Errorf("events %s", tell(batch.Events))
		}
		if len(b.list().Records) != 2 || b.gets(forever.Key).Lease != 0 || !same(b.gets(stays.Key), now) {
			t.Errorf("%d records", len(b.list().Records))
		}
		b.end()
		// It does not come back, for its end was written down.
		c := begin(t, path, nil)
		if _, err := c.Get(t.Context(), goes.Key); !errors.Is(err, store.ErrNotFound) || len(c.list().Records) != 2 {
			t.Errorf("the expired one: %v", err)
		}
	})
}

// A late heartbeat is told why its instance left for what is left of the ten minutes, and no
// generation comes twice then or later.
func TestTombstonesOverRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := statePath(t)
		a := begin(t, path, nil)
		rec := a.register("a", time.Hour)
		for range 4 {
			rec = a.register("a", time.Hour)
		}
		if _, err := a.Deregister(t.Context(), rec.Ref(), store.Reason{Code: store.Forced, Actor: "admin", Note: "why"}); err != nil {
			t.Fatal(err)
		}
		stones := a.stones("a")
		a.end()
		for range 3 {
			pass(3 * time.Minute)
			b := begin(t, path, nil)
			b.wantErr(b.renewal(rec.Ref()).Err, store.ErrLeaseLost)
			got := b.stones("a")
			for i := range got {
				if got[i].Reason != stones[i].Reason || got[i].Time != stones[i].Time || got[i].Record.Tokens != stones[i].Record.Tokens {
					t.Errorf("tombstone %+v, was %+v", got[i], stones[i])
				}
			}
			if len(got) != 5 {
				t.Errorf("%d tombstones", len(got))
			}
			_, err := b.Register(t.Context(), instance("a"), store.Grant{TTL: time.Hour, If: store.Condition{Absent: true, Generation: rec.Generation}})
			b.wantErr(err, store.ErrLeaseLost)
			b.end()
		}
		pass(time.Minute)
		b := begin(t, path, nil)
		b.wantErr(b.renewal(rec.Ref()).Err, store.ErrNotFound)
		b.end()
		pass(time.Hour)
		for range 2 { // the second time, what was forgotten is in a rewritten file only
			b = beginWith(t, path, nil, 0, 1<<18)
			if rec = b.register("a", time.Hour); rec.Generation <= 5 {
				t.Errorf("generation %d came twice", rec.Generation)
			}
			b.end()
		}
	})
}

// Renewals cost the file nothing, and all else no more than one sync in SyncEvery.
func TestWhatIsWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		a := beginWith(t, statePath(t), d, never, 1<<18)
		rec := a.register("a", 10*time.Second)
		pass(time.Second)
		size, _ := a.StateFile()
		writes, syncs := d.count()
		for range 1000 {
			pass(5 * time.Millisecond)
			a.mustRenew(rec.Ref())
		}
		now, _ := a.StateFile()
		if w, s := d.count(); now != size || w != writes || s != syncs {
			t.Errorf("renewals wrote %d bytes with %d writes and %d syncs", now-size, w-writes, s-syncs)
		}
		const n = 2000
		for i := range n {
			pass(time.Millisecond)
			a.register(fmt.Sprint(i%50), time.Hour)
		}
		pass(time.Second)
		w, s := d.count()
		if got, most := s-syncs, int(n*time.Millisecond/SyncEvery)+2; got > most || got < most/2 {
			t.Errorf("%d syncs in %s, want about %d", got, n*time.Millisecond, most)
		}
		if got, most := w-writes, int(n*time.Millisecond/writeEvery)+2; got > most {
			t.Errorf("%d writes in %s, want at most %d", got, n*time.Millisecond, most)
		}
		// A change after a rest is on the disk at once.
		a.register("last", time.Hour)
		synctest.Wait()
		if _, now := d.count(); now != s+1 {
			t.Error("a change after a rest waits for its sync")
		}
	})
}

// history does random things to a store, and gives what it was like at each moment.
func history(l life, n int, seed uint64) (views []string) {
	rng := rand.New(rand.NewPCG(seed, 1))
	views = append(views, l.view())
	for range n {
		id := fmt.Sprint(rng.IntN(4))
		key := store.InstanceKey("orders", id)
		switch rng.IntN(6) {
		case 0, 1:
			l.register(id, time.Duration(1+rng.IntN(5))*time.Second)
		case 2:
			in := store.Record{Key: store.Key{Kind: store.KindOverride, Service: "orders", ID: id}, Owner: strings.Repeat("x", rng.IntN(300))}
			if _, err := l.Register(l.Context(), in, store.Grant{}); err != nil {
				l.Fatal(err)
			}
		case 3:
			// Refused where there is none.
			_, _ = l.Deregister(l.Context(), store.Ref{Key: key}, store.Reason{Actor: "somebody"})
		case 4:
			_, _ = l.Update(l.Context(), store.Ref{Key: key}, store.Reason{}, func(r *store.Record) error {
				r.Instance.Weight++
				r.Tokens.Used[3]++
				return nil
			})
		case 5:
			pass(700 * time.Millisecond)
			synctest.Wait()
		}
		if now := l.view(); now != views[len(views)-1] {
			views = append(views, now)
		}
	}
	return views
}

// Wherever the file ends, what comes back is what was there at one moment, without an error.
func TestAnyPrefixIsAMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := statePath(t)
		a := beginWith(t, path, nil, never, 1<<18)
		views := history(a, 25, 7)
		a.end()
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		at := 0
		// The package journal does it at every byte.
		for size := len(whole) % 13; size <= len(whole); size += 13 {
			if err := os.WriteFile(path, whole[:size], 0o600); err != nil {
				t.Fatal(err)
			}
			b := begin(t, path, nil)
			got := b.view()
			b.end()
			for at < len(views) && views[at] != got {
				at++ // never back to an earlier moment
			}
			if at == len(views) {
				t.Fatalf("the first %d of %d bytes hold what never was:\n%s", size, len(whole), got)
			}
		}
		if at != len(views)-1 {
			t.Errorf("the whole file is of moment %d of %d", at, len(views)-1)
		}
	})
}

// A disk that stops at any byte, in the middle of an append or of a rewrite, leaves a file
// of one moment, whatever the store does in memory from then on.
func TestDiskThatStopsAnywhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		rewritten := 0
		for room := 40; ; room += 777 {
			path := filepath.Join(dir, fmt.Sprint(room))
			d := newDisk()
			d.full(room)
			a := begin(t, path, d)
			views := history(a, 150, 11)
			failed := a.told("cannot be written") > 0
			rewritten = max(rewritten, a.told("state file: rewritten"))
			a.end()
			b := begin(t, path, nil)
			got := b.view()
			b.end()
			if failed || a.told("the latest changes") > 0 {
				if !slices.Contains(views, got) {
					t.Fatalf("with room for %d bytes the file holds what never was:\n%s", room, got)
				}
			} else if got != views[len(views)-1] {
				t.Fatalf("with room enough, %d bytes, something is lost", room)
			}
			if !failed && a.told("cannot be made shorter") == 0 {
				t.Logf("stopped at every 777th of %d bytes; rewritten %d times at most", room, rewritten)
				break
			}
		}
		if rewritten == 0 {
			t.Error("the file was never rewritten, so that this proves half of it")
		}
	})
}
