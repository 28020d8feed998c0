package history

import (
	"slices"
	"time"
)

// Departures checks I2: an instance whose owner fell silent is gone at most Bounds.Late
// after its TTL, for every watcher and in every list that is not stale. Where a disruption
// lies in between, it may take one TTL and Departed after the end of that.
func Departures(h *History) *Verdict {
	v := &Verdict{Invariant: "I2"}
	quiet, disturbed := Times{Of: "late"}, Times{Of: "late when disturbed"}
	var exceeded []string
	for _, l := range sorted(lives(h)) {
		last, ok := l.silent(h)
		if !ok {
			continue
		}
		deadline := last.end + last.ttl
		bound, disrupted := l.departs(h, last)
		for i := range h.Watches {
			w := &h.Watches[i]
			at, state := departure(w, l)
			switch {
			case state == unseen || state == present && h.End <= bound:
				continue
			case state == present:
				v.Checked++
				v.broken("%s still sees %s at the end, %s after its deadline", w.Name, l.name, short(h.End-deadline))
				continue
			}
			v.Checked++
			late := h.between(deadline, at)
			if disrupted {
				disturbed.Samples = append(disturbed.Samples, late)
			} else {
				quiet.Samples = append(quiet.Samples, late)
			}
			if late > bound-deadline {
				exceeded = append(exceeded, v.late(w.Name, l.name, late, bound-deadline))
			}
		}
		for i := range h.Ops {
			o := &h.Ops[i]
			if o.Kind == List && o.Acknowledged() && !o.Stale && h.between(bound, o.Start) > 0 && slices.Contains(o.Names, l.name) {
				v.broken("node %d still lists %s at %s, %s after its deadline", o.Node, l.name, short(o.Start), short(o.Start-deadline))
				break
			}
		}
	}
	// The bound is on the 99th percentile.
	if len(exceeded) > v.Checked/100 {
		v.Broken = append(v.Broken, exceeded...)
	}
	v.Times = []Times{quiet, disturbed}
	return v
}

func (v *Verdict) late(watch, name string, late, bound time.Duration) string {
	return watch + " saw " + name + " leave " + short(late).String() + " after its deadline, the bound is " + short(bound).String()
}

// Departed is what a registry may take beyond a TTL to notice who is gone after a
// disruption.
const Departed = 2 * time.Second

// silent gives the last grant of an owner that fell silent.
func (l *life) silent(h *History) (grant, bool) {
	if l.stopped == never || l.left != never || len(l.grants) == 0 {
		return grant{}, false
	}
	last := l.grants[len(l.grants)-1]
	return last, last.start >= h.forgotBefore(h.End)
}

// departs gives the moment by which it has to be gone, and whether a disruption had a say
// in it.
func (l *life) departs(h *History, last grant) (Moment, bool) {
	deadline := last.end + last.ttl
	bound, disrupted := deadline+h.Bounds.Late, false
	for i := range h.Disruptions {
		d := &h.Disruptions[i]
		if d.From > bound || d.To+last.ttl < last.start {
			continue
		}
		disrupted = true
		bound = max(bound, d.To+last.ttl+Departed)
		if d.Restarts {
			// By the rules of etcd a new leader gives every lease its whole TTL again, and an
			// election's time with it; what it is late by then is the usual.
			bound = max(bound, last.end+2*last.ttl+h.Bounds.Late, d.To+last.ttl+h.Bounds.Late)
		}
	}
	return bound, disrupted
}

type state int

const (
	unseen state = iota // the watcher never knew it
	present
	departed
)

// departure tells what became of an instance in the eyes of a watcher.
func departure(w *Watch, l *life) (at Moment, s state) {
	if !w.covers(l.name) {
		return 0, unseen
	}
	for i := range w.Sightings {
		e := &w.Sightings[i]
		was := s
		switch {
		case e.Type == Put && e.Name == l.name:
			s = present
		case e.Type == Delete && e.Name == l.name && s == present:
			s = departed
		case e.Type == Snapshot:
			if _, there := e.View[l.name]; there {
				s = present
			} else if s == present {
				s = departed
			}
		}
		if s == departed && was == present {
			at = e.At
		}
	}
	return at, s
}
