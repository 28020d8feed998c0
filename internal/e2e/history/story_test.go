package history

import (
	"strings"
	"testing"
	"time"
)

// The stories of these tests are in milliseconds. Calls take ten of them, and TTLs are
// 2,000.

const ms = time.Millisecond

func at(t int) Moment { return Moment(t) * ms }

func call(kind Kind, name string, node, t, status int) Op {
	o := Op{Kind: kind, Name: name, Service: serviceOf(name), Node: node, Start: at(t), End: at(t + 10), Status: status}
	if o.Acknowledged() && kind <= Renew {
		o.TTL = 2000 * ms
	}
	return o
}

func register(name string, node, t int, number uint64) Op {
	o := call(Register, name, node, t, 201)
	o.Revision, o.Weight = Revision{"e", number}, 100
	return o
}

func renew(name string, node int, times ...int) (ops []Op) {
	for _, t := range times {
		ops = append(ops, call(Renew, name, node, t, 200))
	}
	return ops
}

// tried are renewals that nobody answered.
func tried(name string, node int, times ...int) (ops []Op) {
	for _, t := range times {
		ops = append(ops, call(Renew, name, node, t, 503))
	}
	return ops
}

func list(node, t int, service string, names ...string) Op {
	return Op{Kind: List, Node: node, Service: service, Start: at(t), End: at(t + 10), Status: 200, Names: names}
}

func stop(name string, t int) Op { return Op{Kind: Stop, Name: name, Start: at(t), End: at(t)} }

func ops(parts ...any) (all []Op) {
	for _, part := range parts {
		switch p := part.(type) {
		case Op:
			all = append(all, p)
		case []Op:
			all = append(all, p...)
		}
	}
	return all
}

func put(t int, name string, number, position uint64) Sighting {
	s := Sighting{Type: Put, At: at(t), Name: name, Item: Item{Revision{"e", number}, 100, "passing"}}
	if position > 0 {
		s.Position = Revision{"e", position}
	}
	return s
}

func gone(t int, name string, number uint64) Sighting {
	return Sighting{Type: Delete, At: at(t), Name: name, Item: Item{Revision: Revision{"e", number}},
		Position: Revision{"e", number}, Reason: "expired"}
}

func snapshot(t int, position uint64, names ...string) Sighting {
	s := Sighting{Type: Snapshot, At: at(t), Position: Revision{"e", position}, View: map[string]Item{}}
	for _, name := range names {
		s.View[name] = Item{Revision{"e", 1}, 100, "passing"}
	}
	return s
}

func watch(node int, sightings ...Sighting) Watch {
	for i := range sightings {
		sightings[i].Node = node
	}
	return Watch{Name: "w", Pinned: true, Sightings: sightings}
}

func outageOf(from, to int, nodes ...int) []Disruption {
	return []Disruption{{Effect: Outage, From: at(from), To: at(to), Nodes: nodes}}
}

var bounds = Bounds{Late: time.Second, Typical: 80 * ms, Visible: 50 * ms, VisibleBy: 250 * ms, Stale: time.Second, Refused: 2 * time.Second, Converged: 2 * time.Second}

type story struct {
	name    string
	history History
	broken  string // part of what is broken; empty: nothing is
	checked int    // at least
	excused int
}

func tell(t *testing.T, check func(*History) *Verdict, stories []story) {
	t.Helper()
	for _, s := range stories {
		t.Run(s.name, func(t *testing.T) {
			h := s.history
			h.Bounds = bounds
			if h.End == 0 {
				h.End = at(60_000)
			}
			v := check(&h)
			switch {
			case s.broken == "" && len(v.Broken) > 0:
				t.Errorf("broken: %q", v.Broken)
			case s.broken != "" && (len(v.Broken) != 1 || !strings.Contains(v.Broken[0], s.broken)):
				t.Errorf("broken: %q, want one with %q", v.Broken, s.broken)
			}
			if v.Checked < s.checked || v.Excused != s.excused {
				t.Errorf("%d checked, %d excused; want at least %d, and %d", v.Checked, v.Excused, s.checked, s.excused)
			}
		})
	}
}
