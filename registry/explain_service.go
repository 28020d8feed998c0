package registry

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/roster-sd/roster/catalog"
	"github.com/roster-sd/roster/store"
)

// ExplainedService is what is known of a service: what there is, and what happened lately.
type ExplainedService struct {
	Service  string
	Time     store.Millis // of the answer, by this node's wall clock
	Node     string       // this node
	Position catalog.Position

	Instances, Up int            // Up: how many a resolve would choose from
	States        map[string]int // by the status that counts
	// Failing fail their checks, those that nobody has done yet included.
	Failing  int
	Degraded bool    // nearly all fail, and a resolve chooses among those too
	Suspect  int     // kept past the end of their leases
	Owners   []Count // by the identity that registered them, most first

	Events        int          // how many are remembered, and were looked at
	Since         store.Millis // of the oldest of them; 0: there are none
	Registrations int
	Reasons       []Count     // of those that left, most first
	Left          []Departure // the last ones, newest first
	Flapping      []Flapping  // most registrations first
	// Late are the instances of which this node waited longest for a renewal, as a share of
	// their TTL, where that is over [LateFrom].
	Late       []Late
	Incomplete bool // the backend is out of reach: what happened lately is missing
}

// Count is how many there are of a thing.
type Count struct {
	Name  string
	Count int
}

// Late is an instance whose renewals came late.
type Late struct {
	Record *store.Record
	Rhythm catalog.Rhythm
}

// Flapping is an instance, or instances in one place, that were registered again and again.
type Flapping struct {
	ID      string // empty: several IDs, of the same Address and Port
	IDs     int
	Address string // of the last one
	Port    uint16

	Registrations int // within an hour before the last
	Last          store.Millis
}

// LateFrom is the share of its TTL from which a wait for a renewal is told. Clients that
// follow the advice renew every third of it, so that two of three may fail.
const LateFrom = 0.75

// Who was registered so often within such a time flaps.
const (
	flapsAt    = 3
	flapWithin = time.Hour
)

// ExplainService tells what is known of a service that has instances, or had some not too long
// ago: at most so many of those that left, and as many in its other lists. NotFound: nothing
// is known. While the backend is out of reach it tells what this node knows.
func (r *Registry) ExplainService(ctx context.Context, c Caller, service string, limit int) (ExplainedService, error) {
	if err := r.discover(c, service); err != nil {
		return ExplainedService{}, err
	}
	if err := r.settled(ctx); err != nil {
		return ExplainedService{}, err
	}
	view := r.catalog.Service(service)
	out := ExplainedService{Service: service, Time: r.millis(), Node: r.opts.Node, Position: view.Revision, States: map[string]int{}}
	out.present(view, limit)
	events, err := r.store.History(ctx, store.Selector{Kind: store.KindInstance, Service: service}, pastOfService)
	switch {
	case err != nil && (out.Instances == 0 || !unreachable(err)):
		return ExplainedService{}, failed(err)
	case err == nil && out.Instances == 0 && len(events) == 0:
		return ExplainedService{}, r.noService(service)
	}
	out.Incomplete = err != nil
	out.lately(events, limit)
	for i := range out.Left {
		rec := out.Left[i].Record
		out.Left[i].Rhythm = r.rhythm(rec.Key, rec.Generation)
	}
	return out, nil
}

// present adds what there is.
func (x *ExplainedService) present(view catalog.View, limit int) {
	owners := map[string]int{}
	for item := range view.Items("") {
		r := item.Packed()
		x.Instances++
		x.States[r.State()]++
		owners[r.Owner()]++
		if r.Health() == store.HealthSuspect {
			x.Suspect++
		}
		failing := r.Health() == store.HealthFailing
		if failing {
			x.Failing++
		}
		if r.State() == store.StatusUp && (!failing || view.Degraded && !r.Unchecked()) {
			x.Up++
		}
	}
	x.Degraded = view.Degraded
	x.Owners = counted(owners, limit)
	for rec, rhythm := range view.Rhythms() {
		if lateness(rec.TTL(), rhythm) > LateFrom {
			x.Late = append(x.Late, Late{rec.Record(), rhythm})
		}
	}
	slices.SortStableFunc(x.Late, func(a, b Late) int { return cmp.Compare(b.share(), a.share()) })
	x.Late = x.Late[:min(len(x.Late), limit)]
}

