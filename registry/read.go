package registry

import (
	"context"
	"fmt"
	"hash/fnv"
	"iter"
	"slices"
	"strings"

	"github.com/roster-sd/roster/auth"
	"github.com/roster-sd/roster/catalog"
	"github.com/roster-sd/roster/store"
)

// discover authorises a read. What may not be discovered is not there.
func (r *Registry) discover(c Caller, service string) error {
	if !ValidService(service) {
		return invalid([]FieldError{{Field: "serviceName", Message: ruleService}})
	}
	if !r.mayRead(c, service) {
		return r.noService(service)
	}
	return nil
}

func (r *Registry) noService(service string) error {
	return &Error{Code: NotFound, Detail: "service " + quote(service) + " is not known"}
}

// Services lists the services that the caller may discover, from the store itself if
// consistent is asked for, with the position of the last change to that list and the
// position at which it was seen. Unavailable: this node knows none yet.
func (r *Registry) Services(ctx context.Context, c Caller, consistent bool) (lines []catalog.Summary, changed, position catalog.Position, err error) {
	if consistent {
		all, err := together(ctx, &r.views, "", func(ctx context.Context) (all list, err error) {
			all.lines, all.at, err = r.catalog.ConsistentServices(ctx)
			return all, err
		})
		if err != nil {
			return nil, changed, position, failed(err)
		}
		lines, changed, position = all.lines, all.at, all.at
	} else {
		if err := r.settled(ctx); err != nil {
			return nil, changed, position, err
		}
		lines, changed, position = r.catalog.Services()
	}
	if r.discoversAll(c) {
		return lines, changed, position, nil
	}
	out := make([]catalog.Summary, 0, len(lines))
	for _, line := range lines {
		if r.mayDiscover(c, line.Name) {
			out = append(out, line)
		}
	}
	return out, positionOf(out), position, nil
}

// list is the service list as it was read from the store.
type list struct {
	lines []catalog.Summary
	at    catalog.Position
}

// discoversAll tells whether the caller may discover services of any name. What there is
// at the moment does not matter: the form of the position would tell of the first hidden
// service, and of the last. No service has these names, so only patterns without a letter
// of their own match them.
func (r *Registry) discoversAll(c Caller) bool {
	return r.mayDiscover(c, "\x00") && r.mayDiscover(c, strings.Repeat("\x00", maxServiceName+1))
}

// positionOf makes a position for the part of the service list that a caller may see. The
// position of the whole would tell when hidden services change. It is of no store's epoch,
// and the same for the same list.
func positionOf(lines []catalog.Summary) catalog.Position {
	h := fnv.New64a()
	for _, line := range lines {
		fmt.Fprintf(h, "%s %d %d\n", line.Name, line.Instances, line.Up)
	}
	return catalog.Pure(store.Revision{Epoch: h.Sum64(), Number: uint64(len(lines))})
}

// settled waits, not for long, until the catalog shows what this node has acknowledged of
// any service: one that lags may be new. Without a view at all it fails.
func (r *Registry) settled(ctx context.Context) error {
	warm := r.catalog.IsWarm()
	if warm && !r.lags("") {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, visibleWithin)
	defer cancel()
	for _, rev := range r.lag.pending() {
		_ = r.catalog.Wait(ctx, rev)
	}
	select {
	case <-r.catalog.Warm():
	case <-ctx.Done():
		if !warm {
			return &Error{Code: Unavailable, RetryAfter: retryAfter, Detail: "this node has not read the services yet; ask again"}
		}
	}
	return nil
}

// Service gives one consistent view of a service, from the store itself if consistent is
// asked for. An unknown service is an empty view.
func (r *Registry) Service(ctx context.Context, c Caller, service string, consistent bool) (catalog.View, error) {
	if err := r.discover(c, service); err != nil {
		return catalog.View{}, err
	}
	x, err := r.fresh(ctx, service, consistent)
	switch {
	case err != nil:
		return catalog.View{}, err
	case x != nil:
		return x.View(), nil
	}
	return r.catalog.Service(service), nil
}

// fresh reads the service from the store where that is asked for, or where the catalog
// knows nothing yet, or does not show yet what this node has acknowledged. Nil without an
// error: the catalog is to answer.
func (r *Registry) fresh(ctx context.Context, service string, consistent bool) (*catalog.Consistent, error) {
	warm := r.catalog.IsWarm()
	lags := r.lags(service)
	if !consistent && warm && !lags {
		return nil, nil
	}
	if x := r.lag.view(service); x != nil && !consistent && lags {
		return x, nil
	}
	key := service
	if !consistent {
		key += "\x00" // what is read for ourselves is not what was asked for
	}
	x, err := together(ctx, &r.views, key, func(ctx context.Context) (*catalog.Consistent, error) {
		x, err := r.catalog.Consistent(ctx, service)
		if err == nil && !consistent {
			// A node that lags does not let go of what it would hold if it did not.
			r.catalog.WithHeld(x, func(id string) bool { return r.lag.left(service, id) })
		}
		return x, err
	})
	switch {
	case err == nil:
		if lags {
			r.lag.keep(service, x)
		}
		return x, nil
	case consistent || !warm:
		// An empty view would say of every service that nobody serves it.
		return nil, failed(err)
	}
	// Nobody asked for the store: in its absence the last view is the answer (FAULTS,
	// "Backend out of reach").
	return nil, nil
}

