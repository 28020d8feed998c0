package catalog

import (
	"context"
	"slices"
	"strings"

	"github.com/roster-sd/roster/store"
)

// Consistent is a view of one service read from the store itself, for callers that ask
// for it and for a node that lags behind its own writes. It may be read by many at once.
type Consistent struct {
	service *service
	rev     store.Revision // at which the store was read
	catalog *Catalog
	at      Position // of what is shown: more than was read, after WithHeld
}

// Consistent reads a service from the store, with the backend's knowledge of when each
// instance was last heard of.
func (c *Catalog) Consistent(ctx context.Context, name string) (*Consistent, error) {
	snap, err := c.opts.Store.List(ctx, store.Selector{Kind: store.KindInstance, Service: name})
	if err != nil {
		return nil, err
	}
	c.Seen(snap.Revision)
	refs := make([]store.Ref, len(snap.Records))
	for i, r := range snap.Records {
		refs[i] = r.Ref()
	}
	left, err := c.opts.Store.TimeToLive(ctx, refs)
	if err != nil {
		return nil, err
	}
	now := store.Now()
	s := newService(name, snap.Revision)
	for i, r := range snap.Records {
		e := entryOf(store.Pack(r), nil)
		s.put(e)
		if left[i] >= 0 {
			// The lease was renewed one TTL before it will end.
			s.heard(e.state, now-store.Millis((r.TTL-left[i]).Milliseconds()))
		}
	}
	s.judge(c.opts.Panic)
	c.mu.RLock()
	if live, ok := c.services[name]; ok {
		s.turn, s.turns = live.turn, live.turns
	}
	c.mu.RUnlock()
	return &Consistent{service: s, rev: snap.Revision, at: Pure(snap.Revision), catalog: c}, nil
}

// Revision is the revision at which the store was read.
func (x *Consistent) Revision() store.Revision { return x.rev }

// View gives the service as a view.
func (x *Consistent) View() View {
	return View{Name: x.service.name, Revision: x.at, Changed: x.at, Degraded: x.service.degraded, tree: x.service.tree, catalog: x.catalog}
}

// Resolve is [Catalog.Resolve] on what was read.
func (x *Consistent) Resolve(choice Choice) Resolved {
	if choice.Filter.isUp() {
		choice.Filter = Filter{}
	}
	choice.degraded = x.service.degraded
	return Resolved{Revision: x.at, Live: x.service.tree.Len(), Degraded: choice.degraded}.with(x.catalog, x.service.choose(&choice))
}

// Get gives one instance of what was read.
func (x *Consistent) Get(id string) (Item, bool) {
	if e := x.service.byID.Get(id); e != nil {
		return x.catalog.item(e), true
	}
	return Item{}, false
}

// WithHeld adds to what was read the instances that this node would not let go: those of
// its view that were not read, for which there is evidence, and which are not among the gone. It is
// called before anyone reads x.
func (c *Catalog) WithHeld(x *Consistent, gone func(id string) bool) {
	if !c.holds {
		return
	}
	now, added := c.Now(), false
	another := c.Seen(x.rev)
	for item := range c.Service(x.service.name).Items("") {
		id := item.ID()
		if x.service.byID.Get(id) != nil || gone(id) {
			continue
		}
		if _, ok := c.lost(item.Packed().Key(), now); ok || another {
			rec := suspected(item.Packed(), x.rev)
			e := entryOf(rec, nil)
			x.service.put(e)
			x.service.heard(e.state, item.LastHeartbeat)
			added = true
		}
	}
	if added {
		x.service.judge(c.opts.Panic)
		c.write.Lock()
		c.marks++ // of this answer alone: no other is the same
		x.at = c.marked(x.rev, c.marks)
		c.write.Unlock()
	}
}

// ConsistentServices is [Catalog.Services] read from the store itself, with its position.
func (c *Catalog) ConsistentServices(ctx context.Context) ([]Summary, Position, error) {
	snap, err := c.opts.Store.List(ctx, selector)
	if err != nil {
		return nil, Position{}, err
	}
	c.Seen(snap.Revision)
	counts := make(map[string]*Summary)
	failing := make(map[string]int) // by service
	for _, r := range snap.Records {
		line := counts[r.Key.Service]
		if line == nil {
			line = &Summary{Name: r.Key.Service}
			counts[r.Key.Service] = line
		}
		line.Instances++
		switch tierOfState(r.Instance.State(), r.Instance.Health, r.Instance.Judged()) {
		case tierPassing, tierSuspect:
			line.Up++
		case tierFailing:
			failing[line.Name]++
		}
	}
	lines := make([]Summary, 0, len(counts))
	for _, line := range counts {
		if n := failing[line.Name]; panics(line.Up, n, c.opts.Panic) {
			line.Up += n
			line.Degraded = true
		}
		lines = append(lines, *line)
	}
	slices.SortFunc(lines, func(a, b Summary) int { return strings.Compare(a.Name, b.Name) })
	return lines, Pure(snap.Revision), nil
}
