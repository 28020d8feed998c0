package registry

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/roster-sd/roster/auth"
	"github.com/roster-sd/roster/catalog"
	"github.com/roster-sd/roster/internal/audit"
	"github.com/roster-sd/roster/store"
)

// verdict is what a record's tokens say of a token. While the backend is out of reach
// tokens do not expire: nobody could get a new one. Afterwards there is the grace of a
// rotation to get it in.
func (r *Registry) verdict(tokens store.Tokens, digest [32]byte) auth.Verdict {
	return r.verdictAt(&tokens, &digest, r.millis())
}

// verdictAt is verdict at a moment that millis has just given.
func (r *Registry) verdictAt(tokens *store.Tokens, digest *[32]byte, now store.Millis) auth.Verdict {
	v := auth.Pair(*tokens).Check(*digest, int64(now))
	if v == auth.Expired {
		since := time.Duration(now-expiresOf(tokens, *digest)) * time.Millisecond
		if _, stale := r.catalog.Stale(); stale || r.catalog.WasOut(since, r.opts.Tokens.Grace) {
			return auth.Valid
		}
	}
	return v
}

// held finds the instance that the caller holds, by the catalog alone; false where the
// store must be asked. A catalog that is known to lag does not count: it might say yes to
// a token of whose death this node itself has told.
func (r *Registry) held(c Caller, service, id string, digest [32]byte) (catalog.Handle, bool) {
	if _, stale := r.catalog.Stale(); stale || r.lags(service) {
		return catalog.Handle{}, false
	}
	h, ok := r.catalog.Find(service, id)
	if !ok || !c.Holder && (h.Packed.Owner() != c.Identity || !r.verdict(h.Packed.Tokens(), digest).OK()) {
		return catalog.Handle{}, false
	}
	return h, true
}

// asking is one call of a surface that may have to ask the store about several instances.
type asking struct {
	caller Caller
	caught sync.Once // the view has been let catch up for this call
}

// decision is what the store says of a token.
type decision struct {
	rec     *store.Record
	verdict auth.Verdict
	// written is set where the record was brought back or restored for this call: it is
	// under a lease that has just begun, and is yet to become visible.
	written bool
}

// decide is asked where the catalog did not say yes: it reads the record from the store,
// and gives it with the verdict, or the error that the caller is told.
func (r *Registry) decide(ctx context.Context, a *asking, key store.Key, digest [32]byte) (decision, error) {
	c := a.caller
	if err := r.exhausted(ctx, a, key, digest); err != nil {
		return decision{}, err
	}
	for range attempts {
		rec, err := r.read(ctx, key)
		absent := errors.Is(err, store.ErrNotFound)
		if err != nil && !absent {
			r.refused(c, key, digest, err)
			return decision{}, failed(err)
		}
		if !absent {
			if c.Holder {
				return decision{rec: rec, verdict: auth.Valid}, nil
			}
			if rec.Owner == c.Identity {
				if v := r.verdict(rec.Tokens, digest); v.OK() || v == auth.Expired {
					return decision{rec: rec, verdict: v}, nil
				}
			}
		}
		var back *store.Record
		if absent {
			back, err = r.resurrect(ctx, c, key, digest)
		} else {
			back, err = r.restore(ctx, c, rec, digest)
		}
		switch {
		case raced(err):
			continue
		case err != nil:
			r.refused(c, key, digest, err)
			return decision{}, failed(err)
		case back != nil:
			return decision{rec: back, verdict: auth.Valid, written: true}, nil
		}
		why := audit.DeadOrForeign
		if !absent && rec.Owner != c.Identity {
			why = audit.OtherIdentity
		}
		if absent {
			_, lost := r.catalog.Lost(key) // it is there for everyone who looks
			absent = !lost
		}
		return decision{}, r.gone(ctx, c, key, digest, absent, why)
	}
	return decision{}, busy()
}

