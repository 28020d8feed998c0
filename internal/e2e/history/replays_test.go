package history

import "testing"

func TestReplays(t *testing.T) {
	const a, b = "s/a", "s/b"
	final := func(names ...string) *Final {
		f := &Final{At: at(5000), Items: map[string]Item{}}
		for _, name := range names {
			f.Items[name] = Item{Revision{"e", 1}, 100, "passing"}
		}
		return f
	}
	heavier := final(a)
	heavier.Items[a] = Item{Revision{"e", 1}, 200, "passing"}
	one := func(sightings ...Sighting) []Watch { return []Watch{watch(0, sightings...)} }
	connected := Sighting{Type: Connected, At: at(50)}
	resync := Sighting{Type: Resync, At: at(50)}
	marked := func(s Sighting) Sighting {
		s.Marked = true
		return s
	}
	patch := func(t int, number uint64) Op {
		o := call(Patch, a, 0, t, 200)
		o.Revision = Revision{"e", number}
		return o
	}
	tell(t, Replays, []story{
		{name: "the same in the end", checked: 3, history: History{Final: final(a),
			Watches: one(connected, snapshot(1, 0), put(20, a, 1, 1), put(30, b, 2, 2), gone(40, b, 3))}},
		{name: "one too many", broken: "extra [s/b]", history: History{Final: final(a), Watches: one(snapshot(1, 1, a, b))}},
		{name: "one too few", broken: "missing [s/b]", history: History{Final: final(a, b), Watches: one(snapshot(1, 1, a))}},
		{name: "another state", broken: "other [s/a", history: History{Final: heavier, Watches: one(snapshot(1, 1, a))}},
		{name: "a service that it does not follow", history: History{Final: final(a, "t/c"), Watches: func() []Watch {
			w := one(snapshot(1, 1, a))
			w[0].Services = []string{"s"}
			return w
		}()}},

		{name: "twice", broken: "as of e.1 again", history: History{Watches: one(snapshot(1, 0), put(20, a, 1, 1), put(30, a, 1, 1))}},
		{name: "out of order", broken: "behind its position", history: History{Watches: one(snapshot(1, 0), put(20, a, 2, 2), put(30, b, 1, 0))}},
		{name: "a deletion twice", broken: "as of e.2 again", history: History{Watches: one(snapshot(1, 1, a), gone(20, a, 2), gone(30, a, 2))}},
		{name: "what a node keeps by itself", checked: 2, history: History{Watches: one(snapshot(1, 5, a), marked(put(20, b, 3, 5)), put(30, b, 4, 0), put(40, a, 6, 6))}},
		{name: "behind its position once that is over", broken: "behind its position",
			history: History{Watches: one(snapshot(1, 5, a), marked(put(20, b, 5, 5)), put(30, a, 6, 6), put(40, b, 4, 0))}},
		{name: "ahead of its position", broken: "but was told of e.3 before", history: History{Watches: one(snapshot(1, 0), put(20, a, 3, 0), put(30, b, 2, 2))}},
		{name: "again, after a connection was lost between two events of a revision",
			history: History{Watches: one(snapshot(1, 0), put(20, a, 1, 0), connected, put(60, a, 1, 0), put(60, b, 1, 1))}},
		{name: "again, after a connection was lost", broken: "as of e.1 again",
			history: History{Watches: one(snapshot(1, 0), put(20, a, 1, 1), connected, put(60, a, 1, 1))}},
		{name: "without a snapshot", broken: "without a snapshot before", history: History{Watches: one(connected, put(20, a, 1, 1))}},
		{name: "without a snapshot after a resync", broken: "without a snapshot before",
			history: History{Watches: one(snapshot(1, 0), resync, put(60, a, 1, 1))}},
		{name: "with a snapshot after a resync", history: History{Watches: one(snapshot(1, 0), resync, snapshot(55, 0), put(60, a, 1, 1))}},

		{name: "an acknowledged change is told", checked: 2, history: History{Ops: ops(patch(10, 2)), Watches: one(snapshot(1, 1, a), put(20, a, 2, 2))}},
		{name: "an acknowledged change is left out", broken: "was not told of the patch of s/a as of e.2",
			history: History{Ops: ops(patch(10, 2)), Watches: one(snapshot(1, 1, a), put(20, a, 3, 3))}},
		{name: "an acknowledged registration is left out", broken: "was not told of the register",
			history: History{Ops: ops(register(a, 0, 10, 2)), Watches: one(snapshot(1, 1), put(20, b, 3, 3))}},
		{name: "a change is in the snapshot", history: History{Ops: ops(patch(10, 2)), Watches: one(snapshot(15, 2, a), put(20, b, 3, 3))}},
		{name: "a change is yet to come", history: History{Ops: ops(patch(10, 4)), Watches: one(snapshot(15, 2, a), put(20, b, 3, 3))}},
		{name: "a change of another epoch", history: History{Ops: ops(patch(10, 3)), Watches: one(
			Sighting{Type: Snapshot, Position: Revision{"d", 2}, View: map[string]Item{}},
			Sighting{Type: Put, Name: b, Item: Item{Revision: Revision{"d", 4}}, Position: Revision{"d", 4}})}},
		{name: "a change is passed over by a node that had to read anew", history: History{
			Ops: ops(patch(10, 2)), Watches: one(snapshot(1, 1, a), put(900, a, 3, 3)), Disruptions: outageOf(5, 800, 0)}},
		{name: "a node that had to read anew missed a whole life", history: History{
			Ops:     ops(register(a, 0, 10, 2), call(Deregister, a, 0, 500, 204)),
			Watches: one(snapshot(1, 1), put(900, b, 4, 4)), Disruptions: outageOf(5, 800, 0)}},
		{name: "a node that had to read anew missed a life that goes on", broken: "was not told", history: History{
			Ops: ops(register(a, 0, 10, 2), call(Deregister, a, 0, 5000, 204)), Watches: one(snapshot(1, 1), put(900, b, 4, 4)), Disruptions: outageOf(5, 800, 0)}},
		{name: "a node that had to read anew tells nothing of it", broken: "was not told", history: History{
			Ops: ops(patch(10, 2)), Watches: one(snapshot(1, 1, a), put(900, b, 3, 3)), Disruptions: outageOf(5, 800, 0)}},
	})
}

func TestOrder(t *testing.T) {
	const a = "s/a"
	other := func(kind Type, t int) Sighting {
		return Sighting{Type: kind, At: at(t), Name: a, Position: Revision{"f", 1}, View: map[string]Item{}}
	}
	one := func(sightings ...Sighting) []Watch { return []Watch{watch(0, sightings...)} }
	tell(t, Order, []story{
		{name: "forward", checked: 3, history: History{Watches: one(snapshot(1, 0), put(20, a, 1, 1), put(30, a, 3, 3))}},
		{name: "back", broken: "went back from e.3 to e.2", history: History{Watches: one(snapshot(1, 3), put(20, a, 2, 2))}},
		{name: "back by a snapshot", broken: "went back", history: History{Watches: one(snapshot(1, 3), snapshot(20, 2))}},
		{name: "another epoch with a snapshot", history: History{Watches: one(snapshot(1, 3), other(Snapshot, 20))}},
		{name: "another epoch without one", broken: "not with a snapshot", history: History{Watches: one(snapshot(1, 3), other(Put, 20))}},
		{name: "back to the first epoch, further back", history: History{Watches: one(snapshot(1, 3), other(Snapshot, 20), snapshot(30, 1))}},
	})
}
