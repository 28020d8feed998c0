package catalog

import "github.com/roster-sd/roster/store"

// owners counts the instances in the view by the identity that registered them, those that
// are kept past their deadline too: their holders may come back. It is guarded by the
// catalog's mu.
type owners map[string]int

func (o owners) add(r *store.Packed) { o[r.Owner()]++ }

func (o owners) remove(r *store.Packed) {
	if o[r.Owner()]--; o[r.Owner()] <= 0 {
		delete(o, r.Owner())
	}
}

// move takes an instance from its owner before a step to the one after it.
func (o owners) move(before, after *entry) {
	if before != nil && after != nil && before.rec.Owner() == after.rec.Owner() {
		return
	}
	if after != nil {
		o.add(after.rec)
	}
	if before != nil {
		o.remove(before.rec)
	}
}

// Owned tells how many instances of an identity the view has, and counts with them those of
// the keys that it has not as that identity's, or not yet. It costs a look at each key.
func (c *Catalog) Owned(identity string, more []store.Key) int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	n := c.owners[identity]
	for _, key := range more {
		if e := c.entry(key); e == nil || e.rec.Owner() != identity {
			n++
		}
	}
	return n
}
