package catalog

import (
	"sync"

	"github.com/roster-sd/roster/internal/idmap"
	"github.com/roster-sd/roster/store"
)

// Found is one of many instances that are looked up together. Service and ID say which; the
// handle is what [Catalog.Find] gives, with no record where there is no such instance.
type Found struct {
	Service, ID string
	Handle
}

// together is how many instances are looked up in one hold of the lock.
const together = 256

var lookups = sync.Pool{New: func() any { return new([together]idmap.Lookup[entry]) }}

// FindAll looks many instances up. It takes a fraction of the time of as many calls of
// [Catalog.Find] where they are in no cache: see [idmap.Lookups].
func (c *Catalog) FindAll(all []Found) {
	room := lookups.Get().(*[together]idmap.Lookup[entry])
	for len(all) > 0 {
		part := all[:min(together, len(all))]
		c.findPart(part, room[:len(part)])
		all = all[len(part):]
	}
	clear(room[:])
	lookups.Put(room)
}

func (c *Catalog) findPart(all []Found, room []idmap.Lookup[entry]) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	var s *service // that of the one before: batches are often of one service, or of few
	for i := range all {
		f := &all[i]
		if s == nil || s.name != f.Service {
			s = c.services[f.Service]
		}
		f.Handle = Handle{service: s}
		room[i] = idmap.Lookup[entry]{ID: f.ID}
	}
	for i := range all {
		if s := all[i].service; s != nil {
			room[i].Map = s.byID
		}
	}
	idmap.Lookups(room)
	for i := range all {
		f := &all[i]
		if e := room[i].Value; e != nil {
			f.Packed, f.state = e.rec, e.state
		} else {
			f.Handle = Handle{}
		}
	}
}

// HeardAll is [Handle.Heard] for many of them, at one moment.
func HeardAll(all []Handle, t store.Millis) {
	// What is written to below is read first, by loads that the processor may have under way
	// all at once. A write by compare-and-swap waits for its own.
	for i := range all {
		if st := all[i].state; st != nil {
			st.last.Load()
		}
	}
	for i := range all {
		if s := all[i].service; s != nil {
			if latest := s.recent.Load(); latest != nil {
				latest.last.Load()
			}
		}
	}
	for i := range all {
		all[i].Heard(t)
	}
}
