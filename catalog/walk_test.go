package catalog

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/store"
)

// TestWalk: a service that is too large to be walked over under the lock gives the same
// choices as a small one: the others in it are not up, or do not match.
func TestWalk(t *testing.T) {
	for _, others := range []int{0, shortWalk, 4 * shortWalk} {
		t.Run(fmt.Sprint(others), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := start(t, Options{})
				for i := range others {
					r.put("a", fmt.Sprint("x", i), status(store.StatusStarting), version("0"))
				}
				for i := range 4 {
					r.put("a", fmt.Sprint("m", i), version("1"), weight(uint16(1+i)))
					r.put("a", fmt.Sprint("s", i), version("2"), health(store.HealthSuspect))
					r.pass(10 * time.Millisecond)
				}
				for _, tc := range []struct {
					name   string
					filter Filter
					of     byte // the first letter of whom it may choose
				}{
					{"all", Filter{}, 'm'},
					{"up", Filter{Status: store.StatusUp}, 'm'},
					{"passing", Filter{Version: "1"}, 'm'},
					{"suspect", Filter{Version: "2", Status: store.StatusUp}, 's'},
				} {
					for _, s := range strategies {
						got := make(map[string]int)
						for range 40 {
							id := r.pick("a", Choice{Strategy: s, Key: "k", Filter: tc.filter})
							if got[id]++; id[0] != tc.of {
								t.Fatalf("%s: strategy %d chose %s", tc.name, s, id)
							}
						}
						last := fmt.Sprintf("%c3", tc.of)
						switch {
						case s == RoundRobin && (len(got) != 4 || got[last] != 10):
							t.Errorf("%s: in turn %v", tc.name, got)
						case s == Recent && got[last] != 40, s == Hash && len(got) != 1:
							t.Errorf("%s: strategy %d: %v", tc.name, s, got)
						}
					}
				}
				r.drop("a", "m3") // the last heard of: no strategy may look it up any more
				r.settle()
				want(t, "recent", r.pick("a", Choice{Strategy: Recent}), "m2")
				out := r.Resolve("a", Choice{Filter: Filter{Version: "9"}})
				if out.Found || out.Live != others+7 || out.Revision != Pure(r.Revision()) {
					t.Errorf("none that matches: %+v", out)
				}
				if others > 0 {
					want(t, "another status", r.pick("a", Choice{Strategy: Hash, Filter: Filter{Version: "0", Status: store.StatusStarting}})[:1], "x")
				}
			})
		})
	}
}

// TestTurns: callers with different filters that come in turn each see all that match.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Options{})
		for i := range 4 {
			r.put("a", fmt.Sprint(i), version(fmt.Sprint(i%2)))
		}
		r.settle()
		got := make(map[string]int)
		for range 100 {
			for _, v := range []string{"0", "1"} {
				got[r.pick("a", Choice{Filter: Filter{Version: v}})]++
			}
		}
		for id := range 4 {
			if got[fmt.Sprint(id)] != 50 {
				t.Errorf("chosen %v", got)
				break
			}
		}
	})
}

// TestSnapshotsAreShared: between two changes of a service all views are of one copy.
func TestSnapshotsAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Options{})
		r.put("a", "1")
		r.put("b", "1")
		r.settle()
		one := r.Service("a").tree
		_, views := r.Subscribe(nil)
		if one != r.Service("a").tree || one != views[0].tree {
			t.Error("a copy for each who asks")
		}
		r.put("b", "2")
		r.settle()
		if one != r.Service("a").tree {
			t.Error("a change of another service made a copy")
		}
		r.beat("a", "1")
		if one != r.Service("a").tree {
			t.Error("a sign of life made a copy")
		}
		r.rotate("a", "1") // the record is another, though clients see no difference
		r.settle()
		if one == r.Service("a").tree {
			t.Error("the copy is of before the last change")
		}
		r.drop("a", "1")
		r.settle()
		if n := r.Service("a").Len(); n != 0 || one.Len() != 1 {
			t.Errorf("%d now, %d then", n, one.Len())
		}
	})
}

// TestConsistentServices: the list as the store has it, whatever the catalog knows.
func TestConsistentServices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Options{})
		r.put("b", "1")
		r.settle()
		defer r.feed.hold()()
		r.put("a", "1", status(store.StatusDraining))
		r.put("b", "2", health(store.HealthSuspect))
		r.put("b", "3", health(store.HealthFailing))
		lines, rev, err := r.ConsistentServices(t.Context())
		if err != nil || rev != Pure(r.list().Revision) {
			t.Fatalf("at %v, %v", rev, err)
		}
		want(t, "the store", fmt.Sprint(lines), "[{a 1 0 false} {b 3 2 false}]")
		lines, _, _ = r.Services()
		want(t, "the catalog", fmt.Sprint(lines), "[{b 1 1 false}]")
		r.feed.breaks(errDown)
		if _, _, err := r.ConsistentServices(t.Context()); err == nil {
			t.Error("a list without a store")
		}
	})
}
