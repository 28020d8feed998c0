package redis

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/roster-sd/roster/internal/redistest"
	"github.com/roster-sd/roster/store"
)

// What queues while a round trip is under way makes the next one, all of it together.
func TestRenewalsShareRoundTrips(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, redistest.Options{})
	var net wire
	f := open(t, Options{Addresses: []string{server.Addr()}, Dial: net.dial, SweepInterval: time.Hour})
	const n = 300
	refs := make([]store.Ref, n)
	for i := range refs {
		refs[i] = f.register(fmt.Sprint(i), time.Hour).Ref()
	}
	before := net.renewals.Load()
	if _, err := f.Renew(t.Context(), refs[:1]); err != nil {
		t.Fatal(err)
	}
	if trips := net.renewals.Load() - before; trips != 1 {
		t.Fatalf("one heartbeat took %d round trips", trips)
	}
	server.Pause()
	before = net.renewals.Load()
	var calls sync.WaitGroup
	start := func(i int) {
		calls.Go(func() {
			out, err := f.Renew(t.Context(), refs[i:i+1])
			if err != nil || out[0].Err != nil || out[0].TTL != time.Hour {
				t.Errorf("heartbeat %d: %v, %v", i, out, err)
			}
		})
	}
	start(0)
	f.eventually("the first is under way", func() bool { return net.renewals.Load() == before+1 })
	for i := 1; i < n; i++ {
		start(i)
	}
	f.eventually("the others wait", func() bool {
		f.renewer.mu.Lock()
		defer f.renewer.mu.Unlock()
		return len(f.renewer.queue) == n-1
	})
	server.Resume()
	calls.Wait()
	if trips := net.renewals.Load() - before; trips != 2 {
		t.Errorf("%d heartbeats took %d round trips, want 2", n, trips)
	}
}

// A call of more than one round trip's worth keeps its order, and one that is between others
// does not mix with them.
func TestRenewLargeCalls(t *testing.T) {
	t.Parallel()
	f := onShared(t)
	good, other := f.register("good", time.Hour).Ref(), f.register("other", 2*time.Hour).Ref()
	bad := store.Ref{Key: store.InstanceKey("orders", "nobody"), Lease: 7}
	refs := make([]store.Ref, 8*largeShare+300)
	for i := range refs {
		refs[i] = []store.Ref{good, other, bad}[i%1000%3]
	}
	var calls sync.WaitGroup
	for g := range 3 {
		calls.Go(func() {
			mine := refs[g : len(refs)-g*largeShare]
			out, err := f.Renew(t.Context(), mine)
			if err != nil || len(out) != len(mine) {
				t.Errorf("%d results, %v", len(out), err)
				return
			}
			for i, r := range out {
				ok := errors.Is(r.Err, store.ErrNotFound)
				if mine[i] != bad {
					ok = r.Err == nil && r.TTL == map[store.Ref]time.Duration{good: time.Hour, other: 2 * time.Hour}[mine[i]]
				}
				if !ok {
					t.Errorf("result %d: %v, %v", i, r.TTL, r.Err)
					return
				}
			}
		})
	}
	calls.Wait()
}

// A ref without a lease renews the one that the record has.
func TestRenewAnyLease(t *testing.T) {
	t.Parallel()
	f := onShared(t)
	leased, plain := f.register("leased", time.Minute), f.register("plain", 0)
	out, err := f.Renew(t.Context(), []store.Ref{{Key: plain.Key}, {Key: leased.Key}, {Key: store.InstanceKey("orders", "nobody")}})
	if err != nil {
		t.Fatal(err)
	}
	if out[0] != (store.Renewal{}) || out[1].TTL != time.Minute || out[1].Err != nil {
		t.Errorf("renewals are %+v", out)
	}
	f.wants(out[2].Err, store.ErrNotFound)
	left, err := f.TimeToLive(t.Context(), []store.Ref{{Key: plain.Key}, {Key: leased.Key}, {Key: store.InstanceKey("orders", "nobody")}})
	if err != nil || left[0] != 0 || left[1] <= 59*time.Second || left[2] >= 0 {
		t.Errorf("times to live are %v, %v", left, err)
	}
}
