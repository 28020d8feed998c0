package registry

import (
	"slices"
	"strings"
	"sync"

	"github.com/roster-sd/roster/store"
)

// overrides are those that this node knows of, and what is to be done about them. Its zero
// value is good.
type overrides struct {
	mu   sync.RWMutex
	at   map[store.Key]knownOverride
	seen store.Revision // up to which the feed has told

	owed  map[store.Key]struct{} // overrides whose instances are to be settled
	swept bool                   // all instances have been looked at since the last list
	first store.Millis           // none is over before; 0: there is none
	wake  chan struct{}          // something is owed; holds one
}

// knownOverride is what is known of an override.
type knownOverride struct {
	rec *store.Record // nil: it was lifted here, and the feed has yet to tell
	rev store.Revision
	// lost is set where the backend lost it with its past. It stands until it is brought back.
	lost bool
}

// of gives the override of an instance, nil for none.
func (o *overrides) of(service, id string) *store.Override {
	o.mu.RLock()
	defer o.mu.RUnlock()
	if len(o.at) == 0 {
		return nil
	}
	if rec := o.at[overrideKey(service, id)].rec; rec != nil {
		return rec.Instance.Override
	}
	return nil
}

func (o *overrides) known(key store.Key) knownOverride {
	o.mu.RLock()
	defer o.mu.RUnlock()
	return o.at[key]
}

// put notes what the store has answered, if the feed has not told of it yet: if it has, it may
// have told of its end as well.
func (o *overrides) put(rec *store.Record) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.seen.Epoch != rec.Revision.Epoch || o.seen.Before(rec.Revision) {
		o.set(rec)
	}
}

// set notes what is not older than what is known. It needs the mutex.
func (o *overrides) set(rec *store.Record) {
	if o.at == nil {
		o.at = map[store.Key]knownOverride{}
	}
	if !rec.Revision.Before(o.at[rec.Key].rev) {
		o.at[rec.Key] = knownOverride{rec: rec, rev: rec.Revision}
		o.ends(rec)
	}
}

// lift notes the end of an override that the store has answered. Until the feed has told of it
// too, what it tells from before is passed over.
func (o *overrides) lift(key store.Key, at store.Revision) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch known, ok := o.at[key]; {
	case ok && at.Before(known.rev):
	case o.seen.Epoch == at.Epoch && o.seen.Before(at):
		o.at[key] = knownOverride{rev: at}
	default:
		delete(o.at, key)
	}
}

// forget lets go of an override that was lost and is not to come back.
func (o *overrides) forget(rec *store.Record) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.at[rec.Key].rec == rec {
		delete(o.at, rec.Key)
	}
}

// apply takes what the feed tells, and owes the instances concerned.
func (o *overrides) apply(events []store.Event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i := range events {
		ev := &events[i]
		key := ev.Key()
		if !ev.Deleted() {
			o.set(ev.Record)
		} else if !ev.Revision.Before(o.at[key].rev) {
			delete(o.at, key)
		}
		o.seen = ev.Revision
		o.owes(key)
	}
}

// reset takes a list for all that there are, but for what this node has been told by the store
// since, and owes a look at all instances. What it knows from another past of the backend, and
// whose time is not over, was lost, and stands.
func (o *overrides) reset(snap store.Snapshot, now store.Millis) {
	o.mu.Lock()
	defer o.mu.Unlock()
	before := o.at
	o.at, o.seen = make(map[store.Key]knownOverride, len(snap.Records)), snap.Revision
	for _, rec := range snap.Records {
		o.at[rec.Key] = knownOverride{rec: rec, rev: rec.Revision}
		o.ends(rec)
		if x := rec.Instance.Override; x != nil && x.KeptOut {
			o.owes(rec.Key) // this node may show what the store has not
		}
	}
	for key, known := range before {
		_, listed := o.at[key]
		switch {
		case snap.Revision.Before(known.rev):
			o.at[key] = known
		case listed:
			continue // the look at all instances finds what differs
		case known.rev.Epoch != snap.Revision.Epoch && untilOf(known.rec) > now:
			known.lost = true
			o.at[key] = known
		}
		o.owes(key)
	}
	o.swept = false
	o.nudge()
}

// keptOut gives those that are exclusions.
func (o *overrides) keptOut() (keys []store.Key) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	for key, known := range o.at {
		if known.rec != nil && known.rec.Instance.Override != nil && known.rec.Instance.Override.KeptOut {
			keys = append(keys, key)
		}
	}
	return keys
}

// all gives them by service and ID.
func (o *overrides) all() []*store.Record {
	o.mu.RLock()
	defer o.mu.RUnlock()
	list := make([]*store.Record, 0, len(o.at))
	for _, known := range o.at {
		if known.rec != nil {
			list = append(list, known.rec)
		}
	}
	slices.SortFunc(list, func(a, b *store.Record) int {
		if n := strings.Compare(a.Key.Service, b.Key.Service); n != 0 {
			return n
		}
		return strings.Compare(a.Key.ID, b.Key.ID)
	})
	return list
}
