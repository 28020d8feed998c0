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

// put makes rec, which nobody else has yet, the record of the entry, and tells of it.
func (c *change) put(e *entry, rec *store.Record, why store.Reason) {
	before := e.rec
	e.home.share(rec)
	e.set(rec)
	c.s.bind(rec, e)
	c.s.keeper.note(item{number: c.begin().Number, rec: rec})
	c.event(rec, before, c.signed(why))
}

// remove takes the record out of the entry, remembers it, and tells of it. Its lease is
// the caller's.
func (c *change) remove(e *entry, why store.Reason) {
	rec := e.rec
	e.set(nil)
	c.s.unbind(rec.Lease)
	why = c.signed(why)
	c.bury(e, rec, why)
	c.event(nil, rec, why)
}

// bury remembers a record that left the entry.
func (c *change) bury(e *entry, rec *store.Record, why store.Reason) {
	stone := c.s.graves.add(e, store.Tombstone{
		Record:   remains(rec),
		Reason:   why,
		Revision: c.begin(),
		Time:     c.now,
	}, c.s.table.Now())
	c.s.keeper.note(item{number: c.begin().Number, stone: stone})
}

func (c *change) event(rec, before *store.Record, why store.Reason) {
	c.s.log.append(store.Event{
		Revision: c.begin(),
		Time:     c.now,
		Record:   rec,
		Before:   before,
		Reason:   why,
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
