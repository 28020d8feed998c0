package registry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/roster-sd/roster/auth"
	"github.com/roster-sd/roster/store"
)

// How long an override may stand.
const (
	DefaultOverride = time.Hour
	MaxOverride     = 30 * 24 * time.Hour
)

// OverrideRequest is what an administrator asks for.
type OverrideRequest struct {
	Status  string // in place of the owner's; empty: the owner's holds
	KeepOut bool   // the ID may not be registered
	Reason  string
	For     time.Duration
}

// Check tells every rule that the request breaks.
func (q *OverrideRequest) Check() []FieldError {
	var c checker
	if q.Status != "" {
		c.status(q.Status)
	} else {
		c.ok(q.KeepOut, "status", "must be given, or keepOut be true")
	}
	c.errs = append(c.errs, checkNote("reason", q.Reason)...)
	c.ok(q.For >= time.Second && q.For <= MaxOverride, "for", "must be from 1000, a second, to 2592000000, thirty days")
	return c.errs
}

func overrideKey(service, id string) store.Key {
	return store.Key{Kind: store.KindOverride, Service: service, ID: id}
}

// SetOverride puts an administrator's word over the status of an instance, there or not, in
// place of an earlier one. It gives the record of the override.
func (r *Registry) SetOverride(ctx context.Context, c Caller, service, id string, q OverrideRequest) (*store.Record, error) {
	if err := r.authorise(ctx, c, auth.Admin, service); err != nil {
		return nil, err
	}
	if err := invalid(append(CheckRef(service, id), q.Check()...)); err != nil {
		return nil, err
	}
	rec, err := r.override(ctx, c, service, id, q)
	if err != nil {
		return nil, failed(err)
	}
	r.settle(ctx, service, id)
	return rec, nil
}

// override writes an override.
func (r *Registry) override(ctx context.Context, c Caller, service, id string, q OverrideRequest) (*store.Record, error) {
	o := &store.Override{Status: q.Status, KeptOut: q.KeepOut, Reason: q.Reason, By: c.Identity, Until: store.At(r.opts.Now().Add(q.For))}
	rec, err := r.store.Register(ctx, store.Record{Key: overrideKey(service, id), Owner: c.Identity, Instance: store.Instance{Override: o}},
		store.Grant{TTL: q.For, Why: r.why(c, store.Registered, q.Reason)})
	if err == nil {
		r.overrides.put(rec)
		r.log.LogAttrs(ctx, slog.LevelWarn, "override set", slog.String("service", service), slog.String("instance", id),
			slog.String("identity", c.Identity), slog.String("from", c.From), slog.String("status", q.Status),
			slog.Bool("kept_out", q.KeepOut), slog.String("reason", q.Reason), slog.String("for", q.For.String()))
	}
	return rec, err
}

// LiftOverride ends an override before its time. NotFound: there is none.
func (r *Registry) LiftOverride(ctx context.Context, c Caller, service, id string) error {
	if err := r.authorise(ctx, c, auth.Admin, service); err != nil {
		return err
	}
	if err := checkRef(service, id); err != nil {
		return err
	}
	key := overrideKey(service, id)
	at, err := r.store.Deregister(ctx, store.Ref{Key: key}, r.why(c, store.Deregistered, ""))
	if raced(err) {
		return &Error{Code: NotFound, Detail: "service " + quote(service) + " has no override of instance " + quote(id)}
	}
	if err != nil {
		return failed(err)
	}
	r.overrides.drop(key, at)
	r.log.LogAttrs(ctx, slog.LevelWarn, "override lifted", slog.String("service", service), slog.String("instance", id),
		slog.String("identity", c.Identity), slog.String("from", c.From))
	r.settle(ctx, service, id)
	return nil
}

// Overrides lists the overrides that this node knows of, by service and ID.
func (r *Registry) Overrides(ctx context.Context, c Caller) ([]*store.Record, error) {
	if err := r.Administer(ctx, c); err != nil {
		return nil, err
	}
	return r.overrides.all(), nil
}

// FollowOverrides keeps instances as overrides have it, until the context ends or the store
// is closed, which are the only errors it gives. Every node does: what one has done the others
// find done. It is called once.
func (r *Registry) FollowOverrides(ctx context.Context) error {
	return r.feed(ctx, store.KindOverride, func(list []*store.Record) {
		for _, key := range r.overrides.reset(list) {
			r.settle(ctx, key.Service, key.ID)
		}
	}, func(events []store.Event) {
		for i := range events {
			ev := &events[i]
			r.overrides.apply(ev)
			r.settle(ctx, ev.Key().Service, ev.Key().ID)
		}
	})
}

