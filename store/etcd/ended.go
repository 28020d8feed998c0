package etcd

import (
	"sync"

	"github.com/roster-sd/roster/store"
)

// ended knows leases that keep no record alive any more though etcd may not have revoked
// them yet: their record was replaced or removed, by whomever.
type ended struct {
	mu   sync.Mutex
	has  map[store.LeaseID]struct{}
	line []store.LeaseID // a ring, full when it is as long as endedLimit
	next int
}

// endedLimit bounds the leases that are known. The older are long revoked.
const endedLimit = 65_536

func (e *ended) add(id store.LeaseID) {
	if id == 0 {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, ok := e.has[id]; ok {
		return
	}
	if e.has == nil {
		e.has = make(map[store.LeaseID]struct{})
	}
	e.has[id] = struct{}{}
	if len(e.line) < endedLimit {
		e.line = append(e.line, id)
		return
	}
	delete(e.has, e.line[e.next])
	e.line[e.next] = id
	e.next = (e.next + 1) % endedLimit
}

func (e *ended) knows(id store.LeaseID) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	_, ok := e.has[id]
	return ok
}

func (e *ended) clear() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.has, e.line, e.next = nil, nil, 0
}
