package memory

import (
	"strings"

	"github.com/roster-sd/roster/internal/idmap"
	"github.com/roster-sd/roster/store"
)

// entry is all that is known of one key: the record, and the graves of earlier ones. It
// stays where it is when the record dies, so that a mass of deaths moves no map.
type entry struct {
	rec    *store.Packed // nil: none; it may be due and not yet announced
	latest *grave        // the newest
	home   *bucket
}

// id is the ID of the key; the empty one of an entry that has yet to be filled.
func (e *entry) id() string {
	switch {
	case e.rec != nil:
		return e.rec.ID()
	case e.latest != nil:
		return e.latest.rec.ID()
	}
	return ""
}

// record gives the record; nil also of no entry.
func (e *entry) record() *store.Packed {
	if e == nil {
		return nil
	}
	return e.rec
}

// bucket holds the entries of one place, a service for instance, by ID.
type bucket struct {
	at      place
	entries *idmap.Map[entry]
	records int // entries that have one
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
		if e := b.entries.Get(key.ID); e != nil {
			return e
		}
	}
	return nothing
}

// place gives the entry of the key to put something into, at once, a new one if need be.
func (x index) place(key store.Key) *entry {
	at := place{key.Kind, key.Service}
	b := x[at]
	if b == nil {
		// Names for all that will stand here, not slices of one request's body.
		at = place{strings.Clone(key.Kind), strings.Clone(key.Service)}
		b = &bucket{at: at, entries: idmap.New((*entry).id)}
		x[at] = b
	}
	e := b.entries.Get(key.ID)
	if e == nil {
		e = &entry{home: b}
		b.entries.Set(key.ID, e)
	}
	return e
}

// drop takes an entry out in which nothing is left but its last grave.
func (x index) drop(e *entry) {
	if e.home.entries.Delete(e.id()); e.home.entries.Len() == 0 {
		delete(x, e.home.at)
	}
}

// set makes rec the record of the entry, or with nil takes it out.
func (e *entry) set(rec *store.Packed) {
	if e.rec == nil && rec != nil {
		e.home.records++
	} else if e.rec != nil && rec == nil {
		e.home.records--
	}
	e.rec = rec
}

// sel calls visit for the records that sel chooses, going no further than it must.
func (x index) sel(sel store.Selector, visit func(*store.Packed)) {
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

func (b *bucket) sel(id string, visit func(*store.Packed)) {
	if id != "" {
		if e := b.entries.Get(id); e != nil && e.rec != nil {
			visit(e.rec)
		}
		return
	}
	for e := range b.entries.All() {
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
