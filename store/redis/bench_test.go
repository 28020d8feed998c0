package redis

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/roster-sd/roster/internal/redistest"
	"github.com/roster-sd/roster/store"
)

func benchStore(b *testing.B) *Store {
	b.Helper()
	s, err := Open(Options{Addresses: []string{redistest.Shared(b).Addr()}, Prefix: redistest.Prefix()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	return s
}

func benchRefs(b *testing.B, s *Store, n int) []store.Ref {
	b.Helper()
	refs := make([]store.Ref, n)
	for i := range refs {
		rec, err := s.Register(b.Context(), instance(fmt.Sprint(i)), store.Grant{TTL: time.Hour})
		if err != nil {
			b.Fatal(err)
		}
		refs[i] = rec.Ref()
	}
	return refs
}

func mustRenew(b *testing.B, s *Store, refs []store.Ref) {
	out, err := s.Renew(context.Background(), refs)
	if err != nil || out[0].Err != nil {
		b.Error(err, out)
	}
}

// One heartbeat after the other.
func BenchmarkRenewSingle(b *testing.B) {
	s := benchStore(b)
	refs := benchRefs(b, s, 1)
	b.ReportAllocs()
	for b.Loop() {
		mustRenew(b, s, refs)
	}
}

// Heartbeats of many clients, which share round trips.
func BenchmarkRenewParallel(b *testing.B) {
	s := benchStore(b)
	refs := benchRefs(b, s, 1000)
	var next atomic.Int64
	b.SetParallelism(64)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			i := int(next.Add(1)) % len(refs)
			mustRenew(b, s, refs[i:i+1])
		}
	})
}

// A batch of a thousand; the figure is for one of them.
func BenchmarkRenewBatch(b *testing.B) {
	s := benchStore(b)
	refs := benchRefs(b, s, 1000)
	b.ReportAllocs()
	for b.Loop() {
		mustRenew(b, s, refs)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(refs)), "ns/renewal")
}

func BenchmarkRegister(b *testing.B) {
	s := benchStore(b)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if _, err := s.Register(b.Context(), instance(fmt.Sprint(i%10_000)), store.Grant{TTL: time.Hour}); err != nil {
			b.Fatal(err)
		}
		i++
	}
}

func BenchmarkRegisterParallel(b *testing.B) {
	s := benchStore(b)
	var next atomic.Int64
	b.SetParallelism(16)
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			if _, err := s.Register(b.Context(), instance(fmt.Sprint(next.Add(1)%10_000)), store.Grant{TTL: time.Hour}); err != nil {
				b.Error(err)
			}
		}
	})
}

// What Redis takes for one plain write of the same size, to compare Register with.
func BenchmarkRawHSet(b *testing.B) {
	c := redistest.Shared(b).Client()
	defer c.Close()
	in := instance("0")
	text, err := encode(&stored{rec: &in})
	if err != nil {
		b.Fatal(err)
	}
	key := "{" + redistest.Prefix() + "}:"
	b.Run("single", func(b *testing.B) {
		for b.Loop() {
			if err := c.HSet(b.Context(), key, "v", text).Err(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("parallel", func(b *testing.B) {
		b.SetParallelism(16)
		b.RunParallel(func(p *testing.PB) {
			for p.Next() {
				if err := c.HSet(b.Context(), key, "v", text).Err(); err != nil {
					b.Error(err)
				}
			}
		})
	})
}

func BenchmarkGet(b *testing.B) {
	s := benchStore(b)
	key := benchRefs(b, s, 1)[0].Key
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Get(b.Context(), key); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkList10000(b *testing.B) {
	s := benchStore(b)
	benchRefs(b, s, 10_000)
	b.ReportAllocs()
	for b.Loop() {
		snap, err := s.List(b.Context(), store.Selector{})
		if err != nil || len(snap.Records) != 10_000 {
			b.Fatal(len(snap.Records), err)
		}
	}
}

// The time from the answer to a write until a watcher of another node has its event.
func BenchmarkWatchLag(b *testing.B) {
	s := benchStore(b)
	other, err := Open(s.opts)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { other.Close() })
	rec, err := s.Register(b.Context(), instance("0"), store.Grant{})
	if err != nil {
		b.Fatal(err)
	}
	w, err := other.Watch(b.Context(), store.Selector{}, rec.Revision)
	if err != nil {
		b.Fatal(err)
	}
	defer w.Close()
	var lags []time.Duration
	for b.Loop() {
		if _, err := s.Register(b.Context(), instance("0"), store.Grant{}); err != nil {
			b.Fatal(err)
		}
		wrote := time.Now()
		if _, err := w.Next(b.Context()); err != nil {
			b.Fatal(err)
		}
		lags = append(lags, time.Since(wrote))
	}
	slices.Sort(lags)
	b.ReportMetric(float64(lags[len(lags)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(lags[len(lags)*99/100].Microseconds()), "p99-µs")
}