func (l Late) share() float64 { return lateness(l.Record.TTL, l.Rhythm) }

// lateness is the longest gap as a share of the TTL.
func lateness(ttl time.Duration, of catalog.Rhythm) float64 {
	if ttl <= 0 {
		return 0
	}
	return float64(of.Largest) / float64(ttl)
}

// counted gives the most frequent names.
func counted(n map[string]int, limit int) []Count {
	out := make([]Count, 0, len(n))
	for name, count := range n {
		out = append(out, Count{name, count})
	}
	slices.SortFunc(out, func(a, b Count) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Name, b.Name))
	})
	return out[:min(len(out), limit)]
}

// lately adds what the events tell, which stand oldest first.
func (x *ExplainedService) lately(events []store.Event, limit int) {
	if x.Events = len(events); x.Events > 0 {
		x.Since = events[0].Time
	}
	reasons := map[string]int{}
	last := map[string]*store.Record{} // by ID, for backends that do not tell what was there
	byID, byPlace := map[string]*arrivals{}, map[string]*arrivals{}
	for i := range events {
		ev := &events[i]
		id := ev.Key().ID
		if ev.Deleted() {
			rec := ev.Before
			if rec == nil {
				rec = last[id]
			}
			reasons[string(ev.Reason.Code)]++
			if rec != nil {
				x.Left = append(x.Left, Departure{Record: rec, Reason: ev.Reason, Time: ev.Time})
			}
			continue
		}
		last[id] = ev.Record
		if ev.Reason.Code == store.Registered {
			x.Registrations++
			arrive(byID, id, ev)
			arrive(byPlace, place(&ev.Record.Instance), ev)
		}
	}
	slices.Reverse(x.Left)
	x.Left = x.Left[:min(len(x.Left), limit)]
	x.Reasons = counted(reasons, limit)
	x.Flapping = flapping(byID, byPlace, limit)
}

// arrivals are the registrations of one ID, or in one place.
type arrivals struct {
	times []store.Millis
	ids   map[string]struct{}
	last  *store.Record
}

func arrive(all map[string]*arrivals, name string, ev *store.Event) {
	a := all[name]
	if a == nil {
		a = &arrivals{ids: map[string]struct{}{}}
		all[name] = a
	}
	a.times, a.last = append(a.times, ev.Time), ev.Record
	a.ids[ev.Record.Key.ID] = struct{}{}
}

// flap tells how often there was a registration within an hour before the last.
func (a *arrivals) flap() Flapping {
	f := Flapping{IDs: len(a.ids), Last: a.times[len(a.times)-1], Address: a.last.Instance.Address, Port: a.last.Instance.Port}
	from := f.Last - store.Millis(flapWithin.Milliseconds())
	for _, t := range a.times {
		if t >= from {
			f.Registrations++
		}
	}
	if f.IDs == 1 {
		f.ID = a.last.Key.ID
	}
	return f
}

// flapping gives the IDs that were registered again and again, and the places where new IDs
// were, which is how a client looks that crashes and takes a new ID at each start.
func flapping(byID, byPlace map[string]*arrivals, limit int) (out []Flapping) {
	for _, a := range byID {
		if f := a.flap(); f.Registrations >= flapsAt {
			out = append(out, f)
		}
	}
	for _, a := range byPlace {
		f := a.flap()
		for id := range a.ids {
			if byID[id].flap().Registrations >= flapsAt {
				f.IDs = 0 // it is told of already
			}
		}
		if f.Registrations >= flapsAt && f.IDs > 1 {
			out = append(out, f)
		}
	}
	slices.SortFunc(out, func(a, b Flapping) int {
		return cmp.Or(cmp.Compare(b.Registrations, a.Registrations), cmp.Compare(b.Last, a.Last), cmp.Compare(a.ID, b.ID),
			cmp.Compare(a.Address, b.Address), cmp.Compare(a.Port, b.Port))
	})
	return out[:min(len(out), limit)]
}
