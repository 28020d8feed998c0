package memory

import (
	"time"

	"github.com/roster-sd/roster/store"
)

// change is one revision in the making. It begins with the first event put in: a change
// that turns out to be none moves nothing. It needs the mutex throughout.
type change struct {
	s     *Store
	now   store.Millis
	began bool
}

func (s *Store) change() change { return change{s: s} }

// begin gives the revision of the change.
func (c *change) begin() store.Revision {
	if !c.began {
		c.began = true
		c.now = store.At(time.Now())
		c.s.revision.Number++
	}
	return c.s.revision
}

// put makes rec the record of the entry, and tells of it. It gives the record as it is kept.
func (c *change) put(e *entry, rec *store.Record, why store.Reason) *store.Packed {
	before, kept := e.rec, store.Pack(rec)
	e.set(kept)
	c.s.bind(e)
	c.s.keeper.note(item{number: c.begin().Number, rec: kept})
	c.event(kept, before, c.signed(why))
	return kept
}

// remove takes the record out of the entry, remembers it, and tells of it. Its lease is
// the caller's.
func (c *change) remove(e *entry, why store.Reason) {
	rec := e.rec
	c.s.unbind(rec.Lease())
	why = c.signed(why)
	c.bury(e, rec, why)
	e.set(nil)
	c.event(nil, rec, why)
}

// bury remembers a record that left the entry.
func (c *change) bury(e *entry, rec *store.Packed, why store.Reason) {
	gr := c.s.graves.add(e, grave{
		rec:    remains(rec),
		reason: why,
		number: c.begin().Number,
		time:   c.now,
		dug:    c.s.table.Now(),
	})
	c.s.keeper.note(item{number: c.begin().Number, grave: gr})
}

func (c *change) event(rec, before *store.Packed, why store.Reason) {
	c.s.log.append(event{
		number: c.begin().Number,
		time:   c.now,
		rec:    rec,
		before: before,
		reason: why,
	})
}

// done wakes the watchers, and who writes the state file, if anything happened.
func (c *change) done() {
	if c.began {
		c.s.log.announce()
		c.s.keeper.kick()
	}
}

// signed puts this node's name to a reason that names none.
func (c *change) signed(why store.Reason) store.Reason {
	if why.Node == "" {
		why.Node = c.s.opts.Node
	}
	return why
}
