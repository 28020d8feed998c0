package catalog

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/roster-sd/roster/store"
)

// pick gives the ID of the instance chosen, "-" for none.
func (r *rig) pick(service string, choice Choice) string {
	out := r.Resolve(service, choice)
	if !out.Found {
		return "-"
	}
	return out.Item.Record().Key.ID
}

func (r *rig) picks(service string, choice Choice, n int) map[string]int {
	got := make(map[string]int)
	for range n {
		got[r.pick(service, choice)]++
	}
	return got
}

var strategies = []Strategy{RoundRobin, Random, Weighted, Recent, Hash}

func TestParseStrategy(t *testing.T) {
	for name, want := range map[string]Strategy{"": RoundRobin, "round_robin": RoundRobin, "random": Random,
		"weighted": Weighted, "recent": Recent, "hash": Hash} {
		if got, ok := ParseStrategy(name); got != want || !ok {
			t.Errorf("%q: %v, %v", name, got, ok)
		}
	}
	for _, name := range []string{"Random", "round-robin", " ", "hash "} {
		if _, ok := ParseStrategy(name); ok {
			t.Errorf("%q is taken", name)
		}
	}
}

// TestResolveTiers: whatever the strategy, those that are up and pass come first, then
// those that are up and suspect; failing ones, and those that are not up, are not chosen
// unless a status is asked for.
func TestResolveTiers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Options{})
		check := func(what, want string, filter Filter) {
			t.Helper()
			r.settle()
			for _, s := range strategies {
				for range 4 {
					out := r.Resolve("a", Choice{Strategy: s, Key: "k", Filter: filter})
					got := "-"
					if out.Found {
						got = out.Item.Record().Key.ID
					}
					if got != want || out.Live != r.Service("a").Len() || out.Revision != Pure(r.Revision()) {
						t.Fatalf("%s: strategy %d chose %s, want %s (live %d)", what, s, got, want, out.Live)
					}
				}
			}
		}
		check("no service", "-", Filter{})
		r.put("a", "starting", status(store.StatusStarting))
		r.put("a", "failing", health(store.HealthFailing))
		r.put("a", "out", status(store.StatusOutOfService))
		check("none that is up", "-", Filter{})
		r.put("a", "suspect", health(store.HealthSuspect), version("2"))
		check("a suspect, for want of better", "suspect", Filter{})
		check("a suspect that matches", "suspect", Filter{Version: "2"})
		r.put("a", "passing", version("1"))
		check("one that passes", "passing", Filter{})
		check("one that passes and is asked for as up", "passing", Filter{Status: store.StatusUp})
		check("a suspect, which alone matches", "suspect", Filter{Version: "2"})
		check("none that matches", "-", Filter{Version: "3"})
		check("by status", "starting", Filter{Status: store.StatusStarting})
		check("by another status", "out", Filter{Status: store.StatusOutOfService})
		check("by a status that none has", "-", Filter{Status: store.StatusDraining})
		r.put("a", "d1", status(store.StatusDraining), health(store.HealthSuspect))
		r.put("a", "d2", status(store.StatusDraining), health(store.HealthFailing))
		check("draining, suspect for want of better", "d1", Filter{Status: store.StatusDraining})
		r.put("a", "d3", status(store.StatusDraining))
		check("draining, passing before suspect", "d3", Filter{Status: store.StatusDraining})
		r.change("a", "passing", status(store.StatusDraining))
		check("after it began to drain", "suspect", Filter{})
		r.change("a", "passing", status(store.StatusUp))
		check("after it came back", "passing", Filter{})
		r.drop("a", "passing")
		check("after it went", "suspect", Filter{})
		r.drop("a", "suspect")
		check("after all that were up went", "-", Filter{})
		r.audit()
	})
}

func (r *rig) crowd(service string, n int, shapes ...func(i int) shape) {
	for i := range n {
		var list []shape
		for _, s := range shapes {
			list = append(list, s(i))
		}
		r.put(service, fmt.Sprintf("i%03d", i), list...)
	}
	r.settle()
}

// TestRoundRobin: in any n calls in a row each of n instances is chosen once.
func TestRoundRobin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Options{})
		r.crowd("a", 7, func(i int) shape { return version(fmt.Sprint(i % 2)) })
		for round := range 3 {
			if got := r.picks("a", Choice{}, 7); len(got) != 7 {
				t.Fatalf("round %d chose %v", round, got)
			}
		}
		if got := r.picks("a", Choice{Filter: Filter{Version: "1"}}, 3); len(got) != 3 {
			t.Fatalf("among those that match it chose %v", got)
		}
		r.drop("a", "i003")
		r.settle()
		if got := r.picks("a", Choice{}, 6*4); len(got) != 6 || got["i000"] != 4 {
			t.Fatalf("after one went it chose %v", got)
		}
		// A change of one leaves the turns of the others alone.
		first := r.pick("a", Choice{})
		r.change("a", first, weight(1))
		r.settle()
		if got := r.picks("a", Choice{}, 6); len(got) != 6 {
			t.Fatalf("after a change it chose %v", got)
		}
	})
}

