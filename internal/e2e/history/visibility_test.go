package history

import (
	"strings"
	"testing"
)

func TestVisibility(t *testing.T) {
	const a = "s/a"
	seen := func(node, t int) []Watch { return []Watch{watch(node, snapshot(1, 0), put(t, a, 5, 5))} }
	roaming := seen(1, 900)
	roaming[0].Pinned = false
	left := ops(register(a, 0, 100, 5), call(Deregister, a, 0, 900, 204))
	tell(t, Visibility, []story{
		{name: "soon", checked: 1, history: History{Ops: ops(register(a, 0, 100, 5)), Watches: seen(1, 140)}},
		{name: "before the answer", checked: 1, history: History{Ops: ops(register(a, 0, 100, 5)), Watches: seen(1, 104)}},
		{name: "of one, not soon", broken: "99 of 100 registrations are visible elsewhere after 60ms", history: History{Ops: ops(register(a, 0, 100, 5)), Watches: seen(1, 170)}},
		{name: "late", broken: "after 290ms", history: func() History {
			h := History{Watches: seen(1, 400)}
			// Enough others for the percentile to be within its bound.
			for i := range 200 {
				other := "s/" + string(rune('A'+i/20)) + string(rune('A'+i%20))
				h.Ops = append(h.Ops, register(other, 0, 100, 4))
				h.Watches = append(h.Watches, watch(1, snapshot(1, 0), put(110, other, 4, 4)))
			}
			h.Ops = append(h.Ops, register(a, 0, 100, 5))
			return h
		}()},
		{name: "late, with the node cut off", history: History{Ops: ops(register(a, 0, 100, 5)), Watches: seen(1, 900), Disruptions: outageOf(50, 200, 1)}},
		{name: "late, with a third node cut off", broken: "the bound is 50ms", history: History{
			Ops: ops(register(a, 0, 100, 5)), Watches: seen(1, 170), Disruptions: outageOf(50, 200, 2)}},
		{name: "a watcher that roams", history: History{Ops: ops(register(a, 0, 100, 5)), Watches: roaming}},
		{name: "a watcher of its own node", history: History{Ops: ops(register(a, 0, 100, 5)), Watches: seen(0, 900)}},

		{name: "the node has what it took", checked: 1, history: History{Ops: ops(register(a, 0, 100, 5), call(Get, a, 0, 111, 200))}},
		{name: "the node does not", broken: "node 0 does not have s/a", history: History{Ops: ops(register(a, 0, 100, 5), call(Get, a, 0, 111, 404))}},
		{name: "the node did not know yet", history: History{Ops: ops(register(a, 0, 100, 5), call(Get, a, 0, 105, 404))}},
		{name: "another node does not", history: History{Ops: ops(register(a, 0, 100, 5), call(Get, a, 1, 111, 404))}},
		{name: "the node does not, but its TTL is over", history: History{Ops: ops(register(a, 0, 100, 5), call(Get, a, 0, 2095, 404))}},
		{name: "the node still has what left there", broken: "node 0 has s/a", history: History{Ops: ops(left, call(Get, a, 0, 911, 200))}},
		{name: "the node lists what left there", broken: "the list of node 0", history: History{Ops: ops(left, list(0, 911, "s", a))}},
		{name: "the node resolves what left there", broken: "the resolve of node 0", history: History{Ops: ops(left, call(Resolve, a, 0, 911, 200))}},
		{name: "another node still has it", checked: 1, history: History{Ops: ops(left, list(1, 911, "s", a))}},
		{name: "the node does not have what left there", checked: 1, history: History{Ops: ops(left, call(Get, a, 0, 911, 404))}},
	})
}

// TestVisibilityOfMost: all are within the bound of the slowest, and none within that of half.
func TestVisibilityOfMost(t *testing.T) {
	h := &History{Bounds: bounds, End: at(60_000)}
	h.Bounds.Typical = 5 * ms
	for i := range 10 {
		name := "s/" + string(rune('a'+i))
		h.Ops = append(h.Ops, register(name, 0, 100, 5))
		h.Watches = append(h.Watches, watch(1, snapshot(1, 0), put(120, name, 5, 5)))
	}
	if v := Visibility(h); len(v.Broken) != 1 || !strings.Contains(v.Broken[0], "50 of 100 registrations") {
		t.Errorf("%s: %q", v, v.Broken)
	}
}
