package redis

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/roster-sd/roster/internal/redistest"
	"github.com/roster-sd/roster/store"
)

// together runs f for 0..n-1, some at a time.
func together(n, some int, f func(i int)) {
	var done sync.WaitGroup
	for g := range some {
		done.Go(func() {
			for i := g; i < n; i += some {
				f(i)
			}
		})
	}
	done.Wait()
}

// However many nodes sweep, each death is told once.
func TestSweepByManyNodes(t *testing.T) {
	t.Parallel()
	const n = 1500
	f := onShared(t)
	nodes := []fixture{f, f.node(), f.node()}
	w := f.follow(f.list().Revision)
	together(n, 8, func(i int) {
		if _, err := nodes[i%3].Register(t.Context(), instance(fmt.Sprint(i)), store.Grant{TTL: 2 * time.Second}); err != nil {
			t.Error(err)
		}
	})
	died := map[string]int{}
	for len(died) < n {
		for _, ev := range f.next(w).Events {
			if ev.Deleted() {
				died[ev.Key().ID]++
			}
		}
	}
	end := f.register("end", 0)
	for last := (store.Revision{}); last != end.Revision; {
		b := f.next(w)
		for _, ev := range b.Events {
			if ev.Deleted() {
				died[ev.Key().ID]++
			}
		}
		last = b.Revision
	}
	for id, times := range died {
		if times != 1 {
			t.Errorf("%s left %d times", id, times)
		}
	}
}

// Of many instances that live, some die at once: the others stay, and the dead are seen to
// leave soon.
func TestLateness(t *testing.T) {
	late := lateness(t, 4000, 200, 3*time.Second)
	t.Logf("200 of 4,000 died at once: seen p50 %v, p99 %v, max %v after the deadline", late[100], late[198], late[199])
	if late[198] > prompt {
		t.Errorf("p99 is %v", late[198])
	}
}

// The goal is 250 ms for 1,000 of 100,000.
func BenchmarkLateness(b *testing.B) {
	for b.Loop() {
		late := lateness(b, 100_000, 1000, 30*time.Second)
		b.ReportMetric(float64(late[500].Milliseconds()), "p50-ms")
		b.ReportMetric(float64(late[990].Milliseconds()), "p99-ms")
		b.ReportMetric(float64(late[999].Milliseconds()), "max-ms")
	}
}

// lateness keeps n instances alive by batches of renewals until some of them stop, all at
// once, and gives how long after their deadline a watcher saw them leave, sorted.
func lateness(tb testing.TB, n, dying int, ttl time.Duration) []time.Duration {
	tb.Helper()
	server := redistest.Start(tb, redistest.Options{})
	s, err := Open(Options{Addresses: []string{server.Addr()}})
	if err != nil {
		tb.Fatal(err)
	}
	defer s.Close()
	refs := make([]store.Ref, n)
	together(n, 16, func(i int) {
		rec, err := s.Register(tb.Context(), instance(fmt.Sprint(i)), store.Grant{TTL: ttl})
		if err != nil {
			tb.Error(err)
			return
		}
		refs[i] = rec.Ref()
	})
	if tb.Failed() {
		tb.FailNow()
	}
	snap, err := s.List(tb.Context(), store.Selector{})
	if err == nil && len(snap.Records) < n {
		tb.Skipf("the machine is too busy to tell: %d of %d ran out while the rest were registered", n-len(snap.Records), n)
	}
	if err != nil || len(snap.Records) != n {
		tb.Fatalf("%d records, %v", len(snap.Records), err)
	}
	w, err := s.Watch(tb.Context(), store.Selector{}, snap.Revision)
	if err != nil {
		tb.Fatal(err)
	}
	defer w.Close()
	var busy atomic.Bool
	renew := func(refs []store.Ref) {
		for part := range slices.Chunk(refs, 1000) {
			out, err := s.Renew(tb.Context(), part)
			if err != nil || slices.ContainsFunc(out, func(r store.Renewal) bool { return r.Err != nil }) {
				busy.Store(true) // they come three times as often as they must
			}
		}
	}
	renew(refs[dying:])
	renew(refs[:dying])
	deadline := time.Now().Add(ttl) // of the last of them; the others' is some milliseconds before

	stop := make(chan struct{})
	var alive sync.WaitGroup
	defer alive.Wait()
	defer close(stop)
	alive.Go(func() { // the living send heartbeats, spread over a third of the TTL
		chunk := max(1, (n-dying)/100)
		tick := time.NewTicker(ttl / 300)
		defer tick.Stop()
		for at := 0; ; at = (at + chunk) % (n - dying) {
			select {
			case <-stop:
				return
			case <-tick.C:
				renew(refs[dying+at : min(dying+at+chunk, n)])
			}
		}
	})
	var late []time.Duration
	for len(late) < dying {
		ctx, cancel := context.WithTimeout(tb.Context(), ttl+20*time.Second)
		b, err := w.Next(ctx)
		cancel()
		if err != nil {
			tb.Fatal(err)
		}
		for _, ev := range b.Events {
			if ev.Deleted() {
				late = append(late, time.Since(deadline))
			}
		}
	}
	if busy.Load() {
		tb.Skip("the machine is too busy to tell: heartbeats came too late")
	}
	if got, err := s.List(tb.Context(), store.Selector{}); err != nil || len(got.Records) != n-dying {
		tb.Errorf("%d records are left of %d, %v", len(got.Records), n-dying, err)
	}
	slices.Sort(late)
	return late
}
