package history

import (
	"cmp"
	"slices"
	"time"
)

// never is a moment after every other.
const never = Moment(1<<63 - 1)

// grant is an acknowledged registration or renewal: from some moment between start and end
// the instance lives for ttl.
type grant struct {
	start, end Moment
	ttl        time.Duration
}

// life is what an owner did with one name.
type life struct {
	name    string
	grants  []grant  // in the order of their starts
	tries   []Moment // starts of all registrations and renewals that were not refused
	left    Moment   // from here on the owner has no claim: it left, gave up or was refused
	stopped Moment   // it fell silent on purpose
	gone    Moment   // the first acknowledged deregistration ended, which no backend may lose
	goneBy  int      // the node that took it
	taken   []taken  // the acknowledged registrations
}

type taken struct {
	node int
	at   Moment
}

// lives gathers the lives of a history by name.
func lives(h *History) map[string]*life {
	all := map[string]*life{}
	for i := range h.Ops {
		o := &h.Ops[i]
		if o.Name == "" || o.Kind >= Get && o.Kind != Stop {
			continue
		}
		l := all[o.Name]
		if l == nil {
			l = &life{name: o.Name, left: never, stopped: never, gone: never}
			all[o.Name] = l
		}
		l.add(h, o)
	}
	for _, l := range all {
		slices.SortFunc(l.grants, func(a, b grant) int { return cmp.Compare(a.start, b.start) })
		slices.Sort(l.tries)
	}
	return all
}

func (l *life) add(h *History, o *Op) {
	switch o.Kind {
	case Stop:
		l.stopped = min(l.stopped, o.Start)
		return
	case Deregister:
		l.left = min(l.left, o.Start)
		if o.Acknowledged() && o.End < l.gone && !h.lost(o) {
			l.gone, l.goneBy = o.End, o.Node
		}
		return
	case Register, Renew:
		switch {
		case o.Acknowledged() && h.torn(o):
			l.left = min(l.left, o.Start)
			return
		case o.Acknowledged():
			l.grants = append(l.grants, grant{o.Start, o.End, o.TTL})
			if o.Kind == Register {
				l.taken = append(l.taken, taken{o.Node, o.End})
			}
			l.tries = append(l.tries, o.Start)
			return
		case !o.Unknown():
		case o.Kind == Renew:
			l.tries = append(l.tries, o.Start)
			return
		default:
			// A registration nobody knows the outcome of: the token may be another by now.
			l.left = min(l.left, o.Start)
			return
		}
	}
	if !o.Acknowledged() && !o.Unknown() && !h.pardoned(o) {
		l.left = min(l.left, o.End) // refused: what follows is another story
	}
}

// torn tells that a registration was under way when its backend lost its past. Its node
// answers for the backend, and had not seen it in the backend's feed yet: nobody has it.
func (h *History) torn(o *Op) bool {
	return o.Kind == Register && slices.ContainsFunc(h.Disruptions, func(d Disruption) bool {
		return d.From >= o.Start && d.From <= o.End && slices.ContainsFunc(h.Disruptions, func(e Disruption) bool {
			return e.Loses && e.From <= d.From && d.From <= e.To
		})
	})
}

// pardoned tells that a change or a rotation met a backend that had lost something.
func (h *History) pardoned(o *Op) bool {
	if o.Kind != Patch && o.Kind != Rotate {
		return false
	}
	return slices.ContainsFunc(h.Disruptions, func(d Disruption) bool {
		return d.Loses && o.End >= d.From && o.Start <= d.To+h.maxTTL()
	})
}

func (h *History) maxTTL() time.Duration {
	var longest time.Duration
	for i := range h.Ops {
		longest = max(longest, h.Ops[i].TTL)
	}
	return longest
}

// ended tells whether its owner let it go before t.
func (l *life) ended(t Moment) bool {
	if l.stopped != never && len(l.grants) > 0 {
		last := l.grants[len(l.grants)-1]
		return last.start+last.ttl < t
	}
	return l.left < t
}

// claim is what an owner may ask for at a moment.
type claim int

const (
	none    claim = iota // it left, has stopped renewing, or never was
	unclear              // it was late itself once, so its lease may have ended by right
	kept                 // it must be there
)

// claims tells whether the instance had to be there at t.
func (l *life) claims(h *History, t Moment) claim {
	if t >= l.left {
		return none
	}
	return l.stands(h, t)
}

// stands is claims of an owner that did not leave.
func (l *life) stands(h *History, t Moment) claim {
	known := 0 // grants that were acknowledged before t
	late := false
	forgot := h.forgotBefore(t)
	var prev *grant
	for i := range l.grants {
		g := &l.grants[i]
		if g.end > t {
			break
		}
		if g.start < forgot {
			continue
		}
		if prev != nil && prev.start+prev.ttl < g.end && !l.bridged(h, *prev, g.start) {
			late = true
		}
		prev = g
		known++
	}
	if known == 0 || !prev.covers(t) && !l.bridged(h, *prev, t) {
		return none
	}
	if late {
		return unclear
	}
	return kept
}

func (g *grant) covers(t Moment) bool { return g.start+g.ttl > t }

// bridged tells whether an owner that got g held on to its claim until t although it could
// not renew, as something was wrong with the registry or its backend as a whole: it went
// on trying, and the registry owes it one TTL from the recovery.
func (l *life) bridged(h *History, g grant, t Moment) bool {
	for i := range h.Disruptions {
		d := &h.Disruptions[i]
		if d.Effect == Forgotten || !d.total() || !g.covers(d.From) || t < d.From || t > d.To+g.ttl {
			continue
		}
		last, held := g.start, true
		for _, try := range l.tries {
			if try <= g.start || try > t {
				continue
			}
			held = held && try-last < g.ttl
			last = try
		}
		if held && t-last < g.ttl {
			return true
		}
	}
	return false
}

// forgotBefore gives the last moment before t at which everything was lost.
func (h *History) forgotBefore(t Moment) Moment {
	var last Moment
	for i := range h.Disruptions {
		if d := &h.Disruptions[i]; d.Effect == Forgotten && d.From <= t {
			last = max(last, d.To)
		}
	}
	return last
}
