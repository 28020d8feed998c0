package catalog

import (
	"container/heap"
	"context"

	"github.com/roster-sd/roster/store"
)

// load replaces the whole view by a list, the first or the first of another epoch, and by
// what is kept beside it. It needs write.
func (c *Catalog) load(snap store.Snapshot, keep []*kept, newer map[store.Key]Newer) {
	services, owned := make(map[string]*service), make(owners)
	place := func(e *entry) *service {
		name := e.rec.Service()
		s, ok := services[name]
		if !ok {
			s = newService(name, snap.Revision)
			services[name] = s
		}
		s.put(e)
		owned.add(e.rec)
		s.heard(e.state, e.rec.RegisteredAt())
		// What this node has heard is still so where only the store's history is another.
		if old := c.entry(e.rec.Key()); old != nil && old.rec.RegisteredAt() == e.rec.RegisteredAt() {
			s.heard(e.state, store.Millis(old.state.last.Load()))
			e.state.promise.Store(old.state.promise.Load())
		}
		return s
	}
	for _, r := range snap.Records {
		place(entryOf(store.Pack(r), nil))
	}
	c.seq++
	mark := uint64(0)
	if len(keep) > 0 {
		c.marks++
		mark = c.marks
	}
	kepts, returning := make(map[store.Key]*kept, len(keep)), make(map[store.Key]struct{})
	var by [Causes]int
	for _, k := range keep {
		rec := k.rec
		if k.suspect {
			rec = suspected(rec, snap.Revision)
			by[k.cause]++
			k.counted = k.cause
		}
		s := place(entryOf(rec, nil))
		s.kept, s.mark = s.kept+1, mark
		if kepts[k.key] = k; k.acked != 0 {
			k.offered = true
			returning[k.key] = struct{}{}
		}
	}
	c.ends = keep
	for i, k := range c.ends {
		k.place = i
	}
	heap.Init(&c.ends)

	c.mu.Lock()
	c.services, c.owners, c.empties, c.total = services, owned, nil, len(snap.Records)+len(keep)
	c.floor, c.listed, c.listSeq, c.applied, c.appliedAt = snap.Revision, snap.Revision, c.seq, snap.Revision, c.seq
	c.kept, c.keptBy, c.toReturn, c.mark, c.newer = kepts, by, returning, mark, newer
	c.changes.reset(snap.Revision, c.seq, mark)
	now, some := c.now(), len(returning) > 0
	c.mu.Unlock()
	c.waiters.reached(snap.Revision)

	c.deliver.Lock()
	c.lagged.Add(c.subs.interrupt(snap.Revision.Epoch))
	c.sent = now
	c.deliver.Unlock()
	c.tellPeriod(sum(&by))
	if some {
		token(c.early)
	}
}

// reload takes in the list of another epoch: the backend has lost its past, or wrote it
// anew. Where the store is shared that is evidence against it: what it has lost is kept,
// but for what it says was meant to leave. It needs write.
func (c *Catalog) reload(ctx context.Context, snap store.Snapshot) {
	if !c.holds {
		c.load(snap, nil, nil)
		return
	}
	before := c.applied
	listed := make(map[store.Key]bool, len(snap.Records))
	for _, r := range snap.Records {
		listed[r.Key] = true
	}
	missing := c.missing(listed)
	deaths := c.deaths(ctx, missing)
	now := c.Now()
	c.evidence.add(disturbance{at: now, cause: NewEpoch}, now)
	keep := make([]*kept, 0, len(missing))
	for i, shown := range missing {
		if deaths[i].why.Meant() {
			continue
		}
		rec := shown
		if k := c.kept[shown.Key()]; k != nil {
			rec = k.rec
		}
		k := &kept{key: rec.Key(), rec: deaths[i].last(rec), seen: now, counted: Causes, place: -1}
		st := c.entry(rec.Key()).state
		if p := st.known(rec.Lease()); p != nil {
			if until := Moment(p.until.Load()); until > now {
				k.acked = until
			}
		}
		if k.hold(c.evident(k, st, now)) {
			keep = append(keep, k)
		}
	}
	newer := c.findNewer(snap, now)
	c.load(snap, keep, newer)
	c.past.forget()
	c.log.Warn("the backend has another past: what it lacks is held", "before", before.String(), "now", snap.Revision.String(),
		"listed", len(snap.Records), "held", len(keep), "older", len(newer))
	c.stir()
}
