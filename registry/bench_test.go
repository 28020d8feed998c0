package registry

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/roster-sd/roster/auth"
	"github.com/roster-sd/roster/catalog"
	"github.com/roster-sd/roster/lease"
	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/store/memory"
)

var sizes = []int{1, 100_000}

// crowd gives a running registry with n instances of 1,000 services at most, and their
// beats in random order.
func crowd(b *testing.B, n int) (*Registry, []Beat) {
	b.Helper()
	st := memory.Open(memory.Options{})
	r := New(Options{
		Store:      st,
		Catalog:    catalog.New(catalog.Options{Store: st, Encode: encode}),
		Leases:     lease.DefaultPolicy,
		Authorizer: new(auth.Authorizer),
		Tokens:     TokenPolicy{TTL: time.Hour},
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	beats := make([]Beat, n)
	var last *store.Record
	for i := range beats {
		token, digest, err := auth.NewToken()
		if err != nil {
			b.Fatal(err)
		}
		service := fmt.Sprintf("service-%03d", i%1000)
		id := fmt.Sprintf("%s-%08x", service, i)
		rec := store.Record{Key: store.InstanceKey(service, id), Owner: "orders",
			Tokens: store.Tokens{Used: digest, UsedExpires: int64(store.At(time.Now().Add(time.Hour)))}}
		rec.Instance = registration(service, id).Instance
		rec.Instance.Health = store.HealthPassing
		if last, err = st.Register(ctx, rec, store.Grant{TTL: time.Hour}); err != nil {
			b.Fatal(err)
		}
		beats[i] = Beat{service, id, token}
	}
	go func() { done <- r.Catalog().Run(ctx) }()
	if err := r.Catalog().Wait(ctx, last.Revision); err != nil {
		b.Fatal(err)
	}
	rand.Shuffle(n, func(i, j int) { beats[i], beats[j] = beats[j], beats[i] })
	b.Cleanup(func() {
		cancel()
		<-done
		st.Close()
	})
	return r, beats
}

func BenchmarkHeartbeat(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			r, beats := crowd(b, n)
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				if _, err := r.Heartbeat(context.Background(), orders, beats[i]); err != nil {
					b.Fatal(err)
				}
				if i++; i == n {
					i = 0
				}
			}
		})
	}
}

// BenchmarkHeartbeats is one batch of 1,000; where there are fewer instances they repeat.
func BenchmarkHeartbeats(b *testing.B) {
	const size = 1_000
	for _, n := range append(sizes, 1_000_000) {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			r, beats := crowd(b, n)
			for len(beats) < size {
				beats = append(beats, beats[0])
			}
			b.ReportAllocs()
			at := 0
			for b.Loop() {
				for _, out := range r.Heartbeats(context.Background(), orders, beats[at:at+size]) {
					if out.Err != nil {
						b.Fatal(out.Err)
					}
				}
				if at += size; at+size > len(beats) {
					at = 0
				}
			}
			b.ReportMetric(float64(size*b.N)/b.Elapsed().Seconds(), "renewals/s")
		})
	}
}

// BenchmarkRegister is a replacement, the wait for this node's own catalog included.
func BenchmarkRegister(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			r, beats := crowd(b, n)
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				if _, err := r.Register(context.Background(), orders, registration(beats[i].Service, beats[i].ID)); err != nil {
					b.Fatal(err)
				}
				if i++; i == n {
					i = 0
				}
			}
		})
	}
}

func BenchmarkResolve(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			r, beats := crowd(b, n)
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				if _, err := r.Resolve(context.Background(), orders, beats[i].Service, catalog.Choice{}, false); err != nil {
					b.Fatal(err)
				}
				if i++; i == n {
					i = 0
				}
			}
		})
	}
}
