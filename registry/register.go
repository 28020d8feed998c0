package registry

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"

	"github.com/roster-sd/roster/auth"
	"github.com/roster-sd/roster/store"
)

// Registered is the answer to a registration. Token is shown here and never again.
type Registered struct {
	Record       *store.Record
	Token        string
	TokenExpires store.Millis // 0: it does not expire
	Created      bool         // false: it replaced an instance of the same ID
}

// attempts bounds how often a call starts over because someone else wrote in between.
const attempts = 5

// Register puts an instance under a new lease and mints its token. An instance of the
// same ID that lives is replaced if the caller holds its token, or proves the identity
// that registered it, or is an administrator; otherwise that is a Conflict.
func (r *Registry) Register(ctx context.Context, c Caller, reg Registration) (Registered, error) {
	if errs := r.Check(&reg); errs != nil {
		return Registered{}, invalid(errs)
	}
	if err := r.authorise(ctx, c, auth.Register, reg.Service); err != nil {
		return Registered{}, err
	}
	ttl, err := r.opts.Leases.Grant(reg.TTL, reg.HasTTL)
	if err != nil {
		return Registered{}, failed(err)
	}
	id, made := reg.ID, reg.ID == ""
	if made {
		id = MakeID(reg.Service)
	}
	if !made {
		if err := r.keptOut(ctx, reg.Service, id); err != nil {
			return Registered{}, r.refuseKeptOut(c, reg.Service, id, err)
		}
	}
	token, digest, err := auth.NewToken()
	if err != nil {
		return Registered{}, failed(err)
	}
	expires := r.expiry()
	in := store.Record{
		Key:      store.InstanceKey(reg.Service, id),
		Owner:    c.Identity,
		Tokens:   store.Tokens{Used: digest, UsedExpires: int64(expires)},
		Instance: reg.Instance,
	}
	if in.Instance.Address == "" {
		if in.Instance.Address = c.From; !ValidAddress(c.From) {
			return Registered{}, invalid([]FieldError{{Field: "address", Message: "must be given: the caller's own is none that others could use"}})
		}
	}
	if err := r.mayCheck(c, reg.Service, &in.Instance); err != nil {
		return Registered{}, err
	}
	in.Instance.Metadata = inOrder(in.Instance.Metadata)
	in.Process = r.process(in.Instance.PID)
	in.Instance.Override = r.standing(reg.Service, id)
	grant := store.Grant{TTL: ttl, Why: r.why(c, store.Registered, reg.Note)}

	var current *store.Record
	known := false
	if _, stale := r.catalog.Stale(); !made && !stale && !r.lags(reg.Service) {
		held, ok := r.catalog.Find(reg.Service, id)
		if known = ok; ok {
			current = held.Packed.Record()
		}
	}
	for range attempts {
		grant.If = store.Condition{Absent: true}
		if !known && !made {
			if current, known, err = r.heldByAnother(ctx, c, in.Key, reg.Token); err != nil {
				return Registered{}, err
			}
		}
		if known {
			if !r.mayReplace(c, current, reg.Token) {
				if current, err = r.store.Get(ctx, in.Key); errors.Is(err, store.ErrNotFound) {
					known = false
					continue
				} else if err != nil {
					return Registered{}, failed(err)
				}
				if !r.mayReplace(c, current, reg.Token) {
					return Registered{}, r.conflict(ctx, c, in.Key)
				}
			}
			grant.If = store.Condition{Generation: current.Generation}
			begin(&in, current)
		} else {
			begin(&in, nil)
		}
		if !known || current.Owner != c.Identity {
			leave, err := r.occupy(c, in.Key)
			if err != nil {
				return Registered{}, err
			}
			defer leave()
		}
		sent := r.catalog.Now()
		rec, err := r.store.Register(ctx, in, grant)
		if err == nil {
			if r.unsettled(rec) {
				r.settleSoon(ctx, reg.Service, id)
				if err := r.keptOut(ctx, reg.Service, id); err != nil {
					return Registered{}, r.refuseKeptOut(c, reg.Service, id, err)
				}
			}
			r.stats.Granted.Add(1)
			r.log.LogAttrs(ctx, slog.LevelInfo, "registered", slog.String("service", reg.Service),
				slog.String("instance", id), slog.String("identity", c.Identity), slog.String("from", c.From), c.requestAttr(),
				slog.String("ttl", rec.TTL.String()), slog.Bool("replaced", known))
			r.auditRegistered(c, reg.Service, id, known, current)
			if r.visible(ctx, reg.Service, rec.Revision) && r.forgotten(ctx, rec) {
				return Registered{}, &Error{Code: Unavailable, RetryAfter: retryAfter,
					Detail: "the backend lost its data while it registered the instance; ask again"}
			}
			r.granted(rec, sent)
			return Registered{Record: rec, Token: token, TokenExpires: expires, Created: !known}, nil
		}
		if !errors.Is(err, store.ErrConflict) {
			return Registered{}, failed(err)
		}
		if made {
			// By chance it is someone's already: an ID made here takes nothing over.
			id = MakeID(reg.Service)
			in.Key.ID = id
			continue
		}
		if current, err = r.store.Get(ctx, in.Key); err != nil && !errors.Is(err, store.ErrNotFound) {
			return Registered{}, failed(err)
		}
		known = err == nil
	}
	return Registered{}, &Error{Code: Unavailable, Detail: "others register the same instance ID all the time; ask again", RetryAfter: retryAfter}
}

