package client

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// An instance that refused is passed over for a time, if there are others.
func TestAvoid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, s := range []strategy{roundRobin, random, weighted, hash} {
			r := &route{Resolver: viewed(s, 3)}
			chosen := func(tried map[string]bool) map[string]int {
				seen := map[string]int{}
				for i := range 300 {
					e, err := r.choose(fmt.Sprint("key", i), tried)
					if err != nil {
						t.Fatal(err)
					}
					seen[e.Address]++
				}
				return seen
			}
			if got := chosen(nil); len(got) != 3 {
				t.Errorf("strategy %d, at first: %v", s, got)
			}
			r.avoid("10.0.0.1:1")
			if got := chosen(nil); len(got) != 2 || got["10.0.0.1:1"] != 0 {
				t.Errorf("strategy %d, one is avoided: %v", s, got)
			}
			if got := chosen(map[string]bool{"10.0.0.1:2": true}); len(got) != 1 || got["10.0.0.1:3"] == 0 {
				t.Errorf("strategy %d, one is avoided, one was tried: %v", s, got)
			}
			r.avoid("10.0.0.1:2")
			r.avoid("10.0.0.1:3")
			if got := chosen(nil); len(got) < 1 {
				t.Errorf("strategy %d, all are avoided: %v", s, got)
			}
			time.Sleep(avoidFor)
			if got := chosen(nil); len(got) != 3 || r.avoiding.Load() != 0 {
				t.Errorf("strategy %d, later: %v, %d", s, got, r.avoiding.Load())
			}
			all := map[string]bool{"10.0.0.1:1": true, "10.0.0.1:2": true, "10.0.0.1:3": true}
			_, err := r.choose("", all)
			ends(t, err, ErrNoInstance)
		}
	})
}
