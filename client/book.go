package client

import (
	"slices"
	"strings"
	"time"

	"github.com/roster-sd/roster/wire"
)

// book is what a resolver has been told. It is guarded by the resolver's mu.
type book struct {
	resolver *Resolver
	entries  map[string]entry
	fresh    map[string]entry // a snapshot that is not complete
	epoch    string           // of the registry's past that entries belong to
	whole    bool             // there has been a whole snapshot
	changed  bool             // since the last view
	timer    *time.Timer      // for the first that is kept only for a time; nil: none is
}

// entry is an instance. Until, if not zero, is when it goes unless the registry speaks of it.
type entry struct {
	wire.Instance
	until time.Time
}

// maxKept bounds how long an instance is kept of which a registry with another past says
// nothing.
const maxKept = 5 * time.Minute

func (b *book) apply(e Event) {
	switch e.Type {
	case wire.WatchSnapshot:
		if e.First || b.fresh == nil {
			b.fresh = make(map[string]entry, len(e.Snapshot.Instances))
		}
		for _, in := range e.Snapshot.Instances {
			b.fresh[in.InstanceID] = entry{Instance: in}
		}
		if e.Snapshot.Last {
			b.replace(epochOf(e.ID))
		}
	case wire.WatchPut:
		b.entries[e.Instance.InstanceID] = entry{Instance: *e.Instance}
		b.changed = true
	case wire.WatchDelete:
		delete(b.entries, e.Deleted.InstanceID)
		b.changed = true
	}
}

// replace takes the snapshot. A registry that has lost its past, as one that was started
// anew without its state, knows nobody until they have renewed. So what it does not speak
// of is kept for a TTL of its own, as suspect: it is chosen only where nobody passes. That
// another snapshot of the same registry follows, as after a connection that was lost, does
// not shorten it.
func (b *book) replace(epoch string) {
	if b.whole {
		for id, old := range b.entries {
			if _, ok := b.fresh[id]; ok || epoch == b.epoch && old.until.IsZero() {
				continue
			}
			if old.until.IsZero() {
				old.until = time.Now().Add(min(time.Duration(old.TTL)*time.Millisecond, maxKept))
				if old.Health == healthPassing { // failing is worse, and says more
					old.Health = healthSuspect
				}
			}
			b.fresh[id] = old
		}
	}
	b.entries, b.fresh, b.epoch, b.whole, b.changed = b.fresh, nil, epoch, true, true
	b.drop()
}

// drop removes what was kept for long enough, and sees to it that the next one goes in time.
func (b *book) drop() {
	b.stop()
	now := time.Now()
	var next time.Time
	for id, e := range b.entries {
		switch {
		case e.until.IsZero():
		case !now.Before(e.until):
			delete(b.entries, id)
			b.changed = true
		case next.IsZero() || e.until.Before(next):
			next = e.until
		}
	}
	if next.IsZero() || b.resolver.ctx.Err() != nil {
		return
	}
	b.timer = time.AfterFunc(next.Sub(now), func() {
		r := b.resolver
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.ctx.Err() == nil {
			b.drop()
			r.publish()
		}
	})
}

func (b *book) stop() {
	if b.timer != nil {
		b.timer.Stop()
		b.timer = nil
	}
}

// instances gives all, by ID.
func (b *book) instances() []wire.Instance {
	all := make([]wire.Instance, 0, len(b.entries))
	for _, e := range b.entries {
		all = append(all, e.Instance)
	}
	slices.SortFunc(all, func(x, y wire.Instance) int { return strings.Compare(x.InstanceID, y.InstanceID) })
	return all
}

// epochOf gives the part of a position that changes when the registry has lost its past.
func epochOf(position string) string {
	epoch, _, _ := strings.Cut(position, ".")
	return epoch
}
