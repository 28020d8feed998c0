package catalog

import (
	"time"

	"github.com/roster-sd/roster/store"
)

const (
	// RememberRemoved is for how long an instance that was removed for its check counts as one
	// that fails, where it is asked whether others may be removed too: as long as its tombstone.
	RememberRemoved = 10 * time.Minute
	// mostRemoved is how many of a service are remembered. So many are enough for the rule, as
	// those that fail and are there count too.
	mostRemoved = 10_000
)

// removed are the instances of a service that were removed for their checks and have not come
// back. The catalog's mu guards it.
type removed struct {
	at   map[uint64]time.Duration // by the hash of the ID, when
	line []removal                // oldest first; holds what came back, too
}

type removal struct {
	id uint64
	at time.Duration
}

// left notes that one was removed.
func (x *removed) left(id string, now time.Duration) {
	if x.at == nil {
		x.at = map[uint64]time.Duration{}
	}
	x.forget(now)
	if len(x.line) == mostRemoved {
		x.drop()
	}
	h := hashID(id)
	x.at[h] = now
	x.line = append(x.line, removal{h, now})
}

// back notes that one is there again.
func (x *removed) back(id string) { delete(x.at, hashID(id)) }

// count gives how many there are.
func (x *removed) count(now time.Duration) int {
	x.forget(now)
	return len(x.at)
}

func (x *removed) forget(now time.Duration) {
	for len(x.line) > 0 && now-x.line[0].at >= RememberRemoved {
		x.drop()
	}
	if len(x.line) == 0 {
		x.line = nil
	}
}

func (x *removed) drop() {
	oldest := x.line[0]
	if x.line = x.line[1:]; x.at[oldest.id] == oldest.at { // or it came back, and left again
		delete(x.at, oldest.id)
	}
}

// noteRemoved takes in a step: one that was removed for its check, or one that is there
// again. It needs mu for writing.
func (c *Catalog) noteRemoved(st *step, s *service) {
	switch {
	case st.after != nil && st.before == nil && s.removed != nil:
		s.removed.back(st.after.id())
	case st.after == nil && st.change != nil && st.change.Reason.Code == store.Unreachable && st.before.rec.State() == store.StatusUp:
		if s.removed == nil {
			s.removed = &removed{}
		}
		s.removed.left(st.before.id(), c.clock())
	}
}

// NearlyAllFail tells whether nearly all instances of a service fail their checks, by the rule by
// which it is degraded, where those count as failing too that were removed for their checks
// not long ago: what removes them one after the other would never see many fail at once.
func (c *Catalog) NearlyAllFail(service string) bool {
	c.mu.RLock()
	s := c.services[service]
	degraded, plain := s != nil && s.degraded, s == nil || s.removed == nil
	c.mu.RUnlock()
	if degraded || plain {
		return degraded
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if s = c.services[service]; s == nil || s.removed == nil {
		return s != nil && s.degraded
	}
	n := s.removed.count(c.clock())
	if n == 0 && len(s.removed.line) == 0 {
		s.removed = nil
	}
	return panics(len(s.pools[tierPassing].entries)+len(s.pools[tierSuspect].entries), len(s.pools[tierFailing].entries)+n, c.opts.Panic)
}
