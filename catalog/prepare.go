package catalog

import (
	"github.com/roster-sd/roster/store"
)

// shown is an instance in the view: by which it is kept, if it is.
type shown struct {
	entry *entry
	kept  *kept
}

// draft is the steps of one change of the view in the making, in groups of one revision
// each. It needs Catalog.write.
type draft struct {
	c     *Catalog
	steps []step
	first int            // of the group that is open
	rev   store.Revision // of that group
	kept  int            // how many are kept after the steps
	moved bool           // what is kept is another than before the group
	mark  uint64         // after the last group that was closed
}

func (c *Catalog) draft(rev store.Revision, size int) *draft {
	c.seq++
	return &draft{c: c, steps: make([]step, 0, size), rev: rev, kept: len(c.kept), mark: c.mark}
}

// turn closes the open group, and opens one at another revision.
func (d *draft) turn(rev store.Revision) {
	d.close()
	d.c.seq++
	d.first, d.rev, d.moved = len(d.steps), rev, false
}

// close gives the steps of the open group their place in the order, which is also that of
// the view after it.
func (d *draft) close() []step {
	if d.moved {
		d.c.marks++
		if d.mark = d.c.marks; d.kept == 0 {
			d.mark = 0 // what is shown is what the store holds
		}
	}
	at := d.c.marked(d.rev, d.mark)
	for i := d.first; i < len(d.steps); i++ {
		st := &d.steps[i]
		st.seq, st.number, st.mark = d.c.seq, d.rev.Number, d.mark
		if st.change != nil {
			st.change.seq, st.change.at = st.seq, at
		}
	}
	return d.steps
}

func (d *draft) add(st step) {
	if st.free != nil {
		d.kept, d.moved = d.kept-1, true
	}
	if st.keep != nil {
		d.kept, d.moved = d.kept+1, true
	}
	d.steps = append(d.steps, st)
}

// keep adds that an instance is shown on though the store has let it go.
func (d *draft) keep(before shown, k *kept) {
	st := step{before: before.entry, after: before.entry, free: before.kept, keep: k}
	d.c.schedule(k)
	d.c.stir()
	if rec := before.entry.rec; k.suspect {
		if s := suspected(rec, d.rev); s != rec {
			st.after = &entry{rec: s, state: before.entry.state}
			st.change = &Change{Revision: d.rev, Before: rec, After: s, Reason: store.Reason{Code: store.Suspected}, item: d.c.item(st.after)}
		}
	}
	d.add(st)
}

// leave adds that an instance is shown no longer.
func (d *draft) leave(before shown, why store.Reason) {
	d.free(before.kept)
	rec := before.entry.rec
	if why.Code == store.Expired {
		d.c.expired.Add(1)
		d.c.log.Info("expired", "service", rec.Service(), "instance", rec.ID(), "ttl", rec.TTL().String())
	}
	d.add(step{before: before.entry, free: before.kept, change: &Change{Revision: d.rev, Before: rec, Reason: why}})
}

func (d *draft) free(k *kept) {
	if k != nil {
		d.c.release(k)
	}
}

// prepare makes the steps of a batch. It needs write, and so reads the view without mu.
func (c *Catalog) prepare(batch store.Batch) []step {
	if len(batch.Events) == 0 {
		return nil
	}
	d := c.draft(batch.Events[0].Revision, len(batch.Events))
	var latest map[store.Key]shown // of keys that a batch changes more than once
	if len(batch.Events) > 1 {
		latest = make(map[store.Key]shown, len(batch.Events))
	}
	for i := range batch.Events {
		ev := &batch.Events[i]
		if ev.Revision != d.rev {
			d.turn(ev.Revision)
		}
		key := ev.Key()
		before, ok := latest[key]
		if !ok {
			before = c.shown(key)
		}
		n := len(d.steps)
		d.event(ev, before)
		if latest != nil && len(d.steps) > n {
			latest[key] = shown{d.steps[n].after, d.steps[n].keep}
		}
	}
	return d.close()
}

// event adds the step of an event, if it makes one.
func (d *draft) event(ev *store.Event, before shown) {
	c := d.c
	c.forgetNewer(ev.Key())
	if ev.Deleted() {
		d.deletion(ev, before)
		return
	}
	d.free(before.kept)
	st := step{before: before.entry, after: entryOf(store.Pack(ev.Record), before.entry), free: before.kept}
	if before.entry == nil || differs(st.after.rec, before.entry.rec) {
		st.change = &Change{Revision: ev.Revision, After: st.after.rec, Reason: ev.Reason, item: c.item(st.after)}
		if before.entry != nil {
			st.change.Before = before.entry.rec
		}
	}
	if before.entry != nil && c.holds {
		c.past.add(before.entry.rec)
	}
	d.add(st)
}

func (d *draft) deletion(ev *store.Event, before shown) {
	switch expired := ev.Reason.Code == store.Expired; {
	case before.entry == nil:
		// A list hides what has expired before that is announced. Whoever came from another
		// node with the position of the list may have it, and must hear that it is gone.
		if d.c.holds && ev.Before != nil {
			d.add(step{change: &Change{Revision: ev.Revision, Before: store.Pack(ev.Before), Reason: ev.Reason}})
		}
	case expired && before.kept != nil:
		// It is gone already, and stays kept.
	case expired:
		if k := d.c.judge(before.entry, d.c.Now()); k != nil {
			if ev.Before != nil && ev.Before.Generation == k.rec.Generation() && ev.Before.Tokens != k.rec.Tokens() {
				rec := k.rec.Record()
				rec.Tokens = ev.Before.Tokens
				k.rec = store.Pack(rec)
			}
			if k.acked != 0 {
				d.c.earlyEnds.Add(1)
			}
			d.keep(before, k)
			return
		}
		d.leave(before, ev.Reason)
	default:
		d.leave(before, ev.Reason)
	}
}

// shown gives what the view has of a key. It needs write, and not mu.
func (c *Catalog) shown(key store.Key) shown { return shown{c.entry(key), c.kept[key]} }

// entry gives the entry of a key, nil for none. It needs write or mu.
func (c *Catalog) entry(key store.Key) *entry {
	if s := c.services[key.Service]; s != nil {
		return s.byID.Get(key.ID)
	}
	return nil
}

// differs tells whether clients see a difference between two versions of a record.
func differs(a, b *store.Packed) bool {
	return a.Changed() != b.Changed() || a.Revision().Epoch != b.Revision().Epoch
}

// entryOf makes the entry of a record.
func entryOf(r *store.Packed, before *entry) *entry {
	if before == nil {
		// Most instances have one version: what is read of them at once is one piece of memory.
		first := new(struct {
			entry
			state state
		})
		first.state.last.Store(int64(r.RegisteredAt()))
		first.entry.rec, first.entry.state = r, &first.state
		return &first.entry
	}
	return &entry{rec: r, state: before.state}
}
