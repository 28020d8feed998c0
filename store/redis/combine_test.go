package redis

import (
	"testing"
	"time"

	"github.com/roster-sd/roster/store"
)

// Large calls have their share of each round trip, in their order, and small ones that come
// after them go with the next, all of them.
func TestLoadShares(t *testing.T) {
	call := func(n int) *renewing {
		return &renewing{refs: make([]store.Ref, n), until: time.Now().Add(time.Hour), done: make(chan struct{})}
	}
	r := &renewer{flying: true}
	large := []*renewing{call(10_000), call(smallCall + 1), call(1200)}
	r.queue = append(r.queue, large...)
	total, trips := 10_000+smallCall+1+1200, 0
	var finished []*renewing
	for i := 0; ; i++ {
		small := []*renewing{call(1), call(smallCall), call(1)}
		if i < 3 {
			r.queue = append(r.queue, small...)
			total += smallCall + 2
		}
		load, until := r.load()
		if load == nil {
			break
		}
		trips++
		bulk, got := 0, 0
		for _, s := range load {
			n := s.to - s.from
			if s.last != (s.to == len(s.call.refs)) || n == 0 {
				t.Fatalf("trip %d: %d to %d of %d", i, s.from, s.to, len(s.call.refs))
			}
			total -= n
			if len(s.call.refs) > smallCall {
				bulk += n
				if s.last {
					finished = append(finished, s.call)
				}
				continue
			}
			got++
		}
		if i < 3 && got != len(small) || bulk > largeShare || until.IsZero() {
			t.Fatalf("trip %d has %d renewals of large calls, and %d small calls", i, bulk, got)
		}
	}
	if total != 0 || r.flying || r.queue != nil || trips != (10_000+smallCall+1+1200+largeShare-1)/largeShare {
		t.Errorf("%d are left after %d trips", total, trips)
	}
	for i, c := range finished {
		if c != large[i] {
			t.Errorf("large call %d is not the one that came so", i)
		}
	}
}

// A large call whose time is over is let go with what it has left.
func TestLoadLate(t *testing.T) {
	r := &renewer{flying: true}
	late := &renewing{refs: make([]store.Ref, 10_000), until: time.Now().Add(-time.Second)}
	r.queue = []*renewing{late, {refs: make([]store.Ref, 2), until: time.Now().Add(time.Hour)}}
	load, _ := r.load()
	if len(load) != 2 || load[0].call != late || !load[0].last || late.err == nil || load[1].to != 2 || r.queue != nil {
		t.Errorf("%+v, of which the first ends with %v", load, late.err)
	}
}
