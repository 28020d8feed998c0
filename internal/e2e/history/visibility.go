package history

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// settled is for how long after a disruption no times are asked of what is still mending.
const settled = 3 * time.Second

// Visibility checks I3: an acknowledged registration is visible at once on the node that
// took it, and on the others within Bounds.Typical for half of all, Bounds.Visible for 99 of
// 100, and Bounds.VisibleBy. Reads of the node that took a deregistration do not have the instance any more.
func Visibility(h *History) *Verdict {
	v := &Verdict{Invariant: "I3"}
	elsewhere := Times{Of: "visible elsewhere"}
	all := lives(h)
	for i := range h.Ops {
		if o := &h.Ops[i]; o.Kind == Get || o.Kind == Resolve || o.Kind == List {
			ownWrites(h, all, o, v)
		}
	}
	for i := range h.Ops {
		o := &h.Ops[i]
		if o.Kind != Register || !o.Acknowledged() || o.Revision.IsZero() {
			continue
		}
		for j := range h.Watches {
			w := &h.Watches[j]
			if !w.covers(o.Name) || !w.Pinned {
				continue
			}
			at, node, state := w.shows(o)
			if state == unseen || node == o.Node {
				continue
			}
			if h.disturbed(o.Start, max(o.End, at)+h.Bounds.VisibleBy, settled, o.Node, node) {
				continue
			}
			v.Checked++
			took := h.between(o.End, max(o.End, at))
			elsewhere.Samples = append(elsewhere.Samples, took)
			if took > h.Bounds.VisibleBy {
				v.broken("%s, registered on node %d, was visible on node %d after %s", o.Name, o.Node, node, short(took))
			}
		}
	}
	for _, part := range []struct {
		of    int
		bound time.Duration
	}{{50, h.Bounds.Typical}, {99, h.Bounds.Visible}} {
		if took := elsewhere.Percentile(part.of); took > part.bound {
			v.broken("%d of 100 registrations are visible elsewhere after %s, the bound is %s", part.of, short(took), part.bound)
		}
	}
	v.Times = []Times{elsewhere}
	return v
}

// shows gives when a watcher of another node was first shown a registration, or one that
// came after it.
func (w *Watch) shows(o *Op) (at Moment, node int, s state) {
	reached := func(r Revision) bool { return r == o.Revision || r.after(o.Revision) }
	for i := range w.Sightings {
		e := &w.Sightings[i]
		if e.At < o.Start {
			continue
		}
		if e.Type == Put && e.Name == o.Name && reached(e.Item.Revision) {
			return e.At, e.Node, present
		}
		if item, there := e.View[o.Name]; there && reached(item.Revision) {
			return e.At, e.Node, unseen // a snapshot says that it is there, but not since when
		}
	}
	return 0, 0, unseen
}

// ownWrites checks a read against what its node itself had acknowledged before.
func ownWrites(h *History, all map[string]*life, o *Op, v *Verdict) {
	switch {
	case o.Kind == Get:
		l := all[o.Name]
		if l == nil {
			return
		}
		switch {
		case l.gone <= o.Start && l.goneBy == o.Node && o.Acknowledged():
			v.Checked++
			v.broken("node %d has %s at %s, after its deregistration there", o.Node, o.Name, short(o.Start))
		case l.gone <= o.Start && l.goneBy == o.Node:
			v.Checked++
		case o.Status == http.StatusNotFound && l.takenBy(o.Node, o.Start) && min(l.claims(h, o.Start), l.claims(h, o.End)) == kept:
			v.Checked++
			v.broken("node %d does not have %s at %s, after its registration there", o.Node, o.Name, short(o.Start))
		case o.Acknowledged() && l.takenBy(o.Node, o.Start):
			v.Checked++
		}
	case o.Acknowledged():
		names := o.Names
		if o.Kind == Resolve {
			names = []string{o.Name}
		}
		for _, name := range names {
			if l := all[name]; l != nil && l.gone <= o.Start && l.goneBy == o.Node {
				v.broken("the %s of node %d at %s has %s, after its deregistration there", o.Kind, o.Node, short(o.Start), name)
			}
		}
		v.Checked++
	}
}

// takenBy tells whether the node itself had acknowledged a registration before a moment.
func (l *life) takenBy(node int, before Moment) bool {
	return slices.ContainsFunc(l.taken, func(t taken) bool { return t.node == node && t.at <= before })
}

// sorted gives lives in the order of their names, so that verdicts are always the same.
func sorted(all map[string]*life) []*life {
	return slices.SortedFunc(maps.Values(all), func(a, b *life) int { return strings.Compare(a.name, b.name) })
}
