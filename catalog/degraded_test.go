package catalog

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/store"
)

// refuted makes an instance one that a node has looked at and could not reach.
func refuted(in *store.Instance) {
	in.Health, in.Check = store.HealthFailing, &store.Check{Type: store.CheckTCP}
	in.Verdict = &store.Verdict{Why: "connection refused", Node: "n1", Since: 1}
}

// unchecked makes an instance one whose check nobody has done yet.
func unchecked(in *store.Instance) {
	in.Health, in.Check = store.HealthFailing, &store.Check{Type: store.CheckTCP}
	in.Verdict = &store.Verdict{Why: store.NotChecked}
}

func TestPanics(t *testing.T) {
	for _, tt := range []struct {
		answered, failing, percent int
		want                       bool
	}{
		{0, 0, 80, false}, {0, 1, 80, false}, {0, 2, 80, false}, {0, 3, 80, true},
		{1, 4, 80, false}, // 80 of a hundred are not more than 80
		{1, 5, 80, true}, {2, 8, 80, false}, {2, 9, 80, true}, {0, 1000, 100, false}, {1, 3, 50, true}, {3, 3, 50, false},
	} {
		if got := panics(tt.answered, tt.failing, tt.percent); got != tt.want {
			t.Errorf("%+v: %v", tt, got)
		}
	}
}

// TestDegraded: while nearly all that are up fail, all of them are answered, by every strategy,
// with and without a filter, from the view, from a large view, and from the store; before and
// after, none that fails is. One that nobody has looked at is never answered.
func TestDegraded(t *testing.T) {
	for _, n := range []int{5, 400} { // fewer and more than are walked over under the lock
		synctest.Test(t, func(t *testing.T) {
			r := start(t, Options{})
			r.crowd("a", n, func(int) shape { return version("1") })
			r.put("a", "new", unchecked, version("1"))
			r.put("a", "gone", refuted, status(store.StatusDraining))
			check := func(what string, degraded bool, up int, may func(id string) bool) {
				t.Helper()
				r.settle()
				for _, s := range strategies {
					for _, f := range []Filter{{}, {Version: "1"}, {Status: store.StatusUp}} {
						for k := range 30 {
							choice := Choice{Strategy: s, Key: fmt.Sprint("key", k), Filter: f}
							x, err := r.Consistent(t.Context(), "a")
							if k > 0 {
								x = nil // once is enough, and costs a read of the store
							} else if err != nil {
								t.Fatal(err)
							}
							for _, out := range []Resolved{r.Resolve("a", choice), resolveIf(x, choice)} {
								if out.Found != (out.Live > 0) || out.Degraded != (degraded && out.Live > 0) {
									t.Fatalf("%s: strategy %d, filter %+v: %+v", what, s, f, out)
								}
								if id := out.id(); out.Found && (!may(id) || id == "new" || id == "gone") {
									t.Fatalf("%s: strategy %d, filter %+v chose %s", what, s, f, id)
								}
							}
						}
					}
				}
				lines, _, _ := r.Services()
				same, _, err := r.ConsistentServices(t.Context())
				if err != nil || lines[0].Up != up || lines[0] != same[0] || lines[0].Degraded != degraded {
					t.Fatalf("%s: %+v and %+v up, want %d; %v", what, lines, same, up, err)
				}
				if got := r.Stats().Degraded; got != change(false, degraded) {
					t.Fatalf("%s: %d services are degraded", what, got)
				}
				r.audit()
			}
			check("all pass", false, n, func(string) bool { return true })
			fail := n * 4 / 5
			for i := range fail {
				r.change("a", fmt.Sprintf("i%03d", i), refuted)
			}
			check("as many fail as may", false, n-fail, func(id string) bool { return id >= fmt.Sprintf("i%03d", fail) })
			r.change("a", fmt.Sprintf("i%03d", fail), refuted)
			check("one more fails", true, n, func(string) bool { return true })
			if got := r.picks("a", Choice{}, n); len(got) != n {
				t.Errorf("round robin in a degraded service chose %d of %d", len(got), n)
			}
			if got := r.picks("a", Choice{Strategy: Weighted}, 100*n); len(got) != n {
				t.Errorf("by weight in a degraded service %d of %d were chosen", len(got), n)
			}
			r.change("a", "i000", health(store.HealthPassing))
			check("one has come back", false, n-fail, func(id string) bool { return id == "i000" || id > fmt.Sprintf("i%03d", fail) })
		})
	}
}

// TestNeverDegraded: a share of all means never.
func TestNeverDegraded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Options{Panic: 100})
		r.crowd("a", 10, func(int) shape { return refuted })
		if out := r.Resolve("a", Choice{}); out.Found || out.Degraded || out.Live != 10 {
			t.Errorf("%+v", out)
		}
	})
}

// TestDegradedRecent: the one last heard of is chosen, whichever pool it stands in.
func TestDegradedRecent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Options{})
		r.crowd("a", 6, func(i int) shape {
			if i == 0 {
				return health(store.HealthPassing)
			}
			return refuted
		})
		for _, id := range []string{"i003", "i000", "i005"} {
			r.pass(time.Second)
			r.beat("a", id)
			if got := r.pick("a", Choice{Strategy: Recent}); got != id {
				t.Errorf("chose %s, %s was heard of last", got, id)
			}
		}
	})
}

func resolveIf(x *Consistent, choice Choice) Resolved {
	if x == nil {
		return Resolved{}
	}
	return x.Resolve(choice)
}

func (out Resolved) id() string {
	if !out.Found {
		return ""
	}
	return out.Item.Record().Key.ID
}
