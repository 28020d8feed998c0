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
	free          *kept   // by which it was kept, and is no longer
	keep          *kept   // by which it is kept from now on
	seq, number   uint64  // of its group: its place, and that of its revision
	mark          uint64  // of the view after its group
}

// instant is a position with its place in the order of what this node has shown: several
// positions of one revision differ in their marks, which say nothing of which came first.
type instant struct {
	Position
	seq uint64
}

// now needs mu.
func (c *Catalog) now() instant { return instant{c.position(), c.appliedAt} }

// apply brings a batch into the view, then to subscribers.
func (c *Catalog) apply(batch store.Batch) {
	// What was read after this process stood still is judged with that known.
	c.pulse()
	c.write.Lock()
	defer c.write.Unlock()
	c.applyLocked(batch)
}

// applyLocked needs write.
func (c *Catalog) applyLocked(batch store.Batch) {
	c.commit(batch.Revision, c.prepare(batch))
	c.appliedEvents.Add(uint64(len(batch.Events)))
}

// commit makes prepared steps the view at a revision, and tells whom they concern. It
// needs write. The work that does not need mu, encoding above all, is done before.
func (c *Catalog) commit(rev store.Revision, steps []step) {
	c.mu.Lock()
	for i := range steps {
		c.step(&steps[i])
	}
	c.applied, c.appliedAt = rev, c.seq
	now, held, returning := c.now(), sum(&c.keptBy), len(c.toReturn)
	c.mu.Unlock()
	c.waiters.reached(rev)

	c.deliver.Lock()
	c.lagged.Add(c.subs.deliver(steps))
	c.sent = now
	c.deliver.Unlock()
	c.tellPeriod(held)
	if returning > 0 {
		token(c.early)
	}
}

// step needs write and mu.
func (c *Catalog) step(st *step) {
	r := st.rec()
	s, ok := c.services[r.Service()]
	if !ok {
		s = newService(r.Service(), c.floor)
		c.services[s.name] = s
	}
	n, up, degraded := s.tree.Len(), s.up(), s.degraded
	switch {
	case st.after != nil:
		if st.before != nil && st.before.rec.Generation() != r.Generation() {
			c.departed.add(st.before)
			st.after.state.gap.Store(0)
		}
		s.put(st.after)
		if st.before == nil || st.before.rec.Lease() != r.Lease() {
			s.heard(st.after.state, r.RegisteredAt())
		}
	case st.before != nil:
		c.departed.add(st.before)
		s.remove(st.before)
	}
	c.noteRemoved(st, s)
	s.judge(c.opts.Panic)
	c.degraded += change(degraded, s.degraded)
	c.stepKept(st, s)
	c.total += s.tree.Len() - n
	c.owners.move(st.before, st.after)
	if st.change != nil {
		s.changed = st.change.Revision
		if n != s.tree.Len() || up != s.up() {
			c.listed, c.listSeq = st.change.Revision, st.seq
		}
		c.changes.add(st.change)
	}
	if s.tree.Len() == 0 && !s.queued {
		s.queued = true
		c.empties = append(c.empties, s.name)
		c.forget()
	}
}

// change is by how much a count of what is so changes.
func change(before, after bool) int {
	switch {
	case before == after:
		return 0
	case after:
		return 1
	}
	return -1
}

// stepKept keeps account of what is shown that the store has let go. It needs mu.
func (c *Catalog) stepKept(st *step, s *service) {
	if k := st.free; k != nil {
		if s.kept--; st.keep == nil {
			delete(c.kept, k.key)
			delete(c.toReturn, k.key)
		}
		c.count(k, Causes)
	}
	if k := st.keep; k != nil {
		c.kept[k.key] = k
		s.kept++
		if c.count(k, k.cause); k.acked != 0 && !k.offered {
			k.offered = true
			c.toReturn[k.key] = struct{}{}
		}
	}
	if st.free != nil || st.keep != nil {
		s.mark = st.mark
	}
	if st.mark != c.mark {
		c.mark = st.mark
		c.changes.turn(transition{seq: st.seq, number: st.number, mark: st.mark})
	}
}

func (st *step) rec() *store.Packed {
	switch {
	case st.after != nil:
		return st.after.rec
	case st.before != nil:
		return st.before.rec
	}
	return st.change.Before
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
