package catalog

import (
	"github.com/roster-sd/roster/store"
)

// Newer is a later form of a record than the one that the store went back to: it has lost
// a rotation, say, or a whole registration.
type Newer struct {
	Record *store.Record // the later form, as this node last saw it
	Stored *store.Record // the earlier form, as the store had it when it was listed
	until  Moment
}

// Newer gives the later form of a record that the store has lost, while that may be used:
// by someone who holds a token of it, and only where the store still has the earlier form.
func (c *Catalog) Newer(key store.Key) (Newer, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	n, ok := c.newer[key]
	return n, ok && c.Now() < n.until
}

// forgetNewer drops what is known of a record that has changed. It needs write.
func (c *Catalog) forgetNewer(key store.Key) {
	if len(c.newer) == 0 {
		return
	}
	c.mu.Lock()
	delete(c.newer, key)
	c.mu.Unlock()
}

// findNewer looks for records of a list in another epoch that are forms from before the
// present ones. That a form has another number or another token proves nothing: it may be
// the later one. This node must have seen it itself, in its place before the present one,
// or a token would be revived that has been ended. It needs write.
func (c *Catalog) findNewer(snap store.Snapshot, now Moment) map[store.Key]Newer {
	var out map[store.Key]Newer
	seen := c.past.forms()
	for _, r := range snap.Records {
		e := c.entry(r.Key)
		if e == nil {
			continue
		}
		rec := e.rec
		if k := c.kept[r.Key]; k != nil {
			rec = k.rec
		}
		if n, ok := c.newer[r.Key]; ok && formOf(n.Stored) == formOf(r) {
			rec = store.Pack(n.Record) // lost once before, and not brought back since
		} else if rec.Generation() == r.Generation && rec.Tokens() == r.Tokens {
			continue
		} else if _, ok := seen[formOf(r)]; !ok {
			continue
		}
		if out == nil {
			out = make(map[store.Key]Newer)
		}
		out[r.Key] = Newer{Record: rec.Record(), Stored: r, until: now.after(min(rec.TTL(), maxHold))}
	}
	return out
}

// pastForms is how many earlier forms of records are remembered: more than a replica may
// lag behind.
const pastForms = 16_384

// form is what tells one form of a record from another.
type form struct {
	key        store.Key
	generation uint64
	lease      store.LeaseID
	number     uint64
	tokens     store.Tokens
}

func formOf(r *store.Record) form {
	return form{r.Key, r.Generation, r.Lease, r.Revision.Number, r.Tokens}
}

// past is the last forms of records that were followed by another. It needs write.
type past struct {
	ring []form
	next int
}

func (p *past) add(packed *store.Packed) {
	r := packed.Record()
	if len(p.ring) < pastForms {
		p.ring = append(p.ring, formOf(r))
		return
	}
	p.ring[p.next] = formOf(r)
	p.next = (p.next + 1) % pastForms
}

func (p *past) forms() map[form]struct{} {
	out := make(map[form]struct{}, len(p.ring))
	for _, f := range p.ring {
		out[f] = struct{}{}
	}
	return out
}

func (p *past) forget() { p.ring, p.next = nil, 0 }
