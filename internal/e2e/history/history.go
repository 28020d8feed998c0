package history

import (
	"slices"
	"time"
)

// Moment is a time since the beginning of a run, on one monotonic clock.
type Moment = time.Duration

// Kind is what a call was for.
type Kind int

// The kinds of call. Stop is none, but the moment at which an owner fell silent on
// purpose, right after a renewal that was acknowledged.
const (
	Register Kind = iota
	Renew
	Rotate
	Patch
	Deregister
	Get
	List
	Resolve
	Stop
)

func (k Kind) String() string {
	return [...]string{"register", "renew", "rotate", "patch", "deregister", "get", "list", "resolve", "stop"}[k]
}

// Op is one call to one node, as its caller saw it. An instance has one name,
// service/instance, for one life: owners that lost theirs take another.
type Op struct {
	Kind    Kind
	Node    int
	Service string // of reads
	Name    string // of the instance; empty for a list, and for a resolve that found none
	Start   Moment
	End     Moment
	Status  int // of HTTP; 0 where no answer came
	Reason  string

	TTL      time.Duration // granted, with an acknowledged registration or renewal
	Revision Revision      // of the instance, with an acknowledged registration or change
	Weight   int           // asked for, with a registration or change
	Stale    bool          // of a read: the node said that its view may be old
	Names    []string      // of a list: what it had
	Patient  bool          // its caller would have waited well beyond what a node may take
}

// Acknowledged tells that the call was answered well.
func (o *Op) Acknowledged() bool { return o.Status >= 200 && o.Status < 300 }

// Unknown tells that nobody knows what became of the call.
func (o *Op) Unknown() bool {
	return o.Status == 0 || o.Status == 502 || o.Status == 503 || o.Status == 504
}

// Type is what a watcher was told.
type Type int

// The types of sighting. Connected is the beginning of a connection, after which the
// watcher resumes or is given a snapshot.
const (
	Connected Type = iota
	Snapshot
	Put
	Delete
	Resync
)

func (t Type) String() string {
	return [...]string{"connected", "snapshot", "put", "delete", "resync"}[t]
}

// Item is an instance as a snapshot or a list shows it.
type Item struct {
	Revision Revision
	Weight   int
	Health   string
}

// Sighting is one event that a watcher was given.
type Sighting struct {
	Type     Type
	At       Moment
	Node     int // that the connection leads to
	Name     string
	Item     Item     // of a put; of a delete the revision only
	Position Revision // up to which the watcher has seen everything; zero if this event says none
	Marked   bool     // the position is the node's own
	Reason   string
	View     map[string]Item // of a snapshot, all its parts together
}

// Watch is all that one watcher was given, in order.
type Watch struct {
	Name      string
	Pinned    bool     // it follows one node and no other
	Services  []string // nil: all
	Sightings []Sighting
}

// covers tells whether the watch was for an instance.
func (w *Watch) covers(name string) bool {
	return w.Services == nil || slices.Contains(w.Services, serviceOf(name))
}

// Effect is what a disruption does.
type Effect int

const (
	// Trouble: calls may fail and take long, and nothing more is known. That the rules hold
	// is still asked for, but no times are.
	Trouble Effect = iota
	// Outage: the nodes cannot reach their backend, and have to say so.
	Outage
	// Down: the nodes themselves do not run.
	Down
	// Forgotten: everything that was registered is lost, as the registry promises no
	// better. Who renewed before has no claim after.
	Forgotten
)

// Disruption is a time in which a test broke something.
type Disruption struct {
	Effect Effect
	From   Moment
	Ending Moment // from here on it may be over; zero: not before To
	To     Moment
	Nodes  []int // that it concerns; nil: all
	// Loses: the backend may come back without its last writes, so that a change or a
	// rotation of before may meet nothing, or the past.
	Loses bool
	// Restarts: leases may begin anew at the end of it, by the backend's own rules.
	Restarts bool
}

func (d *Disruption) concerns(node int) bool { return d.Nodes == nil || slices.Contains(d.Nodes, node) }

// lasts gives up to when it certainly goes on.
func (d *Disruption) lasts() Moment {
	if d.Ending > 0 {
		return d.Ending
	}
	return d.To
}

func (d *Disruption) total() bool { return d.Nodes == nil }

// Span is a piece of time.
type Span struct{ From, To Moment }

// overlap gives how much of the span lies between two moments.
func (s Span) overlap(from, to Moment) time.Duration { return max(0, min(s.To, to)-max(s.From, from)) }

// Final is what the store held once everything was quiet.
type Final struct {
	At    Moment
	Items map[string]Item
}

// Bounds are the times that the checks hold a registry to.
type Bounds struct {
	Late      time.Duration // from a deadline until the instance is gone
	Typical   time.Duration // from a registration until it is visible elsewhere: half of them
	Visible   time.Duration // 99 of 100
	VisibleBy time.Duration // and all
	Stale     time.Duration // from the begin of an outage until the view is said to be old
	Refused   time.Duration // from the begin of a write that cannot be done until it is refused
	Converged time.Duration // from the end of an outage until the node is itself again
}

// History is a run.
type History struct {
	Ops         []Op
	Watches     []Watch
	Disruptions []Disruption
	// Stalls are times in which the recorder itself did not run. They are taken off what
	// is measured across them.
	Stalls []Span
	Final  *Final
	Bounds Bounds
	End    Moment
}

// between measures a time without that in which the recorder did not run.
func (h *History) between(from, to Moment) time.Duration {
	d := to - from
	for _, s := range h.Stalls {
		d -= s.overlap(from, to)
	}
	return max(d, 0)
}

// disturbed tells whether a disruption of the nodes (all, if none is given) lies within
// a time, and for the while after it in which things are mended.
func (h *History) disturbed(from, to Moment, after time.Duration, nodes ...int) bool {
	_, disturbed := h.disturbance(from, to, after, nodes...)
	return disturbed
}

// disturbance is disturbed, and tells when the last such disruption is mended.
func (h *History) disturbance(from, to Moment, after time.Duration, nodes ...int) (until Moment, disturbed bool) {
	for i := range h.Disruptions {
		d := &h.Disruptions[i]
		if d.From > to || d.To+after < from {
			continue
		}
		if len(nodes) == 0 || slices.ContainsFunc(nodes, d.concerns) {
			until, disturbed = max(until, d.To+after), true
		}
	}
	return until, disturbed
}
