package history

import (
	"fmt"
	"maps"
	"slices"
)

// Replays checks I4: what a watcher was told, applied in order, is at the end what the
// store holds; no change comes twice or after a later one; and none that was acknowledged
// is left out between two positions that the watcher passed, except where its node had to
// read everything anew: then a later state of the instance will do, or nothing if it is gone.
func Replays(h *History) *Verdict {
	v := &Verdict{Invariant: "I4"}
	all := lives(h)
	for i := range h.Watches {
		w := &h.Watches[i]
		stretches := replay(w, v)
		complete(h, all, w, stretches, v)
		if h.Final != nil {
			ends(h, w, v)
		}
	}
	return v
}

// stretch is what a watcher was told from one snapshot to the next.
type stretch struct {
	from, to Revision
	node     map[int]bool
	told     map[string][]Revision // of puts and deletions, by name
}

// replay checks the order of events, and gives them by stretches.
func replay(w *Watch, v *Verdict) []*stretch {
	var done []*stretch
	var now *stretch
	var view View
	var open []Revision // told since the last position
	var node int
	var marked bool
	for i := range w.Sightings {
		s := &w.Sightings[i]
		switch s.Type {
		case Connected:
			// What was told of a revision before its last event may come again.
			open, node = nil, s.Node
			if now != nil {
				now.node[node] = true
			}
		case Resync:
			now, open = nil, nil
		case Snapshot:
			now = &stretch{from: s.Position, to: s.Position, node: map[int]bool{node: true}, told: map[string][]Revision{}}
			done, open = append(done, now), nil
		case Put, Delete:
			v.Checked++
			rev := s.Item.Revision
			switch {
			case now == nil:
				v.broken("%s was told of %s at %s without a snapshot before", w.Name, s.Name, short(s.At))
				continue
			case marked || s.Marked:
				// While it keeps what the store has let go, a node tells changes of its own.
			case view.Position.after(rev):
				v.broken("%s was told of %s at %s as of %s, behind its position %s", w.Name, s.Name, short(s.At), rev, view.Position)
			case rev == view.Position && view.has(s):
				v.broken("%s was told of %s as of %s again at %s", w.Name, s.Name, rev, short(s.At))
			}
			now.told[s.Name] = append(now.told[s.Name], rev)
			open = append(open, rev)
		}
		if !s.Position.IsZero() && now != nil {
			for _, rev := range open {
				if rev.after(s.Position) {
					v.broken("%s passed position %s at %s, but was told of %s before", w.Name, s.Position, short(s.At), rev)
				}
			}
			now.to, open, marked = s.Position, nil, s.Marked
		}
		view.Apply(s)
	}
	return done
}

// complete looks for acknowledged changes that a watcher should have been told.
func complete(h *History, all map[string]*life, w *Watch, stretches []*stretch, v *Verdict) {
	for i := range h.Ops {
		o := &h.Ops[i]
		if o.Kind != Register && o.Kind != Patch || !o.Acknowledged() || o.Revision.IsZero() || !w.covers(o.Name) {
			continue
		}
		for _, s := range stretches {
			if !o.Revision.after(s.from) || o.Revision.after(s.to) || o.Revision.Epoch != s.to.Epoch {
				continue
			}
			v.Checked++
			told := s.told[o.Name]
			if slices.Contains(told, o.Revision) {
				continue
			}
			until, disturbed := h.disturbance(o.Start, o.End, settled, slices.Collect(maps.Keys(s.node))...)
			later := slices.ContainsFunc(told, func(r Revision) bool { return r.after(o.Revision) })
			if disturbed && (later || all[o.Name].ended(until)) {
				continue
			}
			v.broken("%s was not told of the %s of %s as of %s", w.Name, o.Kind, o.Name, o.Revision)
		}
	}
}

// ends compares what a watcher knows at the end with the store.
func ends(h *History, w *Watch, v *Verdict) {
	var view View
	for i := range w.Sightings {
		view.Apply(&w.Sightings[i])
	}
	v.Checked++
	if diff := Difference(w, view.Items, h.Final.Items); diff != "" {
		v.broken("%s ends with another state than the store: %s", w.Name, diff)
	}
}

// Difference tells how the state of a watcher differs from that of the store; empty if it
// does not.
func Difference(w *Watch, has, want map[string]Item) string {
	var missing, extra, other []string
	for name, item := range want {
		switch got, there := has[name]; {
		case !w.covers(name):
		case !there:
			missing = append(missing, name)
		case got != item:
			other = append(other, fmt.Sprintf("%s %v, not %v", name, got, item))
		}
	}
	for name := range has {
		if _, there := want[name]; !there {
			extra = append(extra, name)
		}
	}
	if len(missing)+len(extra)+len(other) == 0 {
		return ""
	}
	slices.Sort(missing)
	slices.Sort(extra)
	slices.Sort(other)
	return fmt.Sprintf("missing %v, extra %v, other %v", missing, extra, other)
}
