package registry

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/roster-sd/roster/auth"
	"github.com/roster-sd/roster/internal/audit"
	"github.com/roster-sd/roster/store"
)

// Rotated is the answer to a rotation: the new token, shown here and never again.
type Rotated struct {
	Token        string
	TokenExpires store.Millis // 0: it does not expire
}

// Rotate mints a new token for an instance. The token that was used stays good until the
// new one is first used, so an answer that is lost locks nobody out: rotate again.
func (r *Registry) Rotate(ctx context.Context, c Caller, service, id, token string) (Rotated, error) {
	if err := checkRef(service, id); err != nil {
		return Rotated{}, err
	}
	if err := r.authorise(ctx, c, auth.Register, service); err != nil {
		return Rotated{}, err
	}
	key := store.InstanceKey(service, id)
	digest, err := r.digestOf(ctx, c, key, token)
	if err != nil {
		return Rotated{}, err
	}
	fresh, freshDigest, err := auth.NewToken()
	if err != nil {
		return Rotated{}, failed(err)
	}
	expires := r.expiry()
	var rotated *store.Record
	err = r.write(ctx, c, key, digest, func(rec *store.Record) error {
		var err error
		rotated, err = r.store.Update(ctx, rec.Ref(), r.why(c, store.Rotated, ""), func(x *store.Record) error {
			grace := r.opts.Tokens.Grace
			if r.verdict(x.Tokens, digest).OK() {
				grace = always // also where it has run out, but could not be rotated
			}
			pair, err := auth.Pair(x.Tokens).Rotate(digest, freshDigest, int64(expires), int64(r.millis()), grace)
			if err != nil {
				return errTokenMoved
			}
			x.Tokens = store.Tokens(pair)
			return nil
		})
		return err
	})
	if err != nil {
		return Rotated{}, err
	}
	r.stats.Rotated.Add(1)
	r.log.LogAttrs(ctx, slog.LevelInfo, "token rotated", slog.String("service", service),
		slog.String("instance", id), slog.String("identity", c.Identity), slog.String("from", c.From), c.requestAttr())
	r.allowed(c, audit.Rotate, auth.Register, service, id)
	r.visible(ctx, service, rotated.Revision)
	return Rotated{Token: fresh, TokenExpires: expires}, nil
}

// always is a grace that does not end.
const always time.Duration = 1 << 62

// errTokenMoved is given inside a write whose token stopped being good in between.
var errTokenMoved = errors.New("registry: the token is no longer good")

// write runs a write of the holder of a token: with the record from the catalog if that
// says yes, else, and again when it fails because the record moved, from the store.
func (r *Registry) write(ctx context.Context, c Caller, key store.Key, digest [32]byte, do func(*store.Record) error) error {
	if h, ok := r.held(c, key.Service, key.ID, digest); ok {
		if err := do(h.Packed.Record()); !raced(err) {
			return failed(err)
		}
	}
	a := &asking{caller: c}
	for range attempts {
		d, err := r.decide(ctx, a, key, digest)
		if err != nil {
			return err
		}
		err = do(d.rec)
		switch {
		case errors.Is(err, errTokenMoved) && d.verdict == auth.Expired:
			return r.expiredToken(ctx, c, key)
		case !raced(err):
			return failed(err)
		}
	}
	return busy()
}