// settle brings an instance, if there is one, to what this node knows of its override.
func (r *Registry) settle(ctx context.Context, service, id string) {
	o, ref := r.overrides.of(service, id), store.Ref{Key: store.InstanceKey(service, id)}
	why := store.Reason{Code: store.Updated, Note: "its override has ended", Node: r.opts.Node}
	if o != nil {
		why.Note, why.Actor = overrideNote(o), o.By
	}
	var err error
	if o != nil && o.KeptOut {
		why.Code = store.Forced
		if _, err = r.store.Deregister(ctx, ref, why); raced(err) {
			r.leave(ref.Key, why)
		}
	} else {
		_, err = r.store.Update(ctx, ref, why, func(x *store.Record) error {
			if !store.SameOverride(x.Instance.Override, o) {
				x.Instance.Override = o
			}
			return nil
		})
	}
	if err != nil && !raced(err) && ctx.Err() == nil {
		r.log.LogAttrs(ctx, slog.LevelWarn, "an override could not be written into its instance, which another node or its next registration does",
			slog.String("service", service), slog.String("instance", id), slog.Any("error", err))
	}
}

// unsettled tells whether a record that was just registered or brought back is not as this
// node's overrides have it: one may have come while it was written.
func (r *Registry) unsettled(rec *store.Record) bool {
	o := r.overrides.of(rec.Key.Service, rec.Key.ID)
	return !store.SameOverride(o, rec.Instance.Override)
}

func overrideNote(o *store.Override) string {
	note := "override"
	if o.Status != "" {
		note += ": " + o.Status
	}
	if o.Reason != "" {
		note += ": " + o.Reason
	}
	return note
}

// keptOut tells whether an administrator keeps the ID out. What this node knows may be over,
// so the store has the last word before anyone is refused.
func (r *Registry) keptOut(ctx context.Context, service, id string) error {
	o := r.overrides.of(service, id)
	if o == nil || !o.KeptOut {
		return nil
	}
	rec, err := r.store.Get(ctx, overrideKey(service, id))
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil
	case err != nil:
		return failed(err)
	}
	if o = rec.Instance.Override; o == nil || !o.KeptOut {
		return nil
	}
	detail := fmt.Sprintf("an administrator keeps instance %s of service %s out until %s", quote(id), quote(service), o.Until.Time().Format(time.RFC3339))
	if o.Reason != "" {
		detail += ": " + o.Reason
	}
	return &Error{Code: LeaseLost, Reason: store.Forced, Detail: detail + "; do not register it again before"}
}

// overrides are those that this node knows of.
type overrides struct {
	mu sync.RWMutex
	at map[store.Key]*store.Record
}

// of gives the override of an instance, nil for none.
func (o *overrides) of(service, id string) *store.Override {
	o.mu.RLock()
	defer o.mu.RUnlock()
	if len(o.at) == 0 {
		return nil
	}
	if rec := o.at[overrideKey(service, id)]; rec != nil {
		return rec.Instance.Override
	}
	return nil
}

// put notes what the store has answered or told. What is older than what is known changes
// nothing.
func (o *overrides) put(rec *store.Record) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.at == nil {
		o.at = map[store.Key]*store.Record{}
	}
	if known := o.at[rec.Key]; known == nil || !rec.Revision.Before(known.Revision) {
		o.at[rec.Key] = rec
	}
}

func (o *overrides) drop(key store.Key, at store.Revision) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if known := o.at[key]; known != nil && !at.Before(known.Revision) {
		delete(o.at, key)
	}
}

func (o *overrides) apply(ev *store.Event) {
	if ev.Deleted() {
		o.drop(ev.Key(), ev.Revision)
	} else {
		o.put(ev.Record)
	}
}

// reset takes the list for all that there are, and gives the keys of those and of those that
// are gone.
func (o *overrides) reset(list []*store.Record) (keys []store.Key) {
	o.mu.Lock()
	defer o.mu.Unlock()
	before := o.at
	o.at = make(map[store.Key]*store.Record, len(list))
	for _, rec := range list {
		o.at[rec.Key] = rec
		keys = append(keys, rec.Key)
	}
	for key := range before {
		if o.at[key] == nil {
			keys = append(keys, key)
		}
	}
	return keys
}

func (o *overrides) all() []*store.Record {
	o.mu.RLock()
	defer o.mu.RUnlock()
	list := make([]*store.Record, 0, len(o.at))
	for _, rec := range o.at {
		list = append(list, rec)
	}
	slices.SortFunc(list, func(a, b *store.Record) int {
		if n := strings.Compare(a.Key.Service, b.Key.Service); n != 0 {
			return n
		}
		return strings.Compare(a.Key.ID, b.Key.ID)
	})
	return list
}

// standing gives the override that a registration of the instance begins with. One that this
// node does not know of yet is written into it when it does.
func (r *Registry) standing(service, id string) *store.Override {
	if o := r.overrides.of(service, id); o != nil && !o.KeptOut {
		return o
	}
	return nil
}
