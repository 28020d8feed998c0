package share

import (
	"fmt"
	"math"
	"testing"

	"github.com/roster-sd/roster/store"
)

func names(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("registry-%d.example.org", i)
	}
	return out
}

// keys are such as one service has: they differ in a few digits.
func keys(n int) []store.Key {
	out := make([]store.Key, n)
	for i := range out {
		out[i] = store.InstanceKey("orders", fmt.Sprintf("orders-%d", i))
	}
	return out
}

// TestOwnerIsFair: every node gets about as much as any other.
func TestOwnerIsFair(t *testing.T) {
	const instances = 20_000
	for _, n := range []int{1, 2, 3, 5, 16} {
		c, got := circleOf(names(n)), map[string]int{}
		for _, key := range keys(instances) {
			got[c.owner(key)]++
		}
		fair := float64(instances) / float64(n)
		for _, name := range names(n) {
			// Five times the deviation that chance gives.
			if d := math.Abs(float64(got[name]) - fair); d > 5*math.Sqrt(fair) {
				t.Errorf("of %d nodes %s has %d instances, where %.0f are fair", n, name, got[name], fair)
			}
		}
	}
}

// TestOwnerIsStable: who comes takes from all a fair part and moves nothing else; who leaves
// gives back just that.
func TestOwnerIsStable(t *testing.T) {
	const instances = 20_000
	for _, n := range []int{1, 2, 3, 9} {
		before, after := circleOf(names(n)), circleOf(names(n+1))
		added := names(n + 1)[n]
		moved := 0
		for _, key := range keys(instances) {
			a, b := before.owner(key), after.owner(key)
			if a != b && b != added {
				t.Fatalf("%v moved from %s to %s, and %s is new", key, a, b, added)
			}
			if b == added {
				moved++
			}
		}
		fair := float64(instances) / float64(n+1)
		if d := math.Abs(float64(moved) - fair); d > 5*math.Sqrt(fair) {
			t.Errorf("with node %d, %d instances moved, where %.0f are fair", n+1, moved, fair)
		}
	}
}

// TestOwnerIsFixed: nodes of all versions have to agree, so what is computed never changes.
func TestOwnerIsFixed(t *testing.T) {
	c := circleOf([]string{"node-1", "node-2", "node-3"})
	for key, want := range map[store.Key]string{
		store.InstanceKey("orders", "orders-1"):   "node-3",
		store.InstanceKey("orders", "orders-2"):   "node-2",
		store.InstanceKey("order", "s/orders-1"):  "node-3",
		store.InstanceKey("user", "127.0.0.1:80"): "node-2",
	} {
		if got := c.owner(key); got != want {
			t.Errorf("%v is checked by %q, was %q", key, got, want)
		}
	}
	if got := circleOf(nil).owner(store.InstanceKey("a", "b")); got != "" {
		t.Errorf("without nodes it is %q", got)
	}
}
