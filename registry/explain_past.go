package registry

import (
	"context"
	"net"
	"slices"
	"strconv"

	"github.com/roster-sd/roster/catalog"
	"github.com/roster-sd/roster/store"
)

// Told is an event with what it changed of its instance.
type Told struct {
	store.Event
	Changes []Changed
}

// Changed is a part of an instance that an event changed.
type Changed struct{ Field, From, To string }

// The fields of a [Changed].
const (
	FieldStatus   = "status"
	FieldHealth   = "health"
	FieldVerdict  = "verdict" // of its check
	FieldOverride = "override"
	FieldAddress  = "address"
	FieldWeight   = "weight"
	FieldToken    = "token" // To is TokenMade or TokenUsed
)

// What an event tells of a token: that it was made, or that it was used for the first time
// and the one before is no longer good.
const (
	TokenMade = "made"
	TokenUsed = "used"
)

// past is what the store remembers of an instance.
type past struct {
	events []store.Event     // oldest first
	stones []store.Tombstone // newest first
}

// past reads what the store remembers of an instance.
func (r *Registry) past(ctx context.Context, key store.Key) (p past, err error) {
	if p.stones, err = r.store.Tombstones(ctx, key); err != nil {
		return p, err
	}
	p.events, err = r.store.History(ctx, store.Selector(key), pastOfInstance)
	return p, err
}

// left gives the end of the last life, or of the one before that of the record that is live.
func (p *past) left(live *catalog.Item) *Departure {
	before := func(r *store.Record) bool { return live == nil || r.Generation < live.Packed().Generation() }
	var out *Departure
	for _, s := range p.stones {
		if before(s.Record) {
			out = &Departure{Record: s.Record, Reason: s.Reason, Time: s.Time}
			break
		}
	}
	// Tombstones are forgotten sooner than events, or later: it depends on why.
	var last *store.Record
	for i := range p.events {
		ev := &p.events[i]
		rec := ev.Record
		if ev.Deleted() {
			if rec = ev.Before; rec == nil {
				rec = last
			}
			if rec != nil && before(rec) && (out == nil || ev.Time >= out.Time) {
				out = &Departure{Record: rec, Reason: ev.Reason, Time: ev.Time}
			}
		}
		last = rec
	}
	return out
}

// origin tells how the life of a record began.
func (p *past) origin(rec *store.Record) Origin {
	out := Origin{Owner: rec.Owner, Time: rec.RegisteredAt, Generation: rec.Generation}
	for i := range p.events {
		ev := &p.events[i]
		if ev.Reason.Code == store.Registered && !ev.Deleted() && ev.Record.Generation == rec.Generation {
			out.From, out.Node, out.Note = ev.Reason.From, ev.Reason.Node, ev.Reason.Note
		}
	}
	return out
}

func (p *past) rotations(generation uint64) (out Rotations) {
	for i := range p.events {
		if ev := &p.events[i]; madeToken(ev) && ev.Record.Generation == generation {
			out.Count++
			out.Last = ev.Time
		}
	}
	return out
}

// madeToken tells a rotation from the first use of what it made, which is the same event.
func madeToken(ev *store.Event) bool {
	return ev.Reason.Code == store.Rotated && !ev.Deleted() && ev.Record.Tokens.HasNewest
}

func (p *past) registrations() int {
	n := 0
	for i := range p.events {
		if p.events[i].Reason.Code == store.Registered {
			n++
		}
	}
	return n
}

// suspectedAt gives when the lease of a life was last found to have ended.
func (p *past) suspectedAt(generation uint64) store.Millis {
	for _, ev := range slices.Backward(p.events) {
		if ev.Deleted() && ev.Before != nil && ev.Before.Generation == generation ||
			ev.Reason.Code == store.Suspected && !ev.Deleted() && ev.Record.Generation == generation {
			return ev.Time
		}
	}
	return 0
}

// told gives the last events with what they changed.
func (p *past) told(limit int) []Told {
	out := make([]Told, 0, len(p.events))
	var last *store.Record
	for _, ev := range p.events {
		t := Told{Event: ev}
		before := ev.Before
		if before == nil {
			before = last
		}
		if last = ev.Record; !ev.Deleted() && ev.Reason.Code != store.Registered {
			t.Changes = changes(&ev, before)
		}
		out = append(out, t)
	}
	return out[max(0, len(out)-limit):]
}

// changes gives what an event changed; before may be nil.
func changes(ev *store.Event, before *store.Record) (out []Changed) {
	if ev.Reason.Code == store.Rotated {
		to := TokenUsed
		if madeToken(ev) {
			to = TokenMade
		}
		out = append(out, Changed{Field: FieldToken, To: to})
	}
	if before == nil {
		return out
	}
	add := func(field, from, to string) {
		if from != to {
			out = append(out, Changed{field, from, to})
		}
	}
	a, b := &before.Instance, &ev.Record.Instance
	add(FieldStatus, a.Status, b.Status)
	add(FieldHealth, a.Health, b.Health)
	add(FieldVerdict, verdictText(a.Verdict), verdictText(b.Verdict))
	add(FieldOverride, overrideText(a.Override), overrideText(b.Override))
	add(FieldAddress, place(a), place(b))
	add(FieldWeight, strconv.Itoa(int(a.Weight)), strconv.Itoa(int(b.Weight)))
	return out
}

func verdictText(v *store.Verdict) string {
	switch {
	case v == nil:
		return "none"
	case v.Why == "":
		return "passes"
	}
	return v.Why
}

func overrideText(o *store.Override) string {
	switch {
	case o == nil:
		return "none"
	case o.Status == "":
		return "kept out"
	}
	return o.Status
}

// place gives where an instance is reached.
func place(in *store.Instance) string {
	return net.JoinHostPort(in.Address, strconv.Itoa(int(in.Port)))
}
