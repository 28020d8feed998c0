package registry

import (
	"context"
	"log/slog"
	"strconv"
	"time"

	"github.com/roster-sd/roster/auth"
	"github.com/roster-sd/roster/internal/audit"
	"github.com/roster-sd/roster/store"
)

// Audit takes the event of a decision, of this package or of a surface, to the audit log, and
// a denial to those that administrators can read too. Renewals and reads that are allowed are
// no events: there are too many of them, and they change nothing.
func (r *Registry) Audit(e audit.Event) {
	if e.Outcome == audit.Deny {
		r.denials.Add(e)
	}
	if r.opts.Audit != nil {
		r.opts.Audit(e)
	}
}

// allowed tells of what a caller was let do. The rule is asked for again: who may do something
// is decided long before it is done, and only what was done is told.
func (r *Registry) allowed(c Caller, kind audit.Kind, action auth.Action, service, instance string, more ...func(*audit.Event)) {
	if r.opts.Audit == nil {
		return
	}
	e := event(c, kind, audit.Allow, action, service, instance)
	// A policy that has changed meanwhile is not what let it.
	if d := r.Policy().Authorize(c.Identity, action, service); d.Allowed {
		e.Rule = audit.Rule{Text: d.Text, Index: d.Rule}
	}
	for _, add := range more {
		add(&e)
	}
	r.Audit(e)
}

// refuse tells of what a caller was not let do, for another reason than the policy.
func (r *Registry) refuse(c Caller, kind audit.Kind, action auth.Action, service, instance, why string) {
	e := event(c, kind, audit.Deny, action, service, instance)
	e.Why = why
	r.Audit(e)
}

// LogRefusal writes a line about a caller who was refused, by this package or by a surface: a
// bounded number of each caller's, and a count of the rest.
func (r *Registry) LogRefusal(ctx context.Context, caller, message string, attrs ...slog.Attr) {
	r.refusals.Tell(ctx, slog.LevelWarn, caller, message, attrs...)
}

// tellRefusal is LogRefusal with what is known of the caller. Where nothing proves identities,
// all have the same, and they are told apart by address.
func (r *Registry) tellRefusal(ctx context.Context, c *Caller, message string, attrs ...slog.Attr) {
	who := c.Identity
	if c.Unverified || who == "" {
		who = c.From
	}
	attrs = append(attrs, slog.String("identity", c.Identity), slog.String("from", c.From), c.requestAttr())
	r.LogRefusal(ctx, who, message, attrs...)
}

// mayRead is mayDiscover for a service that the caller has named, which a denial is worth telling of.
func (r *Registry) mayRead(c Caller, service string) bool {
	d := r.Policy().Authorize(c.Identity, auth.Discover, service)
	if !d.Allowed {
		r.denied(c, auth.Discover, service, d)
	}
	return d.Allowed
}

// denied tells of what no rule allows.
func (r *Registry) denied(c Caller, action auth.Action, service string, d auth.Decision) {
	e := event(c, audit.Denied, audit.Deny, action, service, "")
	e.Rule = audit.Rule{Text: d.Text, Index: d.Rule}
	r.Audit(e)
}

func event(c Caller, kind audit.Kind, outcome audit.Outcome, action auth.Action, service, instance string) audit.Event {
	return audit.Event{Kind: kind, Outcome: outcome, Identity: c.Identity, From: c.From, Request: c.request(),
		Action: string(action), Service: service, Instance: instance}
}

func because(text string) func(*audit.Event) { return func(e *audit.Event) { e.Why = text } }
func noted(text string) func(*audit.Event)   { return func(e *audit.Event) { e.Note = text } }

// auditRegistered tells of a registration, and whether it took the place of another's instance.
func (r *Registry) auditRegistered(c Caller, service, id string, replaced bool, before *store.Record) {
	switch {
	case !replaced:
		r.allowed(c, audit.Register, auth.Register, service, id, because("new"))
	case before.Owner == c.Identity:
		r.allowed(c, audit.Register, auth.Register, service, id, because("in place of its own"))
	default:
		r.allowed(c, audit.Takeover, auth.Register, service, id, because("in place of that of "+before.Owner))
	}
}

func (r *Registry) refuseTakeover(c Caller, key store.Key) {
	r.refuse(c, audit.TakeoverRefused, auth.Register, key.Service, key.ID, "the ID is that of another's live instance")
}

// refuseKeptOut tells of a registration that an administrator does not let be. It gives the
// error back.
func (r *Registry) refuseKeptOut(c Caller, service, id string, err error) error {
	if CodeOf(err) == LeaseLost {
		r.refuse(c, audit.KeptOut, auth.Register, service, id, "an administrator keeps the ID out")
	}
	return err
}

// auditLimited tells, once, of the items of a batch that were refused for their number. Calls of
// their own are told of where they are answered.
func (b *batch) auditLimited() {
	n := 0
	for i := range b.out {
		if b.out[i].Err != nil && CodeOf(b.out[i].Err) == RateLimited {
			n++
		}
	}
	if n > 0 {
		b.r.refuse(b.ask.caller, audit.RateLimited, auth.Register, "", "", strconv.Itoa(n)+" items of a batch")
	}
}

// DenialList is what an administrator is shown of refusals.
type DenialList struct {
	Node    string
	Since   time.Time // when the node began to count
	Total   uint64    // refusals since then
	Denials []audit.Denial
}

// Denials gives an administrator the latest refusals of this node, the latest last.
func (r *Registry) Denials(ctx context.Context, c Caller) (DenialList, error) {
	if err := r.Administer(ctx, c); err != nil {
		return DenialList{}, err
	}
	r.allowed(c, audit.AdminRead, auth.Admin, "", "", because("denials"))
	out := DenialList{Node: r.opts.Node, Since: r.began}
	out.Denials, out.Total = r.denials.List()
	return out, nil
}

// overrideWhat says what an override does.
func overrideWhat(o *store.Override) string {
	switch {
	case o.KeptOut && o.Status != "":
		return "kept out, and " + o.Status
	case o.KeptOut:
		return "kept out"
	}
	return o.Status
}
