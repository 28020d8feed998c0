package catalog

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/store/memory"
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

		r.put("a", "0")
		r.settle()
		take(t, sub)
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
		want(t, "in the outage", ids(r.Service("a")), "0 1 2")
		want(t, "told in the outage", take(t, sub), "")
		if tries := r.feed.calls("watch") - watches; tries < 25 || tries > 40 {
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

// TestCompacted: after a gap the view is listed again, and what differs reaches
// subscribers as one revision, with the reasons that the store remembers.
func TestCompacted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Options{})
		r.put("a", "drop")
		r.putFor("a", "expire", 5*time.Second)
		r.put("a", "change", version("1"))
		r.put("a", "stay")
		rotated := r.put("a", "rotate")
		r.settle()
		sub, _ := r.Subscribe([]string{"a"})

		release := r.feed.hold()
		r.drop("a", "drop")
		r.change("a", "change", version("2"))
		r.rotate("a", "rotate")
		r.put("a", "new")
		r.put("b", "new")
		r.put("a", "come and gone")
		r.drop("a", "come and gone")
		r.pass(6 * time.Second)
		want(t, "held back", take(t, sub), "")
		r.feed.compact()
		release()
		r.settle()

		r.audit()
		changes, err := sub.Take()
		if err != nil {
			t.Fatal(err)
		}
		want(t, "difference", sorted(tell(changes)), "+change +new -drop -expire")
		reasons := map[string]store.Code{"drop": store.Deregistered, "expire": store.Expired,
			"new": store.Registered, "change": store.Updated}
		for _, ch := range changes {
			if ch.Revision != r.Revision() {
				t.Errorf("%s at %v, and the list at %v", tell([]*Change{ch}), ch.Revision, r.Revision())
			}
			key := ch.Before
			if key == nil {
				key = ch.After
			}
			if got := ch.Reason.Code; got != reasons[key.Key.ID] {
				t.Errorf("%s: reason %q", key.Key.ID, got)
			}
		}
		if h, _ := r.Find("a", "rotate"); h.Record.Tokens == rotated.Tokens {
			t.Error("a change that clients do not see is missing")
		}
		if n := r.Stats().Resyncs; n != 1 {
			t.Errorf("%d resyncs", n)
		}
	})
}

// TestCompactedWithoutEnd: a store whose positions never last is listed at a bearable pace.
func TestCompactedWithoutEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Options{})
		r.feed.fault(nil, &store.Error{Op: "watch", Backend: "test", Kind: store.ErrCompacted})
		r.put("a", "1")
		r.pass(10 * time.Second)
		if n := r.feed.calls("list"); n < 8 || n > 30 {
			t.Errorf("%d lists in 10 s", n)
		}
		want(t, "view", ids(r.Service("a")), "1")
		r.feed.fault(nil, nil)
		r.put("a", "2")
		r.pass(2 * time.Second)
		r.audit()
	})
}

// TestManyGone: a list after which very many are missing does not ask the store for the
// reason of each.
func TestManyGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Options{})
		for i := range maxQuestions + 500 {
			r.put("a", fmt.Sprint(i))
		}
		r.settle()
		release := r.feed.hold()
		for i := range maxQuestions + 500 {
			r.drop("a", fmt.Sprint(i))
		}
		r.feed.compact()
		release()
		r.settle()
		r.audit()
		if n := r.feed.calls("tombstones"); n != maxQuestions {
			t.Errorf("%d questions", n)
		}
	})
}

// TestEpoch: in a store with another past everything is new, and subscribers are told to
// begin again.
func TestEpoch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Options{})
		kept := r.put("a", "kept")
		r.put("a", "lost")
		r.settle()
		if h, ok := r.Find("a", "kept"); ok {
			h.Heard(kept.RegisteredAt + 5000)
		}
		sub, _ := r.Subscribe(nil)
		old := r.Revision()

		r.pass(time.Second)
		other := memory.Open(memory.Options{})
		defer other.Close()
		if _, err := other.Register(t.Context(), *kept, store.Grant{TTL: long, If: store.Condition{Absent: true, Generation: 1}}); err != nil {
			t.Fatal(err)
		}
		if _, err := other.Register(t.Context(), record("a", "new"), store.Grant{TTL: long}); err != nil {
			t.Fatal(err)
		}
		r.feed.move(other)
		r.store = other
		r.pass(2 * time.Second)
		r.audit()
		if r.Revision().Epoch == old.Epoch {
			t.Fatal("the epoch is the same")
		}
		if _, err := sub.Take(); !errors.Is(err, ErrLagged) {
			t.Fatalf("Take = %v", err)
		}
		views := sub.Resync()
		if len(views) != 1 || sub.Start() != r.Revision() {
			t.Fatalf("%d views at %v", len(views), sub.Start())
		}
		want(t, "after the change", ids(views[0]), "kept new")
		if _, ok := r.Resume(nil, old); ok {
			t.Error("resumed from a position of another epoch")
		}
		if item, _, _ := r.Get("a", "kept"); item.LastHeartbeat != kept.RegisteredAt+5000 {
			t.Errorf("last heard of %d ms after its registration", item.LastHeartbeat-kept.RegisteredAt)
		}
		if changed, _ := r.Changed("a"); changed != r.Revision() {
			t.Errorf("changed at %v", changed)
		}
		r.put("a", "later")
		r.settle()
		want(t, "told", take(t, sub), "+later")
	})
}
