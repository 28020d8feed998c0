package redis

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/roster-sd/roster/internal/redistest"
	"github.com/roster-sd/roster/store"
)

// A watcher that reads nothing for long misses nothing: what the node's memory has let go of it
// reads from Redis.
func TestSlowWatcher(t *testing.T) {
	t.Parallel()
	const n = 3*kept + 100
	f := onShared(t)
	start := f.register("start", 0)
	slow, fast := f.follow(start.Revision), f.follow(start.Revision)
	first := f.register("first", 0)
	if b := f.next(slow); b.Revision != first.Revision { // it has been with the feed once
		t.Fatalf("the watcher gives %s", tell(b.Events))
	}
	var writing sync.WaitGroup
	writing.Go(func() {
		together(n, 16, func(i int) {
			if _, err := f.Register(t.Context(), instance(fmt.Sprint(i%100)), store.Grant{}); err != nil {
				t.Error(err)
			}
		})
	})
	read := func(w store.Watcher, want uint64) (numbers []uint64) {
		for len(numbers) == 0 || numbers[len(numbers)-1] < want {
			for _, ev := range f.next(w).Events {
				numbers = append(numbers, ev.Revision.Number)
			}
		}
		return numbers
	}
	end := first.Revision.Number + n
	seen := read(fast, end)
	writing.Wait()
	late := f.follow(start.Revision) // as far back, and never with the feed
	for i, numbers := range [][]uint64{seen[1:], read(slow, end), read(late, end)[1:]} {
		if len(numbers) != n {
			t.Fatalf("watcher %d gave %d events, want %d", i, len(numbers), n)
		}
		for k, number := range numbers {
			if want := first.Revision.Number + 1 + uint64(k); number != want {
				t.Fatalf("watcher %d: event %d is at %d, want %d", i, k, number, want)
			}
		}
	}
}

// What is trimmed breaks those who miss it and nobody else.
func TestTrimmed(t *testing.T) {
	t.Parallel()
	f := open(t, Options{Addresses: []string{redistest.Shared(t).Addr()}, StreamLength: 200})
	start := f.register("start", 0)
	behind, with := f.watch(start.Revision), f.follow(start.Revision)
	var last *store.Record
	for range 100 {
		for range 100 {
			last = f.register("1", 0)
		}
		for b := f.next(with); b.Revision != last.Revision; b = f.next(with) {
			continue
		}
	}
	// The node's memory still reaches back for kept events, and then nothing does.
	f.breaks(behind, store.ErrCompacted)
	_, err := f.Watch(t.Context(), store.Selector{}, start.Revision)
	f.wants(err, store.ErrCompacted)
	next := f.register("1", 0)
	if b := f.next(with); b.Revision != next.Revision {
		t.Errorf("the watcher that kept up gives %v, want %v", b.Revision, next.Revision)
	}
	n := raw(t, f.opts.Addresses[0]).do("XLEN", f.stream()).(int64)
	if n < 200 || n > 500 {
		t.Errorf("the stream has %d entries, want at least 200 and few more", n)
	}
}

// A list of several portions, taken while others write, is of one moment: that to which the
// feed leads.
func TestLargeListIsOfOneMoment(t *testing.T) {
	t.Parallel()
	const n = 3*portion + 50
	f := onShared(t)
	together(n, 16, func(i int) { // in services of which some begin alike
		in := instance(fmt.Sprint(i))
		in.Key.Service = fmt.Sprint("orders", "-a"[:i%3])
		if _, err := f.Register(t.Context(), in, store.Grant{}); err != nil {
			t.Error(err)
		}
	})
	base := f.list()
	if len(base.Records) != n {
		t.Fatalf("%d records, want %d", len(base.Records), n)
	}
	w := f.follow(base.Revision)
	stop := make(chan struct{})
	var writers sync.WaitGroup
	for g := range 3 {
		writers.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(g), 2))
			for {
				select {
				case <-stop:
					return
				default:
				}
				in := instance(fmt.Sprint(rng.IntN(n + 100)))
				in.Key.Service = fmt.Sprint("orders", "-a"[:rng.IntN(3)])
				if rng.IntN(2) == 0 {
					_, _ = f.Deregister(t.Context(), store.Ref{Key: in.Key}, store.Reason{})
				} else if _, err := f.Register(t.Context(), in, store.Grant{}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	sels := []store.Selector{{}, {Service: "orders"}, {Kind: store.KindInstance}, {Kind: store.KindInstance, Service: "orders-"}, {ID: "7"}}
	var snaps []store.Snapshot
	for i := range 30 {
		snap, err := f.List(t.Context(), sels[i%len(sels)])
		if err != nil {
			t.Error(err)
		}
		snaps = append(snaps, snap)
	}
	close(stop)
	writers.Wait()
	state := map[store.Key]*store.Record{}
	for _, rec := range base.Records {
		state[rec.Key] = rec
	}
	at, queue := base.Revision, []store.Event(nil)
	moved := 0
	for i, snap := range snaps {
		for at.Before(snap.Revision) {
			if len(queue) == 0 {
				queue = f.next(w).Events
			}
			ev := queue[0]
			queue, at = queue[1:], ev.Revision
			if state[ev.Key()] = ev.Record; ev.Deleted() {
				delete(state, ev.Key())
			}
			moved++
		}
		want := 0
		for key := range state {
			if sels[i%len(sels)].Matches(key) {
				want++
			}
		}
		if len(snap.Records) != want {
			t.Fatalf("list %d at %v has %d records, want %d", i, snap.Revision, len(snap.Records), want)
		}
		for _, rec := range snap.Records {
			if known := state[rec.Key]; known == nil || known.Revision != rec.Revision {
				t.Fatalf("list %d at %v has %v of %v, want %+v", i, snap.Revision, rec.Key, rec.Revision, known)
			}
		}
	}
	t.Logf("%d lists among %d changes", len(snaps), moved)
}

// Stores and watchers leave nothing behind, whatever state they are closed in.
func TestNothingIsLeftBehind(t *testing.T) {
	server := redistest.Shared(t)
	before := runtime.NumGoroutine()
	for i := range 10 {
		s, err := Open(Options{Addresses: []string{server.Addr()}, Prefix: redistest.Prefix()})
		if err != nil {
			t.Fatal(err)
		}
		f := fixture{t, s}
		if i > 0 {
			rec := f.register("1", time.Minute)
			for range 20 {
				w := f.watch(rec.Revision)
				if i%2 == 0 {
					w.Close()
				}
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	fixture{T: t}.eventually("as many goroutines as before", func() bool { return runtime.NumGoroutine() <= before+2 })
}
