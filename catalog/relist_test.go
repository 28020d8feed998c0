package catalog

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/store/memory"
)

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
			if got := ch.Reason.Code; got != reasons[key.ID()] {
				t.Errorf("%s: reason %q", key.ID(), got)
			}
		}
		if h, _ := r.Find("a", "rotate"); h.Packed.Tokens() == rotated.Tokens {
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
		if n := r.feed.calls("list"); n < 20 || n > 60 {
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

		// And a store that does not answer is asked once.
		for i := range 10 {
			r.put("a", fmt.Sprint(i))
		}
		r.settle()
		release = r.feed.hold()
		for i := range 10 {
			r.drop("a", fmt.Sprint(i))
		}
		r.feed.forget()
		r.feed.compact()
		release()
		r.settle()
		r.audit()
		if n := r.feed.calls("tombstones"); n != maxQuestions+1 {
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
		if len(views) != 1 || sub.Start() != Pure(r.Revision()) {
			t.Fatalf("%d views at %v", len(views), sub.Start())
		}
		want(t, "after the change", ids(views[0]), "kept new")
		if _, ok := r.Resume(nil, Pure(old)); ok {
			t.Error("resumed from a position of another epoch")
		}
		if item, _, _ := r.Get("a", "kept"); item.LastHeartbeat != kept.RegisteredAt+5000 {
			t.Errorf("last heard of %d ms after its registration", item.LastHeartbeat-kept.RegisteredAt)
		}
		if changed, _ := r.Changed("a"); changed != Pure(r.Revision()) {
			t.Errorf("changed at %v", changed)
		}
		r.put("a", "later")
		r.settle()
		want(t, "told", take(t, sub), "+later")
	})
}
