package catalog

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/store"
)

// remove takes an instance away as a check does.
func (r *rig) remove(service, id string, code store.Code) {
	r.Helper()
	if _, err := r.store.Deregister(r.Context(), store.Ref{Key: store.InstanceKey(service, id)}, store.Reason{Code: code}); err != nil {
		r.Fatal(err)
	}
}

// TestNearlyAllFail: those that were removed as unreachable count for a while, each once, until they
// come back; a resolve does not count them.
func TestNearlyAllFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Options{})
		is := func(want bool, when string) {
			t.Helper()
			r.settle()
			if got := r.NearlyAllFail("a"); got != want {
				t.Errorf("%s: %v", when, got)
			}
		}
		is(false, "without a service")
		r.crowd("a", 10, func(i int) shape {
			if i < 8 {
				return refuted
			}
			return health(store.HealthPassing)
		})
		is(false, "eight of ten fail")
		for i := range 8 {
			r.remove("a", fmt.Sprintf("i%03d", i), store.Unreachable)
		}
		is(false, "eight of ten were removed")
		r.change("a", "i008", refuted)
		is(true, "eight were removed, and another fails")
		if out := r.Resolve("a", Choice{}); !out.Found || out.Degraded || out.id() != "i009" {
			t.Errorf("resolved %+v", out)
		}
		r.put("a", "i000", unchecked)
		is(true, "one of them came back, and nobody has looked at it")
		r.change("a", "i000", health(store.HealthPassing))
		is(false, "it passes")
		r.change("a", "i000", refuted)
		r.remove("a", "i000", store.Unreachable)
		is(true, "it was removed again")
		for i := range 5 {
			leaves, drained := fmt.Sprint("leaves", i), fmt.Sprint("drained", i)
			r.put("a", leaves, refuted)
			r.remove("a", leaves, store.Deregistered)
			r.put("a", drained, refuted, status(store.StatusDraining))
			r.remove("a", drained, store.Unreachable)
		}
		is(true, "nine of ten")
		r.put("a", "j1")
		is(true, "nine of eleven")
		r.put("a", "j2")
		is(false, "nine of twelve: those that left by themselves, or were drained, are none of them")
		r.pass(RememberRemoved)
		is(false, "after a while")
		if s := r.services["a"]; s.removed != nil {
			t.Errorf("still remembered: %+v", s.removed)
		}
	})
}

// TestRemovedAreBounded: of a service that loses ever more, so many are remembered.
func TestRemovedAreBounded(t *testing.T) {
	var x removed
	for i := range 3 * mostRemoved {
		x.left(fmt.Sprint(i%(2*mostRemoved)), time.Duration(i))
		if i%3 == 0 {
			x.back(fmt.Sprint(i % (2 * mostRemoved)))
		}
	}
	if n := x.count(3 * mostRemoved); n > mostRemoved || len(x.line) > mostRemoved || len(x.at) != n {
		t.Errorf("%d, of a line of %d", n, len(x.line))
	}
	if n := x.count(RememberRemoved + 3*mostRemoved); n != 0 || x.line != nil || len(x.at) != 0 {
		t.Errorf("%d, of a line of %d", n, len(x.line))
	}
}
