package history

import "testing"

func TestDurability(t *testing.T) {
	const a = "s/a"
	final := func(weight int) *Final {
		f := &Final{At: at(2000), Items: map[string]Item{}}
		if weight > 0 {
			f.Items[a] = Item{Revision{"e", 9}, weight, "passing"}
		}
		return f
	}
	patch := func(t, status, weight int) Op {
		o := call(Patch, a, 0, t, status)
		o.Weight = weight
		return o
	}
	alive := ops(register(a, 0, 0, 1), renew(a, 0, 700, 1400))
	lossy := []Disruption{{From: at(700), To: at(1100), Loses: true}}
	tell(t, Durability, []story{
		{name: "kept", checked: 1, history: History{Ops: alive, Final: final(100)}},
		{name: "lost", broken: "s/a is not there in the end", history: History{Ops: alive, Final: final(0)}},
		{name: "ended", history: History{Ops: ops(register(a, 0, 0, 1)), Final: &Final{At: at(2100), Items: map[string]Item{}}}},
		{name: "a change kept", checked: 2, history: History{Ops: ops(alive, patch(1000, 200, 7)), Final: final(7)}},
		{name: "a change lost", broken: "the weight 100 in the end, not one of [7]", history: History{Ops: ops(alive, patch(1000, 200, 7)), Final: final(100)}},
		{name: "a change nobody answered, done", history: History{Ops: ops(alive, patch(1000, 503, 7)), Final: final(7)}},
		{name: "a change nobody answered, not done", history: History{Ops: ops(alive, patch(1000, 503, 7)), Final: final(100)}},
		{name: "an older change", broken: "not one of [8]", history: History{Ops: ops(alive, patch(1000, 503, 7), patch(1100, 200, 8)), Final: final(7)}},
		{name: "a change lost by a backend that may", history: History{Ops: ops(alive, patch(1000, 200, 7)), Final: final(100), Disruptions: lossy}},
		{name: "a change kept by a backend that may lose it", history: History{Ops: ops(alive, patch(1000, 200, 7)), Final: final(7), Disruptions: lossy}},
		{name: "left for good", checked: 1, history: History{Ops: ops(alive, call(Deregister, a, 0, 1500, 204)), Final: final(0)}},
		{name: "back, as a backend that may lose writes lost it", history: History{Ops: ops(alive, call(Deregister, a, 0, 1000, 204)), Final: final(100), Disruptions: lossy}},
		{name: "back", broken: "though its deregistration was acknowledged", history: History{Ops: ops(alive, call(Deregister, a, 0, 1500, 204)), Final: final(100)}},
	})
}
