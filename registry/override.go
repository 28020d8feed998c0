package registry

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/roster-sd/roster/auth"
	"github.com/roster-sd/roster/internal/audit"
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
	r.settleSeen(ctx, service, id)
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
			slog.String("identity", c.Identity), slog.String("from", c.From), c.requestAttr(), slog.String("status", q.Status),
			slog.Bool("kept_out", q.KeepOut), slog.String("reason", q.Reason), slog.String("for", q.For.String()))
		r.allowed(c, audit.OverrideSet, auth.Admin, service, id, because(overrideWhat(o)+" for "+q.For.String()), noted(q.Reason))
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
	r.overrides.lift(key, at)
	r.log.LogAttrs(ctx, slog.LevelWarn, "override lifted", slog.String("service", service), slog.String("instance", id),
		slog.String("identity", c.Identity), slog.String("from", c.From), c.requestAttr())
	r.allowed(c, audit.OverrideEnd, auth.Admin, service, id)
	r.settleSeen(ctx, service, id)
	return nil
}

// Overrides lists the overrides that this node knows of, by service and ID.
func (r *Registry) Overrides(ctx context.Context, c Caller) ([]*store.Record, error) {
	if err := r.Administer(ctx, c); err != nil {
		return nil, err
	}
	r.allowed(c, audit.AdminRead, auth.Admin, "", "", because("overrides"))
	return r.overrides.all(), nil
}

// keptOut tells whether an administrator keeps the ID out. What this node knows may be over,
// so the store has the last word before anyone is refused.
func (r *Registry) keptOut(ctx context.Context, service, id string) error {
	if o := r.overrides.of(service, id); o == nil || !o.KeptOut {
		return nil
	}
	o, err := r.word(ctx, service, id)
	if err != nil || o == nil || !o.KeptOut {
		return failed(err)
	}
	detail := fmt.Sprintf("an administrator keeps instance %s of service %s out until %s", quote(id), quote(service), o.Until.Time().Format(time.RFC3339))
	if o.Reason != "" {
		detail += ": " + o.Reason
	}
	return &Error{Code: LeaseLost, Reason: store.Forced, Detail: detail + "; do not register it again before"}
}

// standing gives the override that a registration of the instance begins with. One that this
// node does not know of yet is written into it when it does.
func (r *Registry) standing(service, id string) *store.Override {
	if o := r.overrides.of(service, id); o != nil && !o.KeptOut {
		return o
	}
	return nil
}
