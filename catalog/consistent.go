package catalog

import (
	"context"

	"github.com/roster-sd/roster/store"
)

// Consistent is a view of one service read from the store itself, for callers that ask
// for it and for a node that lags behind its own writes.
type Consistent struct {
	service *service
	rev     store.Revision
}

// Consistent reads a service from the store, with the backend's knowledge of when each
// instance was last heard of.
func (c *Catalog) Consistent(ctx context.Context, name string) (*Consistent, error) {
	snap, err := c.opts.Store.List(ctx, store.Selector{Kind: store.KindInstance, Service: name})
	if err != nil {
		return nil, err
	}
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
		e := c.version(r, nil)
		s.put(e)
		if left[i] >= 0 {
			// The lease was renewed one TTL before it will end.
			s.heard(e.state, now-store.Millis((r.TTL-left[i]).Milliseconds()))
		}
	}
	c.mu.RLock()
	if live, ok := c.services[name]; ok {
		s.turn.Store(live.turn.Add(1) - 1)
	}
	c.mu.RUnlock()
	return &Consistent{service: s, rev: snap.Revision}, nil
}

// View gives the service as a view.
func (x *Consistent) View() View {
	return View{Name: x.service.name, Revision: x.rev, Changed: x.rev, tree: x.service.tree}
}

// Resolve is [Catalog.Resolve] on what was read.
func (x *Consistent) Resolve(choice Choice) Resolved {
	out := Resolved{Revision: x.rev, Live: x.service.tree.Len()}
	if e := x.service.resolve(&choice); e != nil {
		out.Item, out.Found = e.item(), true
	}
	return out
}

// Get gives one instance of what was read.
func (x *Consistent) Get(id string) (Item, bool) {
	if e, ok := x.service.byID[id]; ok {
		return e.item(), true
	}
	return Item{}, false
}