// TestProportions: random gives to each the same share, weighted the share of its weight.
// The bound is that of chi-square with 9 degrees of freedom at one in a hundred million.
func TestProportions(t *testing.T) {
	const n, bound = 20_000, 59.8
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Options{})
		weights := []uint16{1, 2, 3, 5, 8, 13, 21, 34, 55, 10_000 - 142}
		r.crowd("a", 10, func(i int) shape { return weight(weights[i]) },
			func(i int) shape { return version("1") })
		r.crowd("even", 10)
		r.put("a", "drained", weight(10_000), status(store.StatusDraining))
		r.put("a", "other", weight(10_000), version("2"))
		r.drop("a", "other")
		r.settle()
		for _, tc := range []struct {
			name, service string
			choice        Choice
			share         func(i int) float64
		}{
			{"random", "a", Choice{Strategy: Random}, func(int) float64 { return 0.1 }},
			{"random with a filter", "a", Choice{Strategy: Random, Filter: Filter{Version: "1"}}, func(int) float64 { return 0.1 }},
			{"weighted, all the same", "even", Choice{Strategy: Weighted}, func(int) float64 { return 0.1 }},
			{"weighted", "a", Choice{Strategy: Weighted}, func(i int) float64 { return float64(weights[i]) / 10_000 }},
			{"weighted with a filter", "a", Choice{Strategy: Weighted, Filter: Filter{Version: "1"}}, func(i int) float64 { return float64(weights[i]) / 10_000 }},
		} {
			got := r.picks(tc.service, tc.choice, n)
			chi, sum := 0.0, 0
			for i := range 10 {
				c := got[fmt.Sprintf("i%03d", i)]
				expect := tc.share(i) * n
				chi += math.Pow(float64(c)-expect, 2) / expect
				sum += c
			}
			if sum != n || chi > bound {
				t.Errorf("%s: chi-square %.1f, %d of %d, %v", tc.name, chi, sum, n, got)
			}
		}
		// A change of weight shows at once.
		r.change("a", "i009", weight(1))
		r.settle()
		if got := r.picks("a", Choice{Strategy: Weighted}, 1_000)["i009"]; got > 60 {
			t.Errorf("chosen %d times of 1,000 with 1 of 143", got)
		}
	})
}

// TestHash: a key stays with its instance, keys spread over all, and when an instance
// goes only its own keys move; when it comes back, so do they.
func TestHash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Options{})
		r.crowd("a", 20, func(i int) shape { return version(strings.Repeat("x", i%2)) })
		const keys = 5_000
		assign := func(f Filter) (of [keys]string) {
			for k := range of {
				of[k] = r.pick("a", Choice{Strategy: Hash, Key: fmt.Sprintf("user-%d", k), Filter: f})
			}
			return of
		}
		before := assign(Filter{})
		if assign(Filter{}) != before {
			t.Fatal("a key moved though nothing changed")
		}
		// Nodes of other releases must choose the same.
		want(t, "the first keys", strings.Join(before[:8], " "), "i019 i000 i010 i011 i009 i017 i005 i013")
		counts := make(map[string]int)
		for _, id := range before {
			counts[id]++
		}
		for id, n := range counts {
			if n < 150 || n > 350 { // 250, and the standard deviation is 15.4
				t.Errorf("%s has %d of %d keys", id, n, keys)
			}
		}
		r.change("a", "i005", weight(1))
		r.settle()
		if assign(Filter{}) != before {
			t.Error("a change of weight moved keys")
		}
		r.drop("a", "i007")
		r.settle()
		for k, id := range assign(Filter{}) {
			if before[k] != "i007" && id != before[k] {
				t.Fatalf("key %d moved from %s to %s, though i007 went", k, before[k], id)
			}
			if id == "i007" {
				t.Fatalf("key %d is with one that is gone", k)
			}
		}
		r.put("a", "i007")
		r.settle()
		if assign(Filter{}) != before {
			t.Error("an instance that came back did not get its keys")
		}
		// Through a filter, too, only the keys of those that do not match move.
		for k, id := range assign(Filter{Version: "x"}) {
			if h, _ := r.Find("a", before[k]); h.Packed.Version() == "x" && id != before[k] {
				t.Fatalf("key %d moved from %s, which matches, to %s", k, before[k], id)
			}
		}
	})
}
