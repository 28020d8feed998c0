package history

import (
	"slices"
	"time"
)

// guard is how long a signal may take to stop a process.
const guard = 50 * time.Millisecond

// Outages checks I7 but for false evictions, which are [Evictions]' part: a node without its
// backend answers every read, says within Bounds.Stale that its view may be old, from then on
// announces no eviction, acknowledges no write, refuses each within Bounds.Refused, and
// within Bounds.Converged after the return takes writes and has a fresh view.
func Outages(h *History) *Verdict {
	v := &Verdict{Invariant: "I7", Times: []Times{{Of: "stale after"}, {Of: "writes refused in"}, {Of: "fresh again after"}, {Of: "writes again after"}}}
	for i := range h.Disruptions {
		d := &h.Disruptions[i]
		if d.Effect != Outage {
			continue
		}
		for _, node := range nodes(h) {
			if d.concerns(node) {
				outage(h, d, node, v)
				announced(h, d, node, v)
			}
		}
	}
	return v
}

func nodes(h *History) []int {
	var all []int
	for i := range h.Ops {
		if n := h.Ops[i].Node; !slices.Contains(all, n) {
			all = append(all, n)
		}
	}
	slices.Sort(all)
	return all
}

// outage looks at what one node did in one outage and after it.
func outage(h *History, d *Disruption, node int, v *Verdict) {
	next := h.after(d, node)
	var fresh, stale, write Moment = d.From, d.To, -1
	for i := range h.Ops {
		o := &h.Ops[i]
		if o.Node != node || o.Kind == Stop || o.Start < d.From || o.Start >= next {
			continue
		}
		during := o.End <= d.lasts()
		switch read := o.Kind == Get || o.Kind == List || o.Kind == Resolve; {
		case read && o.Unknown():
			v.Checked++
			v.broken("node %d answered no %s at %s: status %d", node, o.Kind, short(o.Start), o.Status)
		case read && during && o.Acknowledged():
			v.Checked++
			if !o.Stale {
				fresh = max(fresh, o.Start)
			}
		case read && o.Start > d.To && o.Acknowledged():
			v.Checked++
			if o.Stale {
				stale = max(stale, o.Start)
			}
		case !read && during:
			v.Checked++
			v.refused(h, d, o)
		case !read && o.Patient && o.Acknowledged() && (write < 0 || o.End < write):
			write = o.End
		}
	}
	v.measure(0, h.between(d.From, fresh), h.Bounds.Stale, "node %d went on without saying that its view is old for", node)
	v.measure(2, h.between(d.To, stale), h.Bounds.Converged, "node %d still said that its view is old, after its backend was back, for", node)
	switch {
	case write >= 0:
		v.measure(3, h.between(d.To, write), h.Bounds.Converged, "node %d took no write, after its backend was back, for", node)
	case next > d.To+h.Bounds.Converged && h.writes(node, d.To, next):
		v.broken("node %d took no write after its backend was back", node)
	}
}

// announced looks for evictions that a node announced without a backend to decide them.
func announced(h *History, d *Disruption, node int, v *Verdict) {
	for i := range h.Watches {
		for j := range h.Watches[i].Sightings {
			s := &h.Watches[i].Sightings[j]
			if s.Node == node && s.Type == Delete && s.Reason == "expired" && s.At > d.From+h.Bounds.Stale && s.At < d.lasts() {
				v.broken("node %d announced the eviction of %s at %s without a backend", node, s.Name, short(s.At))
			}
		}
	}
}

// refused looks at a write while there was no backend.
func (v *Verdict) refused(h *History, d *Disruption, o *Op) {
	took := h.between(o.Start, o.End)
	switch {
	case o.Acknowledged() && o.Start > d.From+guard:
		v.broken("node %d acknowledged a %s at %s without a backend", o.Node, o.Kind, short(o.Start))
	case !o.Patient:
	case o.Status == 0:
		v.broken("node %d gave no answer to a %s at %s within %s", o.Node, o.Kind, short(o.Start), short(took))
	default:
		v.measure(1, took, h.Bounds.Refused, "node %d took for a %s without a backend", o.Node, o.Kind)
	}
}

func (v *Verdict) measure(which int, took, bound time.Duration, format string, args ...any) {
	v.Times[which].Samples = append(v.Times[which].Samples, took)
	if took > bound {
		v.broken(format+" %s, the bound is %s", append(args, short(took), bound)...)
	}
}

// after gives the begin of the next disruption of a node, or the end of the run.
func (h *History) after(d *Disruption, node int) Moment {
	next := h.End
	for i := range h.Disruptions {
		if other := &h.Disruptions[i]; other != d && other.From > d.From && other.concerns(node) {
			next = min(next, other.From)
		}
	}
	return next
}

// writes tells whether patient writes were tried on a node.
func (h *History) writes(node int, from, to Moment) bool {
	return slices.ContainsFunc(h.Ops, func(o Op) bool {
		return o.Patient && o.Node == node && o.Start > from && o.Start < to && o.Kind <= Deregister
	})
}
