package catalog

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/store"
)

var errDown = &store.Error{Op: "test", Backend: "test", Kind: store.ErrUnavailable}

func (r *rig) audit() {
	r.Helper()
	if err := audit(r.Catalog, r.list()); err != nil {
		r.Fatal(err)
	}
	if got, want := r.Revision(), r.list().Revision; got != want {
		r.Fatalf("the catalog is at %v, the store at %v", got, want)
	}
}

func TestFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := prepare(t, Options{})
		r.put("a", "1")
		r.put("a", "2", status(store.StatusDraining))
		r.putFor("b", "1", 10*time.Second)
		if r.IsWarm() || !r.Revision().IsZero() || r.Service("a").Len() != 0 {
			t.Fatal("the catalog knows something before it ran")
		}
		r.run()
		r.settle()
		select {
		case <-r.Warm():
		default:
			t.Fatal("not warm after the list")
		}
		r.audit()
		want(t, "listed", ids(r.Service("a")), "1 2")

		r.put("a", "3")
		r.change("a", "2", status(store.StatusUp))
		r.drop("a", "1")
		r.put("c", "1")
		r.settle()
		r.audit()
		want(t, "followed", ids(r.Service("a")), "2 3")
		if r.feed.calls("list") != 1 || r.feed.calls("watch") != 1 {
			t.Fatalf("%d lists, %d watches", r.feed.calls("list"), r.feed.calls("watch"))
		}

		r.pass(11 * time.Second)
		r.audit()
		if _, _, ok := r.Get("b", "1"); ok {
			t.Fatal("what expired is shown")
		}
		got := r.Stats()
		if want := (Stats{Services: 2, Instances: 3, Events: 5, Expired: 1}); got != want {
			t.Fatalf("stats %+v, want %+v", got, want)
		}
	})
}

func TestRunEnds(t *testing.T) {
	t.Run("with its context", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			if err := start(t, Options{}).stop(); !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
		})
	})
	t.Run("between two attempts", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := start(t, Options{})
			r.feed.breaks(errDown)
			r.pass(time.Minute)
			if err := r.stop(); !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
		})
	})
	t.Run("with the store", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := start(t, Options{})
			r.put("a", "1")
			r.settle()
			r.store.Close()
			synctest.Wait()
			if err := r.stop(); !errors.Is(err, store.ErrClosed) {
				t.Fatal(err)
			}
			want(t, "after the end", ids(r.Service("a")), "1")
		})
	})
	t.Run("with the store, while listing again", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := start(t, Options{})
			closed := &store.Error{Op: "list", Backend: "test", Kind: store.ErrClosed}
			r.feed.fault(closed, &store.Error{Op: "watch", Backend: "test", Kind: store.ErrCompacted})
			synctest.Wait()
			if err := r.stop(); !errors.Is(err, store.ErrClosed) {
				t.Fatal(err)
			}
		})
	})
}

// TestOutage: an outage takes nothing away, shows at once and with its age, and is made
// good for from where it began.
func TestOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Options{})
		r.put("a", "1")
		r.put("a", "2")
		r.settle()
		sub, _ := r.Subscribe(nil)
		if _, stale := r.Stale(); stale {
			t.Fatal("stale while the feed is whole")
		}
		r.pass(time.Hour) // a quiet feed is a healthy one
		if _, stale := r.Stale(); stale {
			t.Fatal("stale while the feed is quiet")
		}

		watches := r.feed.calls("watch")
		r.feed.breaks(errDown)
		synctest.Wait()
		if age, stale := r.Stale(); !stale || age != 0 {
			t.Fatalf("just broken: %v, %v", age, stale)
		}
		r.drop("a", "1")
		r.put("a", "3")
		r.pass(30 * time.Second)
		if age, stale := r.Stale(); !stale || age != 30*time.Second {
			t.Fatalf("after 30 s: %v, %v", age, stale)
		}
		want(t, "in the outage", ids(r.Service("a")), "1 2")
		want(t, "told in the outage", take(t, sub), "")
		if tries := r.feed.calls("watch") - watches; tries < 50 || tries > 80 {
			t.Errorf("%d attempts in 30 s", tries)
		}

		r.feed.breaks(nil)
		r.pass(2 * time.Second)
		if age, stale := r.Stale(); stale {
			t.Fatalf("stale for %v after the outage", age)
		}
		r.audit()
		want(t, "told after the outage", take(t, sub), "-1 +3")
		if n := r.Stats().Resyncs; n != 0 {
			t.Errorf("%d resyncs, though the position was known", n)
		}

		// A short one, and nothing happens in it: it is over as soon as the store is back,
		// though the waits had become long in the one before.
		r.feed.breaks(errDown)
		synctest.Wait()
		r.feed.breaks(nil)
		r.pass(firstRetry * 3 / 2)
		if age, stale := r.Stale(); stale {
			t.Fatalf("stale for %v after a short outage", age)
		}
	})
}

// TestColdOutage: a node that starts while the store is away is not warm, and its age
// counts from its own start.
func TestColdOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := prepare(t, Options{})
		r.put("a", "1")
		r.feed.breaks(errDown)
		r.run()
		r.pass(10 * time.Second)
		if age, stale := r.Stale(); !stale || age != 10*time.Second || r.IsWarm() {
			t.Fatalf("stale %v for %v, warm %v", stale, age, r.IsWarm())
		}
		r.feed.breaks(nil)
		r.pass(2 * time.Second)
		if _, stale := r.Stale(); stale || !r.IsWarm() {
			t.Fatalf("stale %v, warm %v", stale, r.IsWarm())
		}
		r.audit()
	})
}