// heldByAnother looks at an instance that the store may have lost, and that is not the
// caller's to replace: a loss of the backend's opens no ID to others while its holder may come
// back. It gives the record that the store has after all.
func (r *Registry) heldByAnother(ctx context.Context, c Caller, key store.Key, token string) (*store.Record, bool, error) {
	lost, ok := r.catalog.Lost(key)
	if !ok || r.mayReplace(c, lost.Record, token) {
		return nil, false, nil
	}
	rec, err := r.store.Get(ctx, key)
	switch {
	case err == nil:
		return rec, true, nil
	case errors.Is(err, store.ErrNotFound):
		return nil, false, r.conflict(ctx, c, key)
	}
	return nil, false, failed(err)
}

// forgotten tells whether the store has let go of a record that it has just accepted.
func (r *Registry) forgotten(ctx context.Context, rec *store.Record) bool {
	now, err := r.store.Get(ctx, rec.Key)
	return errors.Is(err, store.ErrNotFound) || err == nil && now.Lease != rec.Lease
}

// mayReplace is the rule of who may take over a live instance.
func (r *Registry) mayReplace(c Caller, current *store.Record, token string) bool {
	if c.Holder || !c.Unverified && current.Owner == c.Identity {
		return true
	}
	if digest, ok := auth.Digest(token); ok && current.Owner == c.Identity && r.verdict(current.Tokens, digest).OK() {
		return true
	}
	return r.isAdmin(c, current.Key.Service)
}

func (r *Registry) conflict(ctx context.Context, c Caller, key store.Key) error {
	r.refuseTakeover(c, key)
	r.tellRefusal(ctx, &c, "takeover refused", slog.String("service", key.Service), slog.String("instance", key.ID))
	return &Error{Code: Conflict, Detail: "instance ID " + quote(key.ID) + " of service " + quote(key.Service) +
		" is taken by a live instance: only the identity that registered it may replace it" + proof(c) + "; or choose another ID"}
}

// proof is what must come with a call whose identity nothing proves.
func proof(c Caller) string {
	if c.Unverified {
		return ", with the instance's token"
	}
	return ""
}

// isAdmin tells whether the caller administers the service.
func (r *Registry) isAdmin(c Caller, service string) bool {
	return r.Policy().Authorize(c.Identity, auth.Admin, service).Allowed
}

func (r *Registry) expiry() store.Millis {
	if r.opts.Tokens.TTL == 0 {
		return 0
	}
	return store.At(r.opts.Now().Add(r.opts.Tokens.TTL))
}

// idAlphabet has no letters that are mistaken for digits or for each other.
const idAlphabet = "23456789abcdefghjkmnpqrstuvwxyz"

// MakeID makes an instance ID that can be read aloud: the service's name and eight
// random characters.
func MakeID(service string) string { return service + "-" + randomText(8, idAlphabet) }

func randomText(n int, alphabet string) string {
	out := make([]byte, 0, n)
	var buf [32]byte
	for len(out) < n {
		rand.Read(buf[:])
		for _, b := range buf {
			// The remainder of 256 would favour the first letters.
			if limit := 256 / len(alphabet) * len(alphabet); int(b) < limit && len(out) < n {
				out = append(out, alphabet[int(b)%len(alphabet)])
			}
		}
	}
	return string(out)
}
