package registry

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/roster-sd/roster/auth"
	"github.com/roster-sd/roster/catalog"
	"github.com/roster-sd/roster/store"
)

// Beat is one heartbeat: of a call of its own, or an item of a batch.
type Beat struct{ Service, ID, Token string }

// Beaten is the outcome of a heartbeat.
type Beaten struct {
	TTL          time.Duration
	TokenExpires store.Millis // of the token that was used; 0: it does not expire
	Err          error
}

// Heartbeat renews the lease of an instance. Errors: Unauthenticated, Forbidden,
// NotFound, LeaseLost with the reason, Unavailable.
func (r *Registry) Heartbeat(ctx context.Context, c Caller, b Beat) (Beaten, error) {
	h, digest, err := r.prepare(ctx, c, b)
	if err != nil {
		return Beaten{}, err
	}
	if h.Packed != nil {
		before := h.Packed
		if h.Packed, err = r.used(ctx, c, before, digest); err != nil && !raced(err) {
			r.refused(c, before.Key(), digest, err)
			return Beaten{}, failed(err)
		} else if err == nil && h.Packed != before {
			r.visible(ctx, b.Service, h.Packed.Revision())
		}
	}
	if h.Packed != nil {
		refs := [1]store.Ref{h.Packed.Ref()}
		sent := r.sent()
		renewals, err := r.store.Renew(ctx, refs[:])
		if err != nil {
			r.refused(c, h.Packed.Key(), digest, err)
			return Beaten{}, failed(err)
		}
		if renewals[0].Err == nil {
			return r.renewed(ctx, c, h, digest, sent, renewals[0].TTL), nil
		}
	}
	return r.persist(ctx, &asking{caller: c}, b, digest, func(rev store.Revision) { r.visible(ctx, b.Service, rev) })
}

// used gives the record with its tokens as they are once the token has been used: it is
// written if that was the first use of the newest.
func (r *Registry) used(ctx context.Context, c Caller, rec *store.Packed, digest [32]byte) (*store.Packed, error) {
	if c.Holder || !rec.HasNewest() || r.verdict(rec.Tokens(), digest) != auth.ValidNewest {
		return rec, nil
	}
	used, err := r.promote(ctx, c, rec, digest)
	if err != nil {
		return nil, err
	}
	return store.Pack(used), nil
}

// prepare checks a beat. It gives the instance if the catalog says yes to its token, and
// no instance where the store must be asked.
func (r *Registry) prepare(ctx context.Context, c Caller, b Beat) (h catalog.Handle, digest [32]byte, err error) {
	if err = r.mayBeat(ctx, c, &b); err != nil {
		return h, digest, err
	}
	if digest, err = r.digestOf(ctx, c, store.InstanceKey(b.Service, b.ID), b.Token); err == nil {
		h, _ = r.held(c, b.Service, b.ID, digest)
	}
	return h, digest, err
}

// mayBeat checks the names of a beat, and whether the caller may send it.
func (r *Registry) mayBeat(ctx context.Context, c Caller, b *Beat) error {
	if err := checkRef(b.Service, b.ID); err != nil {
		return err
	}
	return r.authorise(ctx, c, auth.Register, b.Service)
}

// CheckRef tells what is wrong with the names of an instance.
func CheckRef(service, id string) []FieldError {
	var c checker
	c.ok(ValidService(service), "serviceName", ruleService)
	c.ok(ValidInstanceID(id), "instanceId", ruleInstance)
	return c.errs
}

func checkRef(service, id string) error {
	if ValidService(service) && ValidInstanceID(id) {
		return nil
	}
	return invalid(CheckRef(service, id))
}

// sent is the moment of a renewal that is about to be sent, where that is of use.
func (r *Registry) sent() catalog.Moment {
	if !r.catalog.Holds() {
		return 0
	}
	return r.catalog.Now()
}

// renewed does what follows a renewal, sent at that moment, that the store accepted.
func (r *Registry) renewed(ctx context.Context, c Caller, h catalog.Handle, digest [32]byte, sent catalog.Moment, ttl time.Duration) Beaten {
	r.stats.Renewed.Add(1)
	h.Heard(r.millis())
	r.toldOf(ctx, c, h, sent, ttl)
	tokens := h.Packed.Tokens()
	return Beaten{TTL: ttl, TokenExpires: expiresOf(&tokens, digest)}
}

// toldOf does what follows a renewal beside noting when it was.
func (r *Registry) toldOf(ctx context.Context, c Caller, h catalog.Handle, sent catalog.Moment, ttl time.Duration) {
	if sent != 0 {
		h.Renewed(sent, ttl)
	}
	if h.Packed.Health() == store.HealthSuspect {
		r.recover(ctx, c, h.Packed)
	}
}

// recover ends the suspicion of an instance that was heard of again.
func (r *Registry) recover(ctx context.Context, c Caller, rec *store.Packed) {
	_, err := r.store.Update(ctx, rec.Ref(), r.why(c, store.Recovered, ""), func(x *store.Record) error {
		if x.Instance.Health == store.HealthSuspect {
			x.Instance.Health = store.HealthPassing
		}
		return nil
	})
	if err != nil {
		// The lease is renewed; the next heartbeat tries again.
		r.log.LogAttrs(ctx, slog.LevelWarn, "suspect instance renewed, but not marked as passing",
			slog.String("instance", rec.Key().String()), slog.Any("error", err))
	}
}

// persist is the heartbeat of an instance about which the catalog could not say yes. What
// it writes it tells to wrote, which sees to it that it becomes visible.
func (r *Registry) persist(ctx context.Context, a *asking, b Beat, digest [32]byte, wrote func(store.Revision)) (Beaten, error) {
	c, key := a.caller, store.InstanceKey(b.Service, b.ID)
	for range attempts {
		d, err := r.decide(ctx, a, key, digest)
		if err != nil {
			return Beaten{}, err
		}
		if d.verdict == auth.Expired {
			return Beaten{}, r.expiredToken(ctx, c, key)
		}
		known := store.Pack(d.rec)
		rec, err := r.used(ctx, c, known, digest)
		if err != nil && !raced(err) {
			return Beaten{}, failed(err)
		} else if err != nil {
			continue
		}
		if d.written || rec != known {
			wrote(rec.Revision())
		}
		sent := r.sent()
		renewals, err := r.store.Renew(ctx, []store.Ref{rec.Ref()})
		if err != nil {
			r.refused(c, key, digest, err)
			return Beaten{}, failed(err)
		}
		if renewals[0].Err == nil {
			h, _ := r.catalog.Find(b.Service, b.ID)
			h.Packed = rec
			return r.renewed(ctx, c, h, digest, sent, renewals[0].TTL), nil
		}
	}
	return Beaten{}, busy()
}

// raced tells whether a write failed only because someone else wrote in between.
func raced(err error) bool {
	return errors.Is(err, errTokenMoved) || errors.Is(err, store.ErrLeaseLost) || errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrConflict)
}

func busy() error {
	return &Error{Code: Unavailable, Detail: "the instance changes all the time; ask again", RetryAfter: retryAfter}
}
