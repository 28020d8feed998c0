package history

import (
	"cmp"
	"net/http"
	"slices"
)

// Evictions checks I1: while the last acknowledged renewal of an instance is younger than
// its TTL, no watcher is told that it left, no node's list or resolve loses it, and no call
// of its owner is answered that it is gone, unknown, somebody else's, or that the token is
// wrong. Through an outage of the backend that holds for owners that went on trying.
func Evictions(h *History) *Verdict {
	v := &Verdict{Invariant: "I1"}
	all := lives(h)
	refusals(h, all, v)
	for i := range h.Watches {
		watched(h, all, &h.Watches[i], v)
	}
	listed(h, all, v)
	return v
}

// judge counts a leave that somebody saw at a moment.
func (v *Verdict) judge(h *History, l *life, from, to Moment, format string, args ...any) {
	v.Checked++
	if l == nil {
		return
	}
	switch worse := min(l.claims(h, from), l.claims(h, to)); worse {
	case unclear:
		v.Excused++
	case kept:
		v.broken(format, args...)
	}
}

// refusals looks at what owners were answered.
func refusals(h *History, all map[string]*life, v *Verdict) {
	for i := range h.Ops {
		o := &h.Ops[i]
		if o.Kind >= Get {
			continue
		}
		if o.Acknowledged() || o.Unknown() {
			v.Checked++
			continue
		}
		switch o.Status {
		case http.StatusUnauthorized, http.StatusNotFound, http.StatusConflict, http.StatusGone:
		default: // nothing that was done here deserves it
			v.broken("%s of %s on node %d at %s: status %d %s", o.Kind, o.Name, o.Node, short(o.Start), o.Status, o.Reason)
			continue
		}
		if h.pardoned(o) {
			v.Excused++
			continue
		}
		v.Checked++
		l := all[o.Name]
		before, after := l.claims(h, o.Start-1), l.stands(h, o.End)
		switch {
		case o.Kind == Register && len(l.grants) == 0: // a name nobody ever had
			v.broken("%s of %s on node %d at %s: status %d %s", o.Kind, o.Name, o.Node, short(o.Start), o.Status, o.Reason)
		case min(before, after) == kept:
			v.broken("%s of %s on node %d at %s: status %d %s, within its TTL", o.Kind, o.Name, o.Node, short(o.Start), o.Status, o.Reason)
		case min(before, after) == unclear:
			v.Excused++
		}
	}
}

// watched looks at what a watcher was told.
func watched(h *History, all map[string]*life, w *Watch, v *Verdict) {
	var view View
	for i := range w.Sightings {
		s := &w.Sightings[i]
		switch s.Type {
		case Delete:
			if _, there := view.Items[s.Name]; there {
				v.judge(h, all[s.Name], s.At, s.At, "%s saw %s leave (%s) at %s", w.Name, s.Name, s.Reason, short(s.At))
			}
		case Snapshot:
			for name := range view.Items {
				if _, still := s.View[name]; !still {
					v.judge(h, all[name], s.At, s.At, "%s lost %s in a snapshot of node %d at %s", w.Name, name, s.Node, short(s.At))
				}
			}
		}
		view.Apply(s)
	}
}

// listed looks at what the lists of each node had, and then had no more, and at resolves
// that found nobody.
func listed(h *History, all map[string]*life, v *Verdict) {
	type place struct {
		node    int
		service string
	}
	shown := map[place]map[string]bool{}
	reads := make([]*Op, 0, len(h.Ops))
	for i := range h.Ops {
		if o := &h.Ops[i]; o.Kind == List && o.Acknowledged() || o.Kind == Resolve && o.Status == http.StatusNotFound {
			reads = append(reads, o)
		}
	}
	slices.SortStableFunc(reads, func(a, b *Op) int { return cmp.Compare(a.Start, b.Start) })
	for _, o := range reads {
		at := place{o.Node, o.Service}
		if o.Kind == Resolve {
			for name := range shown[at] {
				v.judge(h, all[name], o.Start, o.End, "node %d resolved nobody of %s at %s, though %s lived", o.Node, o.Service, short(o.Start), name)
			}
			continue
		}
		now := make(map[string]bool, len(o.Names))
		for _, name := range o.Names {
			now[name] = true
		}
		for name := range shown[at] {
			if !now[name] {
				v.judge(h, all[name], o.Start, o.End, "the list of node %d lost %s at %s", o.Node, name, short(o.Start))
			}
		}
		shown[at] = now
	}
}