// Instance gives one instance and the position at which it was seen.
func (r *Registry) Instance(ctx context.Context, c Caller, service, id string, consistent bool) (catalog.Item, catalog.Position, error) {
	if err := checkRef(service, id); err != nil {
		return catalog.Item{}, catalog.Position{}, err
	}
	var item catalog.Item
	var at catalog.Position
	ok := r.mayRead(c, service)
	if !ok {
		at = r.catalog.Position()
	} else if x, err := r.fresh(ctx, service, consistent); err != nil {
		return catalog.Item{}, catalog.Position{}, err
	} else if x != nil {
		item, ok = x.Get(id)
		at = x.View().Revision
	} else {
		item, at, ok = r.catalog.Get(service, id)
	}
	if !ok {
		return catalog.Item{}, at, &Error{Code: NotFound, Detail: "service " + quote(service) + " has no instance " + quote(id)}
	}
	return item, at, nil
}

// Chosen is what a resolve chose.
type Chosen struct {
	catalog.Item
	At catalog.Position // at which it was seen
	// Degraded: nearly all instances of the service fail their checks, and this may be one of them.
	Degraded bool
}

// Resolve chooses one instance. NotFound: the service has no live instance in any
// state; Unavailable: it has, but none that may be chosen.
func (r *Registry) Resolve(ctx context.Context, c Caller, service string, choice catalog.Choice, consistent bool) (Chosen, error) {
	if err := r.discover(c, service); err != nil {
		return Chosen{}, err
	}
	r.stats.Resolved.Add(1)
	var out catalog.Resolved
	if x, err := r.fresh(ctx, service, consistent); err != nil {
		return Chosen{}, err
	} else if x != nil {
		out = x.Resolve(choice)
	} else {
		out = r.catalog.Resolve(service, choice)
	}
	switch {
	case out.Found:
		if out.Degraded {
			r.stats.Degraded.Add(1)
		}
		return Chosen{Item: out.Item, At: out.Revision, Degraded: out.Degraded}, nil
	case out.Live == 0:
		return Chosen{At: out.Revision}, &Error{Code: NotFound, Detail: "service " + quote(service) + " has no live instance"}
	}
	return Chosen{At: out.Revision}, &Error{Code: Unavailable, RetryAfter: retryAfter,
		Detail: "service " + quote(service) + " has live instances, but none that is up, not failing, and matches"}
}

// Selection is what a watcher may see, by one policy.
type Selection struct {
	registry *Registry
	policy   *auth.Authorizer
	identity string
}

// Select authorises a watch of the named services, nil for all that the caller may discover,
// and gives the test that every view and change must pass.
func (r *Registry) Select(c Caller, services []string) (Selection, error) {
	sel := Selection{r, r.Policy(), c.Identity}
	for _, s := range services {
		if !ValidService(s) {
			return sel, invalid([]FieldError{{Field: "serviceName", Message: ruleService}})
		}
		if !sel.Allows(s) {
			return sel, r.noService(s)
		}
	}
	return sel, nil
}

// Allows tells whether the watcher may see the service.
func (s Selection) Allows(service string) bool {
	return s.policy.Authorize(s.identity, auth.Discover, service).Allowed
}

// Stands tells whether the policy is still in force; if not, select again.
func (s Selection) Stands() bool { return s.policy == s.registry.Policy() }

// Events gives recent changes, oldest first, of what the caller may discover. Empty
// service or instance means any.
func (r *Registry) Events(ctx context.Context, c Caller, service, instance string, limit int) (iter.Seq[store.Event], error) {
	var ck checker
	ck.ok(service == "" || ValidService(service), "service", ruleService)
	ck.ok(instance == "" || ValidInstanceID(instance), "instance", ruleInstance)
	if err := invalid(ck.errs); err != nil {
		return nil, err
	}
	sel := store.Selector{Kind: store.KindInstance, Service: service, ID: instance}
	for ask := limit; ; ask *= 8 {
		events, err := r.store.History(ctx, sel, ask)
		if err != nil {
			return nil, failed(err)
		}
		// What the caller may not see must not crowd out what it may.
		seen := slices.DeleteFunc(slices.Clone(events), func(ev store.Event) bool { return !r.mayDiscover(c, ev.Key().Service) })
		if len(seen) >= limit || len(events) < ask || ask > maxHistory {
			return slices.Values(seen[max(0, len(seen)-limit):]), nil
		}
	}
}

// maxHistory bounds how far back events are looked for.
const maxHistory = 100_000
