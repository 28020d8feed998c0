package catalog

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/store"
)

// TestResume: from any position that is still known the missed changes follow, once and
// in order; from any other there is no resume.
func TestResume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const kept, n = 6, 20
		r := start(t, Options{LogChanges: kept})
		at := []store.Revision{r.Revision()} // at[i]: after i changes
		for i := range n {
			service := string("ab"[i%2])
			at = append(at, r.put(service, fmt.Sprint(i+1)).Revision)
			r.settle()
			for from, rev := range at {
				for _, services := range [][]string{nil, {"a"}, {"b", "c"}} {
					s, ok := r.Resume(services, Pure(rev))
					if known := len(at)-1-from <= kept; ok != known {
						t.Fatalf("after %d changes, resume from the %dth: %v", i+1, from, ok)
					}
					if !ok {
						continue
					}
					told := ""
					for k := from + 1; k <= i+1; k++ {
						if odd := k%2 == 1; services == nil || odd == (services[0] == "a") {
							told += fmt.Sprintf(" +%d", k)
						}
					}
					if awake(s) != (told != "") || s.Start() != Pure(r.Revision()) {
						t.Fatalf("for %q: starts at %v", told, s.Start())
					}
					want(t, "told", take(t, s), strings.TrimPrefix(told, " "))
					s.Close()
				}
			}
		}
		here := r.Revision()
		for _, rev := range []store.Revision{{Epoch: here.Epoch, Number: here.Number + 1},
			{Epoch: here.Epoch + 1, Number: here.Number}, {}} {
			if s, ok := r.Resume(nil, Pure(rev)); ok || s != nil {
				t.Errorf("resumed from %v, and the catalog is at %v", rev, here)
			}
		}
		if n := r.Stats().Subscribers; n != 0 {
			t.Errorf("%d subscribers", n)
		}
	})
}

// TestResumeWholeRevision: where part of a revision has left the log, there is no resume
// from before it, and from behind it there is.
func TestResumeWholeRevision(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Options{LogChanges: 6})
		for i := range 5 {
			r.putFor("a", fmt.Sprint(i), 5*time.Second)
		}
		r.settle()
		before := r.Revision()
		r.pass(6 * time.Second) // five in one revision
		after := r.Revision()
		if after.Number != before.Number+1 {
			t.Fatalf("from %v to %v", before, after)
		}
		r.put("a", "x")
		r.put("a", "y")
		r.settle()
		if _, ok := r.Resume(nil, Pure(before)); ok {
			t.Error("resumed from before a revision of which a part is lost")
		}
		s, ok := r.Resume(nil, Pure(after))
		if !ok {
			t.Fatal("no resume from behind it")
		}
		want(t, "told", take(t, s), "+x +y")
	})
}

// TestResumeInDelivery: one that resumes between the moment in which a change is applied
// and the one in which it is delivered is told once.
func TestResumeInDelivery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Options{})
		before := r.Revision()
		r.deliver.Lock() // the delivery waits here
		rec := r.put("a", "1")
		if err := r.Wait(t.Context(), rec.Revision); err != nil {
			t.Fatal(err)
		}
		resumed, ok := r.Resume(nil, Pure(before))
		if !ok {
			t.Fatal("no resume")
		}
		subscribed, views := r.Subscribe(nil)
		if len(views) != 1 {
			t.Fatal("the view lacks what was applied")
		}
		followed := r.Follow(nil)
		r.deliver.Unlock()
		r.settle()
		want(t, "resumed", take(t, resumed), "+1")
		want(t, "subscribed", take(t, subscribed), "")
		want(t, "followed", take(t, followed), "")
		r.put("a", "2")
		r.settle()
		for _, s := range []*Subscription{resumed, subscribed, followed} {
			want(t, "then", take(t, s), "+2")
		}
	})
}

// TestPosition: it is the last revision before which everything was taken, and moves with
// changes that do not concern the subscriber.
func TestPosition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Options{Pending: 2})
		check := func(what string, s *Subscription, want store.Revision, ok bool) {
			t.Helper()
			if got, known := s.Position(); known != ok || ok && got != Pure(want) {
				t.Errorf("%s: %v, %v; want %v, %v", what, got, known, want, ok)
			}
		}
		sub, _ := r.Subscribe([]string{"a"})
		check("at the start", sub, r.Revision(), true)
		other := r.put("b", "1")
		r.settle()
		check("after a change of another", sub, other.Revision, true)
		rec := r.put("a", "1")
		r.settle()
		check("with a change that waits", sub, store.Revision{}, false)
		take(t, sub)
		check("after it was taken", sub, rec.Revision, true)
		rec = r.rotate("a", "1")
		r.settle()
		check("after an invisible one", sub, rec.Revision, true)
		for i := range 3 {
			r.put("a", fmt.Sprint(i))
			r.settle()
		}
		check("while it lags", sub, store.Revision{}, false)
		if _, err := sub.Take(); !errors.Is(err, ErrLagged) {
			t.Fatal(err)
		}
		sub.Resync()
		check("after a resync", sub, r.Revision(), true)

		// Between the moment in which a change is applied and its delivery.
		r.deliver.Lock()
		told := r.sent
		rec = r.put("a", "9")
		if err := r.Wait(t.Context(), rec.Revision); err != nil {
			t.Fatal(err)
		}
		late, _ := r.Subscribe([]string{"a"})
		r.deliver.Unlock()
		check("of one that has it in its view", late, rec.Revision, true)
		r.settle()
		if told.Revision == rec.Revision {
			t.Error("the change was delivered before its time")
		}
		check("of one that was told", sub, store.Revision{}, false)
	})
}
