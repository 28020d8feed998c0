package registry

import (
	"context"
	"iter"

	"github.com/roster-sd/roster/auth"
	"github.com/roster-sd/roster/catalog"
	"github.com/roster-sd/roster/store"
)

// discover authorises a read. What may not be discovered is not there.
func (r *Registry) discover(c Caller, service string) error {
	if !ValidService(service) {
		return invalid([]FieldError{{Field: "serviceName", Message: ruleService}})
	}
	if !r.mayDiscover(c, service) {
		return r.noService(service)
	}
	return nil
}

func (r *Registry) noService(service string) error {
	return &Error{Code: NotFound, Detail: "service " + quote(service) + " is not known"}
}

// Services lists the services that the caller may discover, the revision of the last
// change to the list, and the catalog's own. Unavailable: this node knows none yet.
func (r *Registry) Services(ctx context.Context, c Caller) (lines []catalog.Summary, changed, revision store.Revision, err error) {
	if warm := r.catalog.IsWarm(); !warm || r.lags("") {
		// The list is of all services: the one that lags may be new.
		ctx, cancel := context.WithTimeout(ctx, visibleWithin)
		defer cancel()
		for _, rev := range r.lag.pending() {
			_ = r.catalog.Wait(ctx, rev)
		}
		select {
		case <-r.catalog.Warm():
		case <-ctx.Done():
			if !warm {
				return nil, changed, revision, &Error{Code: Unavailable, RetryAfter: retryAfter,
					Detail: "this node has not read the services yet; ask again"}
			}
		}
	}
	lines, changed, revision = r.catalog.Services()
	var out []catalog.Summary
	for i, line := range lines {
		ok := r.mayDiscover(c, line.Name)
		if !ok && out == nil {
			out = append(make([]catalog.Summary, 0, len(lines)), lines[:i]...)
		}
		if ok && out != nil {
			out = append(out, line)
		}
	}
	if out == nil {
		out = lines
	}
	return out, changed, revision, nil
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
	if !consistent && warm && !r.lags(service) {
		return nil, nil
	}
	x, err := r.catalog.Consistent(ctx, service)
	switch {
	case err == nil:
		return x, nil
	case consistent || !warm:
		// An empty view would say of every service that nobody serves it.
		return nil, failed(err)
	}
	// Nobody asked for the store: in its absence the last view is the answer (FAULTS,
	// "Backend out of reach").
	return nil, nil
}

// Instance gives one instance and the revision at which it was seen.
func (r *Registry) Instance(ctx context.Context, c Caller, service, id string, consistent bool) (catalog.Item, store.Revision, error) {
	if err := checkRef(service, id); err != nil {
		return catalog.Item{}, store.Revision{}, err
	}
	var item catalog.Item
	var rev store.Revision
	ok := r.mayDiscover(c, service)
	if !ok {
		rev = r.catalog.Revision()
	} else if x, err := r.fresh(ctx, service, consistent); err != nil {
		return catalog.Item{}, store.Revision{}, err
	} else if x != nil {
		item, ok = x.Get(id)
		rev = x.View().Revision
	} else {
		item, rev, ok = r.catalog.Get(service, id)
	}
	if !ok {
		return catalog.Item{}, rev, &Error{Code: NotFound, Detail: "service " + quote(service) + " has no instance " + quote(id)}
	}
	return item, rev, nil
}

// Resolve chooses one instance. NotFound: the service has no live instance in any
// state; Unavailable: it has, but none that may be chosen.
func (r *Registry) Resolve(ctx context.Context, c Caller, service string, choice catalog.Choice, consistent bool) (catalog.Item, store.Revision, error) {
	if err := r.discover(c, service); err != nil {
		return catalog.Item{}, store.Revision{}, err
	}
	r.stats.Resolved.Add(1)
	var out catalog.Resolved
	if x, err := r.fresh(ctx, service, consistent); err != nil {
		return catalog.Item{}, store.Revision{}, err
	} else if x != nil {
		out = x.Resolve(choice)
	} else {
		out = r.catalog.Resolve(service, choice)
	}
	switch {
	case out.Found:
		return out.Item, out.Revision, nil
	case out.Live == 0:
		return catalog.Item{}, out.Revision, &Error{Code: NotFound, Detail: "service " + quote(service) + " has no live instance"}
	}
	return catalog.Item{}, out.Revision, &Error{Code: Unavailable, RetryAfter: retryAfter,
		Detail: "service " + quote(service) + " has live instances, but none that is up and matches"}
}

// Selection authorises a watch of the named services, nil for all that the caller may
// discover, and gives the test that every view and change must pass.
func (r *Registry) Selection(c Caller, services []string) (allowed func(service string) bool, err error) {
	for _, s := range services {
		if err := r.discover(c, s); err != nil {
			return nil, err
		}
	}
	return func(service string) bool { return r.mayDiscover(c, service) }, nil
}

// Events gives recent changes, oldest first, of what the caller may discover. Empty
// service or instance means any.
func (r *Registry) Events(ctx context.Context, c Caller, service, instance string, limit int) (iter.Seq[store.Event], error) {
	var ck checker
	ck.ok(service == "" || ValidService(service), "service", ruleService)
	ck.ok(instance == "" || ValidInstanceID(instance), "instance", ruleInstance)
	if err := invalid(ck.errs); err != nil {
		return nil, err
	}
	events, err := r.store.History(ctx, store.Selector{Kind: store.KindInstance, Service: service, ID: instance}, limit)
	if err != nil {
		return nil, failed(err)
	}
	return func(yield func(store.Event) bool) {
		for _, ev := range events {
			if r.opts.Authorizer.Authorize(c.Identity, auth.Discover, ev.Key().Service).Allowed && !yield(ev) {
				return
			}
		}
	}, nil
}
