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
		before := h.Record
		if h.Record, err = r.used(ctx, c, before, digest); err != nil && !raced(err) {
			return Beaten{}, failed(err)
		} else if err == nil && h.Record != before {
			r.visible(ctx, b.Service, h.Record.Revision)
		}
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
	return r.persist(ctx, c, b, digest, func(rev store.Revision) { r.visible(ctx, b.Service, rev) })
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
			handles = append(handles, found{h, digest, i})
		}
	}
	var down error // what the store said when it last could not be asked
	// Newest tokens that are used for the first time: written one by one, waited for once.
	promoted := make(map[string]store.Revision)
	current := make(map[store.Key]*store.Record) // of those that were written
	ready := handles[:0]
	for _, f := range handles {
		if rec, ok := current[f.Record.Key]; ok {
			f.Record = rec // an item of the same instance came before
			if !c.Holder && !r.verdict(rec, f.digest).OK() {
				hard = append(hard, f) // and its token has ended this one
				continue
			}
		}
		rec, err := f.Record, down
		if err == nil {
			rec, err = r.used(ctx, c, f.Record, f.digest)
		}
		switch {
		case err == nil:
			if rec != f.Record {
				promoted[rec.Key.Service], current[rec.Key] = rec.Revision, rec
			}
			f.Record = rec
			ready, refs = append(ready, f), append(refs, rec.Ref())
		case raced(err):
			hard = append(hard, f)
		default:
			if out[f.at].Err = failed(err); unreachable(err) {
				down = err
			}
		}
	}
	handles = ready
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
		out[f.at], err = r.persist(ctx, c, beats[f.at], f.digest, func(rev store.Revision) { promoted[beats[f.at].Service] = rev })
		if out[f.at].Err = err; unreachable(err) {
			down = err
		}
	}
	r.allVisible(ctx, promoted)
	return out
}

// used gives the record with its tokens as they are once the token has been used: it is
// written if that was the first use of the newest.
func (r *Registry) used(ctx context.Context, c Caller, rec *store.Record, digest [32]byte) (*store.Record, error) {
	if c.Holder || r.verdict(rec, digest) != auth.ValidNewest {
		return rec, nil
	}
	return r.promote(ctx, c, rec, digest)
}

// prepare checks a beat. It gives the instance if the catalog says yes to its token, and
// no instance where the store must be asked.
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
	h, _ = r.held(c, b.Service, b.ID, digest)
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

// persist is the heartbeat of an instance about which the catalog could not say yes. What
// it writes of the tokens it tells to wrote, which sees to it that it becomes visible.
func (r *Registry) persist(ctx context.Context, c Caller, b Beat, digest [32]byte, wrote func(store.Revision)) (Beaten, error) {
	key := store.InstanceKey(b.Service, b.ID)
	for range attempts {
		rec, verdict, err := r.decide(ctx, c, key, digest)
		if err != nil {
			return Beaten{}, err
		}
		if verdict == auth.Expired {
			return Beaten{}, r.expiredToken(ctx, c, key)
		}
		before := rec
		if rec, err = r.used(ctx, c, before, digest); err != nil && !raced(err) {
			return Beaten{}, failed(err)
		} else if err != nil {
			continue
		} else if rec != before {
			wrote(rec.Revision)
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
	return errors.Is(err, errTokenMoved) || errors.Is(err, store.ErrLeaseLost) || errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrConflict)
}

func busy() error {
	return &Error{Code: Unavailable, Detail: "the instance changes all the time; ask again", RetryAfter: retryAfter}
}
