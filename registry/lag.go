package registry

import (
	"context"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/roster-sd/roster/catalog"
	"github.com/roster-sd/roster/store"
)

// visibleWithin is how long an answer to a write waits for this node's catalog to show
// it (FAULTS: invariant I3).
const visibleWithin = 250 * time.Millisecond

// lag remembers the services of which this node has acknowledged a write that its
// catalog does not show yet: they are read from the store until it does.
type lag struct {
	n  atomic.Int64
	mu sync.Mutex
	at map[string]behind
	// views are what was read from the store of services that lag, for as long as they do.
	views map[string]*catalog.Consistent
	// gone are the instances that this node deregisters, or has, of services that lag.
	gone map[store.Key]struct{}
}

// leaves notes that an instance is about to be deregistered here: before the store does
// it, so that no view is kept that was read after, and still holds the instance.
func (l *lag) leaves(key store.Key) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.gone == nil {
		l.gone = make(map[store.Key]struct{})
	}
	l.gone[key] = struct{}{}
}

// shown forgets what leaves noted, unless the service lags: then that ends with the lag.
func (l *lag) shown(key store.Key) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.at[key.Service]; !ok {
		delete(l.gone, key)
	}
}

func (l *lag) left(service, id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, ok := l.gone[store.InstanceKey(service, id)]
	return ok
}

// view gives what was read of the service since the write that the catalog does not show.
func (l *lag) view(service string) *catalog.Consistent {
	l.mu.Lock()
	defer l.mu.Unlock()
	x, late := l.views[service], l.at[service]
	if x == nil || x.Revision().Epoch != late.rev.Epoch || x.Revision().Before(late.rev) {
		return nil
	}
	return x
}

// keep keeps what was read of a service, if that still lags.
func (l *lag) keep(service string, x *catalog.Consistent) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.at[service]; !ok {
		return
	}
	// Those who read together keep it one by one, and the last may have read first.
	if old := l.views[service]; old != nil && old.Revision().Epoch == x.Revision().Epoch && x.Revision().Before(old.Revision()) {
		return
	}
	if l.views == nil {
		l.views = make(map[string]*catalog.Consistent)
	}
	l.views[service] = x
}

// behind is a write that the catalog does not show yet.
type behind struct {
	rev   store.Revision
	epoch uint64    // of the catalog when the write was acknowledged
	since time.Time // of that moment
}

// unknownEpochFor bounds how long a write of an epoch that the catalog does not have is
// taken to be ahead of it. Nothing in the epochs says which of two came first.
const unknownEpochFor = time.Minute

func (b behind) still(applied store.Revision, now time.Time) bool {
	if applied.Epoch == b.rev.Epoch {
		return applied.Before(b.rev)
	}
	// A catalog that has changed its epoch since has listed anew, after the write.
	return applied.Epoch == b.epoch && now.Sub(b.since) < unknownEpochFor
}

// visible waits until reads of this node show the write. If that takes too long the
// answer may go out all the same: reads of the service then go to the store. Torn means
// that meanwhile the backend has lost the past that the write was a part of.
func (r *Registry) visible(ctx context.Context, service string, rev store.Revision) (torn bool) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), visibleWithin)
	defer cancel()
	return r.visibleBy(ctx, service, rev)
}

// allVisible is visible for one write to each of several services, in the time of one.
func (r *Registry) allVisible(ctx context.Context, revs map[string]store.Revision) {
	if len(revs) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), visibleWithin)
	defer cancel()
	for service, rev := range revs {
		r.visibleBy(ctx, service, rev)
	}
}

func (r *Registry) visibleBy(ctx context.Context, service string, rev store.Revision) (torn bool) {
	late := behind{rev: rev, epoch: r.catalog.Revision().Epoch, since: time.Now()}
	r.catalog.Seen(rev)
	if r.catalog.Wait(ctx, rev) == nil {
		return false
	}
	torn = late.epoch == rev.Epoch && r.catalog.Revision().Epoch != rev.Epoch
	r.stats.Waits.Add(1)
	r.lag.mu.Lock()
	defer r.lag.mu.Unlock()
	if r.lag.at == nil {
		r.lag.at = make(map[string]behind)
	}
	if old, ok := r.lag.at[service]; !ok || old.rev.Before(rev) || old.rev.Epoch != rev.Epoch {
		r.lag.at[service] = late
	}
	r.lag.n.Store(int64(len(r.lag.at)))
	return torn
}

// lags tells whether the catalog does not show yet what this node has acknowledged of
// the service; the empty name asks for any service.
func (r *Registry) lags(service string) bool {
	if r.lag.n.Load() == 0 {
		return false
	}
	applied, now := r.catalog.Revision(), time.Now()
	r.lag.mu.Lock()
	defer r.lag.mu.Unlock()
	for name, late := range r.lag.at {
		if !late.still(applied, now) {
			delete(r.lag.at, name)
			delete(r.lag.views, name)
			maps.DeleteFunc(r.lag.gone, func(key store.Key, _ struct{}) bool { return key.Service == name })
		}
	}
	r.lag.n.Store(int64(len(r.lag.at)))
	if service == "" {
		return len(r.lag.at) > 0
	}
	_, ok := r.lag.at[service]
	return ok
}

func (l *lag) pending() []store.Revision {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]store.Revision, 0, len(l.at))
	for _, late := range l.at {
		out = append(out, late.rev)
	}
	return out
}
