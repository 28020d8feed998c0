package catalog

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/store"
)

// told gives how Told ended, once it has: it waits for up to 10 s of the bubble.
func (r *rig) told(service string, rev store.Revision) <-chan error {
	out := make(chan error, 1)
	go func() { // ends with its context
		ctx, cancel := context.WithTimeout(r.T.Context(), 10*time.Second)
		defer cancel()
		out <- r.Told(ctx, service, rev)
	}()
	synctest.Wait()
	return out
}

func over(c <-chan error) bool { return len(c) == 1 }

// TestTold: it ends when all who follow the service have passed on what they were given,
// and not before.
func TestTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Options{})
		r.put("a", "1")
		r.settle()
		if c := r.told("a", r.Revision()); !over(c) || <-c != nil {
			t.Error("nobody follows, and somebody is waited for")
		}
		all, _ := r.Subscribe(nil)
		one, _ := r.Subscribe([]string{"a"})
		other, _ := r.Subscribe([]string{"b"})
		poll := r.Follow([]string{"a"})
		snapshot := r.told("a", r.Revision())
		if over(snapshot) {
			t.Error("a view that was not passed on counts as told")
		}
		all.Wrote()
		one.Wrote()
		synctest.Wait()
		if !over(snapshot) || <-snapshot != nil {
			t.Error("a view that was passed on does not count as told")
		}

		rev := r.change("a", "1", weight(5)).Revision
		r.settle()
		c := r.told("a", rev)
		for i, s := range []*Subscription{all, one} {
			take(t, s)
			synctest.Wait()
			if over(c) {
				t.Fatalf("told before %d wrote", i)
			}
			s.Wrote()
			synctest.Wait()
		}
		if over(c) {
			t.Fatal("told before the one that ends has ended")
		}
		poll.Close()
		synctest.Wait()
		if !over(c) || <-c != nil {
			t.Fatal("not told though all are done")
		}

		// What comes later is not waited for, even if it never stops.
		rev = r.change("a", "1", weight(6)).Revision
		r.settle()
		c = r.told("a", rev)
		take(t, all)
		take(t, one)
		r.change("a", "1", weight(7))
		r.settle()
		all.Wrote()
		one.Wrote()
		synctest.Wait()
		if !over(c) || <-c != nil {
			t.Error("a later change holds it up")
		}
		other.Close()
	})
}

// TestToldOfSlowOnes: one that lags counts once its new view is passed on; the wait is
// bounded, and leaves nothing behind.
func TestToldOfSlowOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Options{Pending: 2})
		r.put("a", "1")
		r.settle()
		s, _ := r.Subscribe(nil)
		s.Wrote()
		var rev store.Revision
		for i := range 9 {
			rev = r.change("a", "1", weight(uint16(10+i))).Revision
			r.settle()
		}
		if _, err := s.Take(); !errors.Is(err, ErrLagged) {
			t.Fatalf("Take = %v, want lagged", err)
		}
		s.Wrote() // it has nothing in hand
		c := r.told("a", rev)
		s.Resync()
		synctest.Wait()
		if over(c) {
			t.Error("told before the view was passed on")
		}
		s.Wrote()
		synctest.Wait()
		if !over(c) || <-c != nil {
			t.Error("not told by the view")
		}

		c = r.told("a", r.change("a", "1", weight(1)).Revision)
		if over(c) {
			t.Error("told before it was taken")
		}
		r.pass(11 * time.Second)
		if !over(c) || !errors.Is(<-c, context.DeadlineExceeded) {
			t.Error("the wait has no end")
		}
		if len(s.waiting) != 0 {
			t.Errorf("%d still wait", len(s.waiting))
		}
		next := r.Revision()
		next.Number++
		if c = r.told("a", next); over(c) {
			t.Error("told of what has not happened")
		}
		r.pass(11 * time.Second)
		if !over(c) || <-c == nil {
			t.Error("the wait for the view has no end")
		}
	})
}

// TestToldInAnotherEpoch: who has yet to hear that the backend has lost its past has not
// been told of anything since.
func TestToldInAnotherEpoch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := alone(t)
		p.register("a", "1", ttl)
		s, _ := p.Subscribe(nil)
		s.Wrote()
		p.backend.Lose()
		pass(2 * time.Second)
		done := make(chan error, 1)
		go func() { done <- p.Told(t.Context(), "a", p.Revision()) }() // ends with what follows
		synctest.Wait()
		if len(done) != 0 {
			t.Error("told before the new view was passed on")
		}
		s.Resync()
		s.Wrote()
		if err := <-done; err != nil {
			t.Error(err)
		}
		s.Close()
	})
}
