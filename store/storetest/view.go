package storetest

import (
	"fmt"

	"github.com/roster-sd/roster/store"
)

// view is what a reader knows who applied a list and the events after it.
type view map[store.Key]*store.Record

func viewOf(snap store.Snapshot) view {
	v := view{}
	for _, rec := range snap.Records {
		v[rec.Key] = rec
	}
	return v
}

// apply takes one event in and tells where it does not follow from what was known.
func (v view) apply(ev store.Event) string {
	key := ev.Key()
	known := v[key]
	if ev.Before != nil {
		if d := differ(known, ev.Before); d != "" {
			return fmt.Sprintf("%q of %v at %v changes another record than the one known: %s", ev.Reason.Code, key, ev.Revision, d)
		}
	}
	if ev.Deleted() {
		if known == nil {
			return fmt.Sprintf("%q of %v at %v, which was not there", ev.Reason.Code, key, ev.Revision)
		}
		delete(v, key)
		return ""
	}
	if known != nil && ev.Record.Generation < known.Generation {
		return fmt.Sprintf("%v goes back from generation %d to %d", key, known.Generation, ev.Record.Generation)
	}
	v[key] = ev.Record
	return ""
}

// differs tells how the view differs from a list.
func (v view) differs(snap store.Snapshot) string {
	listed := viewOf(snap)
	if len(listed) != len(snap.Records) {
		return fmt.Sprintf("a list of %d records has %d keys", len(snap.Records), len(listed))
	}
	for key, rec := range listed {
		if d := differ(rec, v[key]); d != "" {
			return fmt.Sprintf("%v: %s", key, d)
		}
	}
	for key := range v {
		if listed[key] == nil {
			return fmt.Sprintf("%v is not in the list at %v", key, snap.Revision)
		}
	}
	return ""
}