// read gets a record from the store, once for all who ask at the same time.
func (r *Registry) read(ctx context.Context, key store.Key) (*store.Record, error) {
	return together(ctx, &r.lookups, key.String(), func(ctx context.Context) (*store.Record, error) {
		return r.store.Get(ctx, key)
	})
}

// gone says why a token opens nothing: it was good for an earlier life of the instance,
// or it never was, or nothing is known of the instance. What why says is for the audit alone:
// to callers an instance of another identity is like one whose token they do not have.
func (r *Registry) gone(ctx context.Context, c Caller, key store.Key, digest [32]byte, absent bool, why string) error {
	r.charge(c)
	stones, err := r.store.Tombstones(ctx, key)
	if err != nil {
		return failed(err)
	}
	for _, s := range stones {
		// In another life any of its tokens will do: the caller is told why it ended.
		if c.Holder || s.Record.Owner == c.Identity && auth.Pair(s.Record.Tokens).Check(digest, 0) != auth.Unknown {
			return r.leaseLost(s.Reason)
		}
	}
	if absent && len(stones) == 0 {
		return &Error{Code: NotFound, Detail: "service " + quote(key.Service) + " has no instance " + quote(key.ID)}
	}
	return r.badToken(ctx, c, key, "the token is not this instance's", why)
}

// badToken is the answer to a token that opens nothing. It changes nothing: to revoke on
// such a use would let anyone with an old log end a service.
func (r *Registry) badToken(ctx context.Context, c Caller, key store.Key, detail, why string) error {
	r.stats.DeadTokens.Add(1)
	r.refuse(c, audit.TokenRefused, auth.Register, key.Service, key.ID, why)
	r.tellRefusal(ctx, &c, "token refused", slog.String("service", key.Service), slog.String("instance", key.ID),
		slog.String("why", detail))
	return &Error{Code: Unauthenticated, Detail: detail}
}

func (r *Registry) expiredToken(ctx context.Context, c Caller, key store.Key) error {
	r.charge(c)
	return r.badToken(ctx, c, key, "the token has expired: register again, with the same identity, for a new one", audit.OutOfTime)
}

// promote notes that the newest token has been used, which ends the older one. It is
// one write, once a rotation. The caller waits for it to be visible. To say yes to one
// that has been replaced meanwhile would make its client let go of the token that works.
func (r *Registry) promote(ctx context.Context, c Caller, rec *store.Packed, digest [32]byte) (*store.Record, error) {
	return r.store.Update(ctx, rec.Ref(), r.why(c, store.Rotated, ""), func(x *store.Record) error {
		switch r.verdict(x.Tokens, digest) {
		case auth.ValidNewest:
			x.Tokens = store.Tokens(auth.Pair(x.Tokens).Promote())
		case auth.Valid: // someone else's call with the same token was first
		default:
			return errTokenMoved
		}
		return nil
	})
}

// digestOf reads the token of a call. A call without one, or with one that cannot be a
// token, is refused whatever the instance.
func (r *Registry) digestOf(ctx context.Context, c Caller, key store.Key, token string) ([32]byte, error) {
	if c.Holder {
		return [32]byte{}, nil
	}
	if token == "" {
		r.refuse(c, audit.TokenRefused, auth.Register, key.Service, key.ID, audit.NoneSent)
		return [32]byte{}, &Error{Code: Unauthenticated, Detail: "a token is needed: send the one from the registration as X-Instance-Token or Authorization: Bearer"}
	}
	digest, ok := auth.Digest(token)
	if !ok {
		return [32]byte{}, r.badToken(ctx, c, key, "the token is malformed", audit.Malformed)
	}
	return digest, nil
}

// expiresOf gives the expiry of the token that was used, 0 for one that has none.
func expiresOf(t *store.Tokens, digest [32]byte) store.Millis {
	if t.HasNewest && t.Newest == digest {
		return store.Millis(t.NewestExpires)
	}
	return store.Millis(t.UsedExpires)
}
