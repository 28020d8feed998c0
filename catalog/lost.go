package catalog

import (
	"github.com/roster-sd/roster/store"
)

// Lost is an instance that the view shows and that the store has lost, or may have lost,
// by evidence against the registry or its backend: it may be brought back.
type Lost struct {
	Record *store.Record // as the store last had it
	// Acked is set where this node was told that the lease would still run: it is brought
	// back without waiting for its holder.
	Acked bool
}

// Lost tells whether an instance that the store does not have may be brought back.
func (c *Catalog) Lost(key store.Key) (Lost, bool) { return c.lost(key, c.Now()) }

func (c *Catalog) lost(key store.Key, now Moment) (Lost, bool) {
	if !c.holds {
		return Lost{}, false
	}
	c.mu.RLock()
	e := c.entry(key)
	if e == nil {
		c.mu.RUnlock()
		return Lost{}, false
	}
	asked := kept{rec: e.rec, seen: now} // its deletion may not have been seen yet
	if k := c.kept[key]; k != nil {
		asked.rec, asked.seen, asked.suspect, asked.acked = k.rec, k.seen, k.suspect, k.acked
	}
	c.mu.RUnlock()
	out := Lost{Record: asked.rec.Record(), Acked: asked.acked > now}
	if p := e.state.known(asked.rec.Lease()); p != nil && Moment(p.until.Load()) > now {
		out.Acked = true
	}
	until, _ := c.evident(&asked, e.state, now)
	// Of a backend that is known to end leases early an end is not believed as long as the
	// instance is shown: another node may have been told that it would live.
	return out, asked.suspect || out.Acked || until != 0 || c.keepBack > 0
}

// Early holds a token while there may be something to take from TakeEarly.
func (c *Catalog) Early() <-chan struct{} { return c.early }

// TakeEarly gives the instances, each once, whose leases ended before the time that this
// node was told: they are to be brought back at once.
func (c *Catalog) TakeEarly() []store.Key {
	c.mu.Lock()
	defer c.mu.Unlock()
	keys := make([]store.Key, 0, len(c.toReturn))
	for key := range c.toReturn {
		keys = append(keys, key)
	}
	clear(c.toReturn)
	return keys
}
