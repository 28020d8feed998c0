package registry

import (
	"context"
	"time"

	"github.com/roster-sd/roster/store"
)

// MaxTold is the longest that a change may wait for its watchers.
const MaxTold = 30 * time.Second

// Told waits, for as long as within, until those who watch the service on this node have
// been told of a revision, and tells whether they have. On a backend that several nodes
// share it takes at least as long as the feed of another may lag (FAULTS: invariant I3):
// what their watchers have been told this node cannot know.
func (r *Registry) Told(ctx context.Context, service string, rev store.Revision, within time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, min(within, MaxTold))
	defer cancel()
	var others <-chan time.Time
	if r.catalog.Holds() {
		timer := time.NewTimer(visibleWithin)
		defer timer.Stop()
		others = timer.C
	}
	if r.catalog.Told(ctx, service, rev) != nil {
		return false
	}
	if others == nil {
		return true
	}
	select {
	case <-others:
		return true
	case <-ctx.Done():
		return false
	}
}
