package registry

import (
	"strconv"
	"sync"
	"time"

	"github.com/roster-sd/roster/store"
)

// Quota bounds what an identity may have registered at a time.
type Quota struct {
	Instances int // 0: no bound
	// Refused is told of each registration that the quota refuses; nil: nobody is. It must
	// not block.
	Refused func()
}

// quotaRetry is when to ask again whoever has as many instances as it may: one of them has to
// leave first, which takes a deregistration or a TTL.
const quotaRetry = 10 * time.Second

// places are the registrations under way on this node, by identity. The view is what instances
// are counted in, so that all nodes agree; what it does not show yet is counted here. Other
// nodes' are not known until the feed brings them: at worst each node lets through as many as
// it has under way in that time.
type places struct {
	mu    sync.Mutex
	taken map[string]map[store.Key]int
}

// occupy takes a place for an instance that the identity does not have yet, until leave is
// called; or says that it has as many as it may. An instance that the view shows as the
// identity's needs none: to register again is never refused.
func (r *Registry) occupy(c Caller, key store.Key) (leave func(), err error) {
	q := r.opts.Quota
	if q.Instances <= 0 {
		return func() {}, nil
	}
	if h, ok := r.catalog.Find(key.Service, key.ID); ok && h.Packed.Owner() == c.Identity {
		return func() {}, nil
	}
	p := &r.places
	p.mu.Lock()
	defer p.mu.Unlock()
	taken := p.taken[c.Identity]
	keys := make([]store.Key, 0, len(taken)+1)
	for k := range taken {
		keys = append(keys, k)
	}
	if taken[key] == 0 {
		keys = append(keys, key)
	}
	if r.catalog.Owned(c.Identity, keys) > q.Instances {
		if q.Refused != nil {
			q.Refused()
		}
		return nil, &Error{Code: RateLimited, RetryAfter: quotaRetry, Detail: "identity " + quote(c.Identity) + " has " +
			strconv.Itoa(q.Instances) + " instances, as many as it may (limits.instances): deregister one, or let its lease run out"}
	}
	if taken == nil {
		if p.taken == nil {
			p.taken = make(map[string]map[store.Key]int)
		}
		taken = make(map[store.Key]int)
		p.taken[c.Identity] = taken
	}
	taken[key]++
	return func() { p.leave(c.Identity, key) }, nil
}

func (p *places) leave(identity string, key store.Key) {
	p.mu.Lock()
	defer p.mu.Unlock()
	taken := p.taken[identity]
	if taken[key]--; taken[key] <= 0 {
		delete(taken, key)
	}
	if len(taken) == 0 {
		delete(p.taken, identity)
	}
}
