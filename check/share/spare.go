package share

import (
	"context"
	"log/slog"

	"github.com/roster-sd/roster/store"
)

// moreFailures is how many more checks of an instance fail before it is removed that asked for
// that: until then it is marked, like any other. Instances of one service that fail at the same
// moment reach their verdicts within an interval; two later it is known whether nearly all do,
// and a wrong check empties no service.
const moreFailures = 2

// failedOn tells whether so many checks have failed since this node marked the instance. One that
// was marked by an earlier node, or before a restart, has to fail as often here.
func (r *Runner) failedOn(key store.Key, run int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.known[key]
	return s != nil && run >= s.markedAt+moreFailures
}

// spared tells whether an instance is not to be removed, because nearly all of its service fail,
// and says so once for each service.
func (r *Runner) spared(ctx context.Context, key store.Key) bool {
	spare := r.opts.Catalog.NearlyAllFail(key.Service)
	r.mu.Lock()
	first := false
	if s := r.known[key]; s != nil {
		first = spare && !s.spared && r.spares[key.Service] == 0
		r.spare(s, spare)
	}
	r.mu.Unlock()
	if first {
		r.log.LogAttrs(ctx, slog.LevelWarn, "checks: nearly all instances of a service fail; those that would be removed for it are kept",
			slog.String("service", key.Service))
	}
	return spare
}

// spare notes whether an instance is kept for that; the lock is held.
func (r *Runner) spare(s *subject, spare bool) {
	service := s.rec.Key.Service
	switch {
	case spare && !s.spared:
		r.spares[service]++
	case s.spared && !spare:
		if r.spares[service]--; r.spares[service] == 0 {
			delete(r.spares, service)
		}
	}
	s.spared = spare
}
