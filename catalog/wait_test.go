package catalog

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/store"
)

// TestWait: it returns when the revision was applied through the feed, not before, and
// leaves nothing behind.
func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Options{})
		first := r.put("a", "1").Revision
		r.settle()
		if err := r.Wait(within(t, time.Second), first); err != nil {
			t.Fatal(err)
		}
		release := r.feed.hold()
		second := r.put("a", "2").Revision
		third := r.put("a", "3").Revision
		var wg sync.WaitGroup
		var done [3]time.Duration
		began := time.Now()
		for i, rev := range []store.Revision{first, second, third} {
			wg.Go(func() {
				if err := r.Wait(within(t, time.Hour), rev); err != nil {
					t.Error(err)
				}
				done[i] = time.Since(began)
			})
		}
		r.pass(3 * time.Second)
		release()
		wg.Wait()
		if done != [3]time.Duration{0, 3 * time.Second, 3 * time.Second} {
			t.Errorf("waited %v", done)
		}

		for _, rev := range []store.Revision{{Epoch: third.Epoch, Number: third.Number + 1}, {Epoch: third.Epoch + 1, Number: 1}} {
			if err := r.Wait(within(t, time.Second), rev); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v: %v", rev, err)
			}
		}
		// Reached, though the context is over.
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if err := r.Wait(ended, third); err != nil {
			t.Error(err)
		}
		if len(r.waiters.list) != 0 {
			t.Errorf("%d still wait", len(r.waiters.list))
		}
	})
}

// TestWaitForTheFirst: a wait before the first list ends with it.
func TestWaitForTheFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := prepare(t, Options{})
		rec := r.put("a", "1")
		time.AfterFunc(time.Second, r.run)
		began := time.Now()
		if err := r.Wait(within(t, time.Minute), rec.Revision); err != nil || time.Since(began) != time.Second {
			t.Fatalf("after %v: %v", time.Since(began), err)
		}
		want(t, "view", ids(r.Service("a")), "1")
	})
}
