package history

import "testing"

func TestDepartures(t *testing.T) {
	const a = "s/a"
	// Its deadline is at 2710, and it has to be gone at 3710.
	silent := ops(register(a, 0, 0, 1), renew(a, 0, 700), stop(a, 711))
	seen := func(leaves int) []Watch {
		return []Watch{watch(0, snapshot(1, 0), put(20, a, 1, 1), gone(leaves, a, 2))}
	}
	still := []Watch{watch(0, snapshot(1, 0), put(20, a, 1, 1))}
	other := watch(0, snapshot(1, 0), put(20, a, 1, 1))
	other.Services = []string{"t"}
	tell(t, Departures, []story{
		{name: "in time", checked: 1, history: History{Ops: silent, Watches: seen(3600)}},
		{name: "late", broken: "saw s/a leave 1.1s after its deadline, the bound is 1s", history: History{Ops: silent, Watches: seen(3810)}},
		{name: "late because the recorder stood still", checked: 1,
			history: History{Ops: silent, Watches: seen(3810), Stalls: []Span{{at(3000), at(3200)}}}},
		{name: "never", broken: "still sees s/a at the end", history: History{Ops: silent, Watches: still}},
		{name: "not yet", history: History{Ops: silent, Watches: still, End: at(3700)}},
		{name: "by a snapshot, late", broken: "leave 1.29s after",
			history: History{Ops: silent, Watches: []Watch{watch(0, snapshot(1, 1, a), snapshot(4000, 2))}}},
		{name: "a watcher of another service", history: History{Ops: silent, Watches: []Watch{other}}},
		{name: "a list still has it", broken: "node 1 still lists s/a", history: History{Ops: ops(silent, list(1, 3800, "s", a))}},
		{name: "a list has it in time", history: History{Ops: ops(silent, list(1, 3700, "s", a))}},
		{name: "it comes back after it left", broken: "still sees", history: History{Ops: silent,
			Watches: []Watch{watch(0, snapshot(1, 0), put(20, a, 1, 1), gone(3000, a, 2), put(3100, a, 3, 3))}}},
		{name: "it left by itself", history: History{Watches: still,
			Ops: ops(register(a, 0, 0, 1), renew(a, 0, 700), call(Deregister, a, 0, 900, 204))}},
		{name: "an outage lies in between, a TTL and two seconds after it are enough", checked: 1,
			history: History{Ops: silent, Disruptions: outageOf(2000, 5000), Watches: seen(8900)}},
		{name: "an outage lies in between, and more passes", broken: "the bound is 6.29s",
			history: History{Ops: silent, Disruptions: outageOf(2000, 5000), Watches: seen(9100)}},
		{name: "an outage later", broken: "the bound is 1s",
			history: History{Ops: silent, Disruptions: outageOf(3800, 5000), Watches: seen(5100)}},
		{name: "leases begin anew", checked: 1, history: History{Ops: silent, Watches: seen(5500),
			Disruptions: []Disruption{{From: at(800), To: at(900), Restarts: true}}}},
		{name: "leases begin anew, and more passes", broken: "the bound is 3s", history: History{Ops: silent, Watches: seen(5800),
			Disruptions: []Disruption{{From: at(800), To: at(900), Restarts: true}}}},
	})
}

// TestDeparturesOneInAHundred: the bound is on the 99th percentile.
func TestDeparturesOneInAHundred(t *testing.T) {
	h := History{Bounds: bounds, End: at(60_000)}
	for i := range 100 {
		name := "s/" + string(rune('0'+i/10)) + string(rune('0'+i%10))
		h.Ops = append(h.Ops, ops(register(name, 0, 0, 1), stop(name, 11))...)
		leaves := 2500
		if i == 0 {
			leaves = 9000
		}
		h.Watches = append(h.Watches, watch(0, snapshot(1, 0), put(20, name, 1, 1), gone(leaves, name, 2)))
	}
	if v := Departures(&h); len(v.Broken) > 0 || v.Checked != 100 {
		t.Errorf("one of a hundred is late: %s %q", v, v.Broken)
	}
	h.Watches[1].Sightings[2].At = at(9000)
	if v := Departures(&h); len(v.Broken) != 2 {
		t.Errorf("two of a hundred are late: %s %q", v, v.Broken)
	}
}
