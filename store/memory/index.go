package memory

import (
	"strings"

	"github.com/roster-sd/roster/store"
)

// entry is all that is known of one key: the record, and the graves of earlier ones. It
// stays where it is when the record dies, so that a mass of deaths moves no map.
type entry struct {
	rec    *store.Record // nil: none; it may be due and not yet announced
	latest *grave        // the newest
	home   *bucket
}

// bucket holds the entries of one place, a service for instance, by ID.
type bucket struct {
	at      place
	entries map[string]*entry
	records int           // entries that have one
	sample  *store.Record // the latest placed, nil without records; see share
}

type place struct{ kind, service string }

func (p place) chosen(sel store.Selector) bool {
	return (sel.Kind == "" || sel.Kind == p.kind) && (sel.Service == "" || sel.Service == p.service)
}

// index finds entries.
type index map[place]*bucket

// nothing is the entry of every key of which nothing is known.
var nothing = &entry{}

// find gives the entry of the key, never nil, to read.
func (x index) find(key store.Key) *entry {
	if b := x[place{key.Kind, key.Service}]; b != nil {
		if e := b.entries[key.ID]; e != nil {
			return e
		}
	}
	return nothing
}

// place gives the entry of the key to put something into, a new one if need be.
func (x index) place(key store.Key) *entry {
	at := place{key.Kind, key.Service}
	b := x[at]
	if b == nil {
		// Names for all that will stand here, not slices of one request's body.
		at = place{strings.Clone(key.Kind), strings.Clone(key.Service)}
		b = &bucket{at: at, entries: make(map[string]*entry)}
		x[at] = b
	}
	e := b.entries[key.ID]
	if e == nil {
		e = &entry{home: b}
		b.entries[key.ID] = e
	}
	return e
}

// tidy drops the entry of the key if nothing is left in it.
func (x index) tidy(e *entry, key store.Key) {
	if e.rec != nil || e.latest != nil {
		return
	}
	if delete(e.home.entries, key.ID); len(e.home.entries) == 0 {
		delete(x, e.home.at)
	}
}

// set makes rec the record of the entry, or with nil takes it out.
func (e *entry) set(rec *store.Record) {
	if e.rec == nil && rec != nil {
		e.home.records++
	} else if e.rec != nil && rec == nil {
		// A place of graves alone may stand for long, and needs no whole record.
		if e.home.records--; e.home.records == 0 {
			e.home.sample = nil
		}
	}
	e.rec = rec
}

// sel calls visit for the records that sel chooses, going no further than it must.
func (x index) sel(sel store.Selector, visit func(*store.Record)) {
	switch {
	case sel.Kind != "" && sel.Service != "" && sel.ID != "":
		if rec := x.find(store.Key(sel)).rec; rec != nil {
			visit(rec)
		}
	case sel.Kind != "" && sel.Service != "":
		if b := x[place{sel.Kind, sel.Service}]; b != nil {
			b.sel("", visit)
		}
	default:
		for at, b := range x {
			if at.chosen(sel) {
				b.sel(sel.ID, visit)
			}
		}
	}
}

func (b *bucket) sel(id string, visit func(*store.Record)) {
	if id != "" {
		if e := b.entries[id]; e != nil && e.rec != nil {
			visit(e.rec)
		}
		return
	}
	for _, e := range b.entries {
		if e.rec != nil {
			visit(e.rec)
		}
	}
}

// count gives how many records stand in the places that sel chooses.
func (x index) count(sel store.Selector) int {
	if sel.Kind != "" && sel.Service != "" {
		if b := x[place{sel.Kind, sel.Service}]; b != nil {
			return b.records
		}
		return 0
	}
	n := 0
	for at, b := range x {
		if at.chosen(sel) {
			n += b.records
		}
	}
	return n
}
