package lease

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"
)

var sizes = []int{1_000, 100_000, 1_000_000}

// filled gives a table of n leases whose IDs stand in random order.
func filled(n int, opts Options) (*Table, []ID) {
	tab := NewTable(opts)
	ids := make([]ID, n)
	for i := range ids {
		ids[i] = tab.Grant(30*time.Second + time.Duration(i))
	}
	rand.Shuffle(n, func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	return tab, ids
}

func BenchmarkRenew(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			tab, ids := filled(n, Options{})
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				if _, ok := tab.Renew(ids[i]); !ok {
					b.Fatal("a live lease is over")
				}
				if i++; i == n {
					i = 0
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "renewals/s")
		})
	}
}

func BenchmarkGrant(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			tab, ids := filled(n, Options{})
			b.ReportAllocs()
			i := 0
			for b.Loop() { // each grant takes the place of one revoked, at any place of the heap
				tab.Revoke(ids[i])
				ids[i] = tab.Grant(30 * time.Second)
				if i++; i == n {
					i = 0
				}
			}
		})
	}
}

// BenchmarkDue is the work of a second in the life of leases of 30 s that are renewed
// every 10 s, apart from the renewals: entries that come up and move.
func BenchmarkDue(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprintf("renewed/%d", n), func(b *testing.B) {
			var c clocks
			tab, ids := filled(n, Options{Clock: func() time.Duration { return c.mono }})
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				if wait, _ := tab.Next(); wait > 0 {
					b.StopTimer()
					for range 100 {
						c.mono += 100 * time.Millisecond
						tab.Pulse()
					}
					for _, id := range ids {
						tab.Renew(id)
					}
					b.StartTimer()
				}
				tab.Due(1, nil)
				i++
			}
		})
		b.Run(fmt.Sprintf("expired/%d", n), func(b *testing.B) {
			var c clocks
			var tab *Table
			into := make([]Expiry, 0, 512)
			for b.Loop() {
				if tab == nil || tab.Len() == 0 {
					b.StopTimer()
					tab, _ = filled(n, Options{Clock: func() time.Duration { return c.mono }})
					for range 100 {
						c.mono += 400 * time.Millisecond
						tab.Pulse()
					}
					b.StartTimer()
				}
				into = tab.Due(1, into[:0])
			}
		})
	}
}

// TestMemoryOfALease keeps a million leases within what a table of them may take.
func TestMemoryOfALease(t *testing.T) {
	const n = 1_000_000
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	tab, _ := filled(n, Options{})
	each := float64(heap()-before) / n
	if each > 48 {
		t.Errorf("%.1f bytes a lease, want 48 at most", each)
	}
	t.Logf("%.1f bytes a lease", each)
	runtime.KeepAlive(tab)
}
