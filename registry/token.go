package registry

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/roster-sd/roster/auth"
	"github.com/roster-sd/roster/store"
)

// verdict is what the record's tokens say of a token. While the backend is out of reach
// tokens do not expire: nobody could get a new one.
func (r *Registry) verdict(rec *store.Record, digest [32]byte) auth.Verdict {
	v := auth.Pair(rec.Tokens).Check(digest, int64(r.millis()))
	if v == auth.Expired {
		if _, stale := r.catalog.Stale(); stale {
			return auth.Valid
		}
	}
	return v
}

// held finds the instance that the caller holds, by the catalog alone.
func (r *Registry) held(c Caller, service, id string, digest [32]byte) (*store.Record, auth.Verdict, bool) {
	h, ok := r.catalog.Find(service, id)
	if !ok {
		return nil, auth.Unknown, false
	}
	if c.Holder {
		return h.Record, auth.Valid, true
	}
	if h.Record.Owner != c.Identity {
		return nil, auth.Unknown, false
	}
	v := r.verdict(h.Record, digest)
	return h.Record, v, v.OK()
}

// decide is asked where the catalog did not say yes: it reads the record from the store,
// and gives it with the verdict, or the error that the caller is told.
func (r *Registry) decide(ctx context.Context, c Caller, key store.Key, digest [32]byte) (*store.Record, auth.Verdict, error) {
	if err := r.lookup(c); err != nil {
		return nil, auth.Unknown, err
	}
	rec, err := r.read(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		return nil, auth.Unknown, r.gone(ctx, c, key, digest, true)
	}
	if err != nil {
		return nil, auth.Unknown, failed(err)
	}
	if c.Holder {
		return rec, auth.Valid, nil
	}
	if rec.Owner == c.Identity {
		if v := r.verdict(rec, digest); v.OK() || v == auth.Expired {
			return rec, v, nil
		}
	}
	return nil, auth.Unknown, r.gone(ctx, c, key, digest, false)
}

func (r *Registry) lookup(c Caller) error {
	if r.opts.Lookups == nil {
		return nil
	}
	if wait := r.opts.Lookups.Allow(c.Identity); wait > 0 {
		return &Error{Code: RateLimited, Detail: "too many calls with tokens or instances that are not known", RetryAfter: wait}
	}
	return nil
}

// read gets a record from the store, once for all who ask at the same time.
func (r *Registry) read(ctx context.Context, key store.Key) (*store.Record, error) {
	for joined := false; ; joined = true {
		own := false
		ch := r.lookups.DoChan(key.String(), func() (any, error) {
			own = true
			// The caller that came first may leave; the others still want the answer.
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readWithin)
			defer cancel()
			return r.store.Get(ctx, key)
		})
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case res := <-ch:
			// A read that was under way when this caller came may have passed the record
			// before it was written. The next one that it meets began after it came.
			if own || joined {
				rec, _ := res.Val.(*store.Record)
				return rec, res.Err
			}
		}
	}
}

// readWithin bounds a read of the store that several callers wait for.
const readWithin = 2 * time.Second

// gone says why a token opens nothing: it was good for an earlier life of the instance,
// or it never was, or nothing is known of the instance.
func (r *Registry) gone(ctx context.Context, c Caller, key store.Key, digest [32]byte, absent bool) error {
	stones, err := r.store.Tombstones(ctx, key)
	if err != nil {
		return failed(err)
	}
	for _, s := range stones {
		// In another life any of its tokens will do: the caller is told why it ended.
		if c.Holder || s.Record.Owner == c.Identity && auth.Pair(s.Record.Tokens).Check(digest, 0) != auth.Unknown {
			r.stats.Lost.Add(1)
			return &Error{Code: LeaseLost, Reason: s.Reason.Code, Detail: "the instance is gone: " + string(s.Reason.Code)}
		}
	}
	if absent && len(stones) == 0 {
		return &Error{Code: NotFound, Detail: "service " + quote(key.Service) + " has no instance " + quote(key.ID)}
	}
	return r.badToken(ctx, c, key, "the token is not this instance's")
}

// badToken is the answer to a token that opens nothing. It changes nothing: to revoke on
// such a use would let anyone with an old log end a service.
func (r *Registry) badToken(ctx context.Context, c Caller, key store.Key, detail string) error {
	r.stats.DeadTokens.Add(1)
	r.log.LogAttrs(ctx, slog.LevelWarn, "token refused", slog.String("service", key.Service),
		slog.String("instance", key.ID), slog.String("identity", c.Identity), slog.String("from", c.From),
		slog.String("why", detail))
	return &Error{Code: Unauthenticated, Detail: detail}
}

func (r *Registry) expiredToken(ctx context.Context, c Caller, key store.Key) error {
	return r.badToken(ctx, c, key, "the token has expired: register again, with the same identity, for a new one")
}

// promote notes that the newest token has been used, which ends the older one. It is
// one write, once a rotation.
func (r *Registry) promote(ctx context.Context, c Caller, rec *store.Record, digest [32]byte) (*store.Record, error) {
	out, err := r.store.Update(ctx, rec.Ref(), r.why(c, store.Rotated, ""), func(x *store.Record) error {
		if pair := auth.Pair(x.Tokens); pair.Check(digest, int64(r.millis())) == auth.ValidNewest {
			x.Tokens = store.Tokens(pair.Promote())
		}
		return nil
	})
	if err == nil {
		r.visible(ctx, rec.Key.Service, out.Revision)
	}
	return out, err
}

// digestOf reads the token of a call. A call without one, or with one that cannot be a
// token, is refused whatever the instance.
func (r *Registry) digestOf(ctx context.Context, c Caller, key store.Key, token string) ([32]byte, error) {
	if c.Holder {
		return [32]byte{}, nil
	}
	if token == "" {
		return [32]byte{}, &Error{Code: Unauthenticated, Detail: "a token is needed: send the one from the registration as X-Instance-Token or Authorization: Bearer"}
	}
	digest, ok := auth.Digest(token)
	if !ok {
		return [32]byte{}, r.badToken(ctx, c, key, "the token is malformed")
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
