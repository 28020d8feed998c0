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
	if h.Record != nil {
		refs := [1]store.Ref{h.Record.Ref()}
		renewals, err := r.store.Renew(ctx, refs[:])
		if err != nil {
			return Beaten{}, failed(err)
		}
		if renewals[0].Err == nil {
			return r.renewed(ctx, c, h, digest, renewals[0].TTL), nil
		}
	}
	return r.persist(ctx, c, b, digest)
}

// Heartbeats renews many leases in one call to the store. The outcomes align with the
// beats, and one that fails spoils no other.
func (r *Registry) Heartbeats(ctx context.Context, c Caller, beats []Beat) []Beaten {
	out := make([]Beaten, len(beats))
	refs := make([]store.Ref, 0, len(beats))
	type found struct {
		catalog.Handle
		digest [32]byte
		at     int
	}
	handles := make([]found, 0, len(beats))
	var hard []found // those that the catalog alone does not answer
	for i, b := range beats {
		h, digest, err := r.prepare(ctx, c, b)
		switch {
		case err != nil:
			out[i].Err = err
		case h.Record == nil:
			hard = append(hard, found{digest: digest, at: i})
		default:
			refs = append(refs, h.Record.Ref())
			handles = append(handles, found{h, digest, i})
		}
	}
	var down error // what the store said when it last could not be asked
	if len(refs) > 0 {
		renewals, err := r.store.Renew(ctx, refs)
		if unreachable(err) {
			down = err
		}
		for j, f := range handles {
			switch {
			case err != nil:
				out[f.at].Err = failed(err)
			case renewals[j].Err != nil:
				hard = append(hard, f)
			default:
				out[f.at] = r.renewed(ctx, c, f.Handle, f.digest, renewals[j].TTL)
			}
		}
	}
	for _, f := range hard {
		if down != nil {
			// Each further question could cost a time-out: of ten thousand, hours.
			out[f.at].Err = failed(down)
			continue
		}
		var err error
		out[f.at], err = r.persist(ctx, c, beats[f.at], f.digest)
		if out[f.at].Err = err; unreachable(err) {
			down = err
		}
	}
	return out
}

// prepare checks a beat. It gives the instance if the catalog says yes to its token
// and nothing but the renewal is left to do, and no instance where more must be asked.
func (r *Registry) prepare(ctx context.Context, c Caller, b Beat) (h catalog.Handle, digest [32]byte, err error) {
	if err = checkRef(b.Service, b.ID); err != nil {
		return h, digest, err
	}
	if err = r.authorise(ctx, c, auth.Register, b.Service); err != nil {
		return h, digest, err
	}
	if digest, err = r.digestOf(ctx, c, store.InstanceKey(b.Service, b.ID), b.Token); err != nil {
		return h, digest, err
	}
	h, ok := r.catalog.Find(b.Service, b.ID)
	if !ok || !c.Holder && (h.Record.Owner != c.Identity || r.verdict(h.Record, digest) != auth.Valid) {
		return catalog.Handle{}, digest, nil
	}
	return h, digest, nil
}

// CheckRef tells what is wrong with the names of an instance.
func CheckRef(service, id string) []FieldError {
	var c checker
	c.ok(ValidService(service), "serviceName", ruleService)
	c.ok(ValidInstanceID(id), "instanceId", ruleInstance)
	return c.errs
}

func checkRef(service, id string) error { return invalid(CheckRef(service, id)) }

// renewed does what follows a renewal that the store accepted.
func (r *Registry) renewed(ctx context.Context, c Caller, h catalog.Handle, digest [32]byte, ttl time.Duration) Beaten {
	r.stats.Renewed.Add(1)
	h.Heard(r.millis())
	rec := h.Record
	if rec.Instance.Health == store.HealthSuspect {
		r.recover(ctx, c, rec)
	}
	return Beaten{TTL: ttl, TokenExpires: expiresOf(&rec.Tokens, digest)}
}

// recover ends the suspicion of an instance that was heard of again.
func (r *Registry) recover(ctx context.Context, c Caller, rec *store.Record) {
	_, err := r.store.Update(ctx, rec.Ref(), r.why(c, store.Recovered, ""), func(x *store.Record) error {
		if x.Instance.Health == store.HealthSuspect {
			x.Instance.Health = store.HealthPassing
		}
		return nil
	})
	if err != nil {
		// The lease is renewed; the next heartbeat tries again.
		r.log.LogAttrs(ctx, slog.LevelWarn, "suspect instance renewed, but not marked as passing",
			slog.String("instance", rec.Key.String()), slog.Any("error", err))
	}
}

// persist is the heartbeat of an instance about which the catalog could not say yes.
func (r *Registry) persist(ctx context.Context, c Caller, b Beat, digest [32]byte) (Beaten, error) {
	key := store.InstanceKey(b.Service, b.ID)
	for range attempts {
		rec, verdict, err := r.decide(ctx, c, key, digest)
		if err != nil {
			return Beaten{}, err
		}
		if verdict == auth.Expired {
			return Beaten{}, r.expiredToken(ctx, c, key)
		}
		if verdict == auth.ValidNewest {
			if rec, err = r.promote(ctx, c, rec, digest); err != nil && !raced(err) {
				return Beaten{}, failed(err)
			} else if err != nil {
				continue
			}
		}
		renewals, err := r.store.Renew(ctx, []store.Ref{rec.Ref()})
		if err != nil {
			return Beaten{}, failed(err)
		}
		if renewals[0].Err == nil {
			h, _ := r.catalog.Find(b.Service, b.ID)
			h.Record = rec
			return r.renewed(ctx, c, h, digest, renewals[0].TTL), nil
		}
	}
	return Beaten{}, busy()
}

// raced tells whether a write failed only because someone else wrote in between.
func raced(err error) bool {
	return errors.Is(err, store.ErrLeaseLost) || errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrConflict)
}

func busy() error {
	return &Error{Code: Unavailable, Detail: "the instance changes all the time; ask again", RetryAfter: retryAfter}
}
