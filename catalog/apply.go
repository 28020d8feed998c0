package catalog

import (
	"github.com/roster-sd/roster/store"
)

// maxEmpties is how many services without instances are remembered, for the revision
// of their last change.
const maxEmpties = 10_000

// step is a prepared change of one instance.
type step struct {
	before, after *entry
	change        *Change // nil: clients see no difference
}

// apply brings a batch into the view, then to subscribers. The work that does not need
// the lock, encoding above all, is done before it is taken.
func (c *Catalog) apply(batch store.Batch) {
	steps := c.prepare(batch)
	c.mu.Lock()
	for i := range steps {
		c.step(&steps[i])
	}
	c.applied = batch.Revision
	c.mu.Unlock()
	c.appliedEvents.Add(uint64(len(batch.Events)))
	c.waiters.reached(batch.Revision)

	c.deliver.Lock()
	c.lagged.Add(c.subs.deliver(steps))
	c.sent = batch.Revision
	c.deliver.Unlock()
}

// prepare makes the steps of a batch. It runs in the only goroutine that changes the
// view, so it reads it without the lock.
func (c *Catalog) prepare(batch store.Batch) []step {
	steps := make([]step, 0, len(batch.Events))
	var latest map[store.Key]*entry // of keys that a batch changes more than once
	if len(batch.Events) > 1 {
		latest = make(map[store.Key]*entry, len(batch.Events))
	}
	for i := range batch.Events {
		ev := &batch.Events[i]
		key := ev.Key()
		before, ok := latest[key]
		if !ok {
			before = c.entry(key)
		}
		st, ok := c.prepareStep(ev, before)
		if !ok {
			continue
		}
		steps = append(steps, st)
		if latest != nil {
			latest[key] = st.after
		}
	}
	return steps
}

// entry gives the entry of a key, nil for none; for the goroutine of Run, without the lock.
func (c *Catalog) entry(key store.Key) *entry {
	if s := c.services[key.Service]; s != nil {
		return s.byID[key.ID]
	}
	return nil
}

func (c *Catalog) prepareStep(ev *store.Event, before *entry) (step, bool) {
	st := step{before: before}
	if ev.Deleted() {
		if before == nil {
			return st, false
		}
		if ev.Reason.Code == store.Expired {
			c.expired.Add(1)
			c.log.Info("expired", "service", before.rec.Key.Service, "instance", before.rec.Key.ID, "ttl", before.rec.TTL.String())
		}
		st.change = &Change{Revision: ev.Revision, Before: before.rec, Reason: ev.Reason}
		return st, true
	}
	st.after = c.version(ev.Record, before)
	if before != nil && st.after.body == before.body {
		return st, true
	}
	st.change = &Change{Revision: ev.Revision, After: ev.Record, Reason: ev.Reason, item: st.after.item()}
	if before != nil {
		st.change.Before = before.rec
	}
	return st, true
}

// version makes the entry of a record. One that clients cannot tell from the version
// before keeps that one's encoding.
func (c *Catalog) version(r *store.Record, before *entry) *entry {
	if before == nil {
		state := &state{hash: hashID(r.Key.ID), tier: -1}
		state.last.Store(int64(r.RegisteredAt))
		return &entry{rec: r, body: string(c.opts.Encode(nil, r)), state: state}
	}
	e := &entry{rec: r, body: before.body, state: before.state}
	if r.Changed != before.rec.Changed || r.Revision.Epoch != before.rec.Revision.Epoch {
		e.body = string(c.opts.Encode(make([]byte, 0, len(before.body)+16), r))
	}
	return e
}

// step needs mu.
func (c *Catalog) step(st *step) {
	r := st.rec()
	s, ok := c.services[r.Key.Service]
	if !ok {
		s = newService(r.Key.Service, c.floor)
		c.services[r.Key.Service] = s
	}
	n, up := s.tree.Len(), s.up()
	switch {
	case st.after == nil:
		s.remove(st.before)
	default:
		s.put(st.after)
		if st.before == nil || st.before.rec.Lease != r.Lease {
			s.heard(st.after.state, r.RegisteredAt)
		}
	}
	c.total += s.tree.Len() - n
	if st.change == nil {
		return
	}
	s.changed = st.change.Revision
	if n != s.tree.Len() || up != s.up() {
		c.listed = st.change.Revision
	}
	c.changes.add(st.change)
	if s.tree.Len() == 0 && !s.queued {
		s.queued = true
		c.empties = append(c.empties, s.name)
		c.forget()
	}
}

func (st *step) rec() *store.Record {
	if st.after != nil {
		return st.after.rec
	}
	return st.before.rec
}

// forget drops the services that have been empty for longest; what is then said of them
// is the floor, which is later than their last change. It needs mu.
func (c *Catalog) forget() {
	for len(c.empties) > maxEmpties {
		name := c.empties[0]
		c.empties = c.empties[1:]
		s := c.services[name]
		s.queued = false
		if s.tree.Len() == 0 {
			delete(c.services, name)
			c.floor = c.applied
			if c.floor.Before(s.changed) || c.floor.Epoch != s.changed.Epoch {
				c.floor = s.changed
			}
		}
	}
}

// load replaces the whole view by a list: the first, or the first of another epoch.
func (c *Catalog) load(snap store.Snapshot) {
	services := make(map[string]*service)
	for _, r := range snap.Records {
		s, ok := services[r.Key.Service]
		if !ok {
			s = newService(r.Key.Service, snap.Revision)
			services[r.Key.Service] = s
		}
		e := c.version(r, nil)
		s.put(e)
		s.heard(e.state, r.RegisteredAt)
		// What this node has heard is still so where only the store's history is another.
		if old := c.entry(r.Key); old != nil && old.rec.RegisteredAt == r.RegisteredAt {
			s.heard(e.state, store.Millis(old.state.last.Load()))
		}
	}
	c.mu.Lock()
	c.services, c.empties, c.total = services, nil, len(snap.Records)
	c.floor, c.listed, c.applied = snap.Revision, snap.Revision, snap.Revision
	c.changes.reset(snap.Revision)
	c.mu.Unlock()
	c.contact()
	c.waiters.reached(snap.Revision)

	c.deliver.Lock()
	c.lagged.Add(c.subs.interrupt(snap.Revision.Epoch))
	c.sent = snap.Revision
	c.deliver.Unlock()
}
