package registry

import (
	"context"
	"errors"
	"time"

	"github.com/roster-sd/roster/catalog"
	"github.com/roster-sd/roster/store"
)

// Explained is what is known of one instance: as it is, or how it left.
type Explained struct {
	Key      store.Key
	Time     store.Millis // of the answer, by this node's wall clock
	Node     string       // this node
	Position catalog.Position

	// Live is the instance as this node shows it; nil: it is gone, and Left says why.
	Live *catalog.Item
	// Left is the end of its last life; of one that is live, of the life before, if that is
	// remembered.
	Left *Departure
	// Origin is its last registration: of the life that is live, else of the last one.
	Origin Origin
	// TimeLeft is what remains of its lease by the backend's clock, where HasTimeLeft.
	TimeLeft    time.Duration
	HasTimeLeft bool
	Rotations   Rotations
	Override    *store.Override // an administrator's word that stands, also for one that is gone
	// Rhythm is of the life that is live, as this node took part in it; nil: it did not.
	Rhythm *catalog.Rhythm
	// Hold is why it is shown past the end of its lease; nil: it is not.
	Hold *Held
	// Spared: it has failed its check and asked to be removed for that, and is kept because nearly all
	// of its service fail.
	Spared bool
	// Registrations is how often it was registered within the events that are remembered.
	Registrations int
	Events        []Told // the newest, oldest first
	// Incomplete: the backend is out of reach, so what only it knows is missing.
	Incomplete bool
}

// Origin is how a life of an instance began. From, Node and Note are of the event, and empty
// where that is forgotten.
type Origin struct {
	Owner      string
	Time       store.Millis
	Generation uint64
	From, Node string
	Note       string
}

// Rotations is what the events tell of the tokens of a life.
type Rotations struct {
	Count int // tokens made after the first
	Last  store.Millis
}

// Held is why an instance is shown past the end of its lease.
type Held struct {
	Because string       // as the end of a sentence
	Since   store.Millis // when its lease was found to have ended; 0: not known
	// Left is for how long it is kept if nobody hears of it, where HasLeft.
	Left    time.Duration
	HasLeft bool
}

// Departure is the end of a life of an instance.
type Departure struct {
	Record *store.Record // as a [store.Tombstone] has it, or more; never nil
	Reason store.Reason
	Time   store.Millis
	Rhythm *catalog.Rhythm // as this node took part in that life; nil: it did not
}

// How much is looked at, and told of it unless more is asked for.
const (
	pastOfInstance = 1000
	pastOfService  = 5000
	DefaultTold    = 20
)

// ExplainInstance tells what is known of an instance that is there, or that left not too long
// ago: at most so many events of it. NotFound: nothing is. While the backend is out of reach
// it tells what this node knows.
func (r *Registry) ExplainInstance(ctx context.Context, c Caller, service, id string, limit int) (Explained, error) {
	item, at, err := r.Instance(ctx, c, service, id, false)
	unknown := CodeOf(err) == NotFound
	if err != nil && (!unknown || !r.mayDiscover(c, service)) {
		return Explained{}, err
	}
	out := Explained{Key: store.InstanceKey(service, id), Time: r.millis(), Node: r.opts.Node, Position: at,
		Override: r.overrides.of(service, id)}
	if !unknown {
		out.Live = &item
	} else if rec, failure := r.store.Get(ctx, out.Key); failure == nil {
		// Another node has just registered it, and this one has yet to hear of that.
		item = r.catalog.Item(rec, rec.RegisteredAt)
		out.Live = &item
	} else if !errors.Is(failure, store.ErrNotFound) {
		return Explained{}, failed(failure)
	}
	past, err := r.past(ctx, out.Key)
	if err != nil && (out.Live == nil || !unreachable(err)) {
		return Explained{}, failed(err)
	}
	out.Incomplete = err != nil
	if out.Left = past.left(out.Live); out.Left != nil {
		out.Left.Rhythm = r.rhythm(out.Key, out.Left.Record.Generation)
	}
	switch {
	case out.Live != nil:
		r.explainLive(ctx, &out, &past)
	case out.Left == nil:
		return Explained{}, &Error{Code: NotFound, Detail: "service " + quote(service) + " has no instance " + quote(id)}
	default:
		out.Origin, out.Rotations = past.origin(out.Left.Record), past.rotations(out.Left.Record.Generation)
	}
	out.Registrations = past.registrations()
	out.Events = past.told(limit)
	return out, nil
}

// explainLive adds what is known of one that is there.
func (r *Registry) explainLive(ctx context.Context, out *Explained, past *past) {
	rec := out.Live.Record()
	out.Origin, out.Rotations = past.origin(rec), past.rotations(rec.Generation)
	out.Rhythm = r.rhythm(rec.Key, rec.Generation)
	if !out.Incomplete {
		left, err := r.store.TimeToLive(ctx, []store.Ref{rec.Ref()})
		if out.HasTimeLeft = err == nil && rec.Lease != 0 && left[0] >= 0; out.HasTimeLeft {
			out.TimeLeft = left[0]
		}
	}
	if in := &rec.Instance; in.Health == store.HealthFailing && !in.Unchecked() && in.Check != nil && in.Check.Evict {
		out.Spared = r.catalog.NearlyAllFail(rec.Key.Service)
	}
	if rec.Instance.Health != store.HealthSuspect {
		return
	}
	if hold, ok := r.catalog.Hold(rec.Key); ok {
		out.Hold = &Held{Because: hold.Cause.Text(), Since: past.suspectedAt(rec.Generation), Left: hold.Left, HasLeft: hold.Left >= 0}
	} else if !r.catalog.Holds() {
		// A store that is not shared holds for itself, and for one cause alone.
		out.Hold = &Held{Because: catalog.Pause.Text(), Since: past.suspectedAt(rec.Generation), Left: out.TimeLeft, HasLeft: out.HasTimeLeft}
	}
}

func (r *Registry) rhythm(key store.Key, generation uint64) *catalog.Rhythm {
	if rhythm, ok := r.catalog.Rhythm(key, generation); ok {
		return &rhythm
	}
	return nil
}
