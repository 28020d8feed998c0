package etcd

import (
	"testing"

	"github.com/roster-sd/roster/store"
)

// Renewals of large calls have their share of what is under way, and small ones that come after
// them go first. What a stream did not answer goes back to where it came from.
func TestLargeCallsShare(t *testing.T) {
	r := newRenewer(&Store{opts: Options{CallTimeout: 1 << 40}})
	next := 0
	submit := func(n int) {
		of := make([]renewable, n)
		for i := range of {
			next++
			of[i] = renewable{i, store.LeaseID(next)}
		}
		r.submit(of)
	}
	submit(10_000)
	submit(smallCall)
	submit(1)
	l := &lane{r: r, cancel: func() {}}
	r.lane = l
	count := func(list []*ask) (small, large int) {
		for _, a := range list {
			if a.large {
				large++
			} else {
				small++
			}
		}
		return small, large
	}
	take := func(small, large int) {
		t.Helper()
		_, some, _ := r.take()
		if s, b := count(some); s != small || b != large {
			t.Errorf("sent are %d renewals of small calls and %d of large ones, want %d and %d", s, b, small, large)
		}
	}
	take(smallCall+1, largeShare)
	if l.order[0].lease != 10_001 || l.order[smallCall+1].lease != 1 {
		t.Error("the small calls do not go first")
	}
	take(0, 0)
	submit(3)
	take(3, 0)

	// The stream breaks: nothing is lost, and the order is what it was.
	r.broke(l, errBroken)
	if small, large := len(r.queue), len(r.large); small != smallCall+4 || large != 10_000 || r.large[0].lease != 1 || r.large[largeShare].lease != largeShare+1 {
		t.Errorf("%d renewals of small calls and %d of large ones are left", small, large)
	}
	l = &lane{r: r, cancel: func() {}}
	r.lane = l
	take(smallCall+4, largeShare)
	if l.large != largeShare || len(r.queue) != 0 || len(r.large) != 10_000-largeShare {
		t.Errorf("%d of large calls are under way", l.large)
	}
}
