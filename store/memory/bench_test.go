package memory

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/roster-sd/roster/store"
)

// crowd registers n instances of 1,000 services as a registry would, each with strings
// of its own, and gives their refs in random order.
func crowd(b *testing.B, s *Store, n int) []store.Ref {
	b.Helper()
	refs := make([]store.Ref, n)
	for i := range refs {
		rec, err := s.Register(b.Context(), store.Record{
			Key:   store.InstanceKey(fmt.Sprintf("service-%03d", i%1000), fmt.Sprintf("service-%03d-%08x", i%1000, i)),
			Owner: fmt.Sprintf("spiffe://example.org/service-%03d", i%1000),
			Instance: store.Instance{
				Address: fmt.Sprintf("10.%d.%d.%d", i>>16&255, i>>8&255, i&255), Port: 8080, Weight: 100,
				Status: store.StatusUp, Health: store.HealthPassing,
			},
		}, store.Grant{TTL: time.Hour})
		if err != nil {
			b.Fatal(err)
		}
		refs[i] = rec.Ref()
	}
	rand.Shuffle(n, func(i, j int) { refs[i], refs[j] = refs[j], refs[i] })
	return refs
}

func BenchmarkRenew(b *testing.B) {
	for _, n := range []int{1_000, 100_000, 1_000_000} {
		for _, size := range []int{1, 1_000} {
			b.Run(fmt.Sprintf("of%d/batch%d", n, size), func(b *testing.B) {
				s := Open(Options{})
				defer s.Close()
				refs := crowd(b, s, n)
				b.ReportAllocs()
				at, done := 0, 0
				for b.Loop() {
					out, err := s.Renew(context.Background(), refs[at:at+size])
					if err != nil || out[0].Err != nil {
						b.Fatal(err, out)
					}
					done += size
					if at += size; at+size > n {
						at = 0
					}
				}
				b.ReportMetric(float64(done)/b.Elapsed().Seconds(), "renewals/s")
			})
		}
	}
}

func BenchmarkRegister(b *testing.B) {
	s := Open(Options{})
	defer s.Close()
	b.ReportAllocs()
	in := instance("")
	i := 0
	for b.Loop() {
		in.Key.ID = fmt.Sprint(i % 100_000)
		if _, err := s.Register(context.Background(), in, store.Grant{TTL: time.Hour}); err != nil {
			b.Fatal(err)
		}
		i++
	}
}

// BenchmarkMemory fills a store with a million instances and tells what each takes, the
// event log included.
func BenchmarkMemory(b *testing.B) {
	const n = 1_000_000
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	for b.Loop() {
		before := heap()
		s := Open(Options{})
		crowd(b, s, n)
		b.ReportMetric(float64(heap()-before)/n, "B/instance")
		s.Close()
	}
}

// BenchmarkMassExpiry lets 100,000 instances end at one moment, and tells how long the
// last one waits for its announcement to reach a watcher.
func BenchmarkMassExpiry(b *testing.B) {
	const n = 100_000
	for b.Loop() {
		m := newMachine()
		s := Open(Options{Clock: m.mono, LogEvents: 2 * n})
		w, err := s.Watch(context.Background(), store.Selector{}, s.revision)
		if err != nil {
			b.Fatal(err)
		}
		crowd(b, s, n)
		for range 10 * 3600 / 4 { // to the end of the TTL, without a pause
			m.stop(400 * time.Millisecond)
			s.mu.Lock()
			s.table.Pulse()
			s.mu.Unlock()
		}
		start := time.Now()
		for gone := 0; gone < n; {
			batch, err := w.Next(context.Background())
			if err != nil {
				b.Fatal(err)
			}
			for _, e := range batch.Events {
				if e.Deleted() {
					if gone++; gone == 1 {
						start = time.Now()
					}
				}
			}
		}
		b.ReportMetric(float64(time.Since(start).Milliseconds()), "ms/last")
		s.Close()
	}
}

func BenchmarkList(b *testing.B) {
	for _, n := range []int{1_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := Open(Options{})
			defer s.Close()
			crowd(b, s, n)
			for b.Loop() {
				if snap, err := s.List(context.Background(), store.Selector{}); err != nil || len(snap.Records) != n {
					b.Fatal(err)
				}
			}
		})
	}
}
