package registry

import (
	"context"
	"log/slog"
	"time"

	"github.com/roster-sd/roster/auth"
	"github.com/roster-sd/roster/internal/audit"
	"github.com/roster-sd/roster/store"
)

// Removal says how an instance is to be removed.
type Removal struct {
	Note string // kept with the event
	// KeepOut is for how long an administrator keeps the ID out, so that what was removed does
	// not register again at once; 0: not at all. For holders it has no meaning.
	KeepOut time.Duration
}

// Deregister removes an instance at the word of the holder of its token, or, without one, of
// an administrator.
func (r *Registry) Deregister(ctx context.Context, c Caller, service, id, token string, how Removal) (store.Revision, error) {
	var ck checker
	ck.errs = append(CheckRef(service, id), checkNote("reason", how.Note)...)
	ck.ok(how.KeepOut == 0 || how.KeepOut >= time.Second && how.KeepOut <= MaxOverride, "keepOut", "must be 0, or from 1s to 720h, thirty days")
	if err := invalid(ck.errs); err != nil {
		return store.Revision{}, err
	}
	key := store.InstanceKey(service, id)
	r.lag.leaves(key)
	defer r.lag.shown(key)
	var rev store.Revision
	var err error
	kind, action := audit.Deregister, auth.Register
	if r.forces(c, service, token) {
		kind, action = audit.Forced, auth.Admin
		rev, err = r.force(ctx, c, key, how)
	} else {
		err = r.change(ctx, c, service, id, token, func(ref store.Ref, _ func(*store.Record) error) error {
			var err error
			rev, err = r.store.Deregister(ctx, ref, r.why(c, store.Deregistered, how.Note))
			return err
		})
	}
	if err != nil {
		return store.Revision{}, err
	}
	r.log.LogAttrs(ctx, slog.LevelInfo, "deregistered", slog.String("service", service),
		slog.String("instance", id), slog.String("identity", c.Identity), slog.String("from", c.From), c.requestAttr(),
		slog.String("note", how.Note))
	r.allowed(c, kind, action, service, id, because("removed"), noted(how.Note))
	r.visible(ctx, service, rev)
	return rev, nil
}

// force removes an instance at an administrator's word. That it is kept out is written first:
// its holder may be quick.
func (r *Registry) force(ctx context.Context, c Caller, key store.Key, how Removal) (store.Revision, error) {
	why := r.why(c, store.Forced, how.Note)
	if how.KeepOut > 0 {
		if _, err := r.store.Get(ctx, key); raced(err) && !r.shows(key) {
			return store.Revision{}, r.noInstance(key)
		} else if err != nil && !raced(err) {
			return store.Revision{}, failed(err)
		}
		q := OverrideRequest{KeepOut: true, Reason: how.Note, For: how.KeepOut}
		if _, err := r.override(ctx, c, key.Service, key.ID, q); err != nil {
			return store.Revision{}, failed(err)
		}
	}
	rev, err := r.store.Deregister(ctx, store.Ref{Key: key}, why)
	switch {
	case err == nil:
		return rev, nil
	case !raced(err):
		return store.Revision{}, failed(err)
	}
	// The store has lost it, or another node has just removed it for the same reason.
	if how.KeepOut == 0 && !r.shows(key) {
		return store.Revision{}, r.noInstance(key)
	}
	r.leave(key, why)
	return r.catalog.Revision(), nil
}

// leave ends what this node still shows of an instance that the store has lost.
func (r *Registry) leave(key store.Key, why store.Reason) {
	if held, ok := r.catalog.Find(key.Service, key.ID); ok {
		r.catalog.Leave(store.Tombstone{Record: held.Packed.Record(), Reason: why})
	}
}

// shows tells whether this node shows an instance, which the store may have lost.
func (r *Registry) shows(key store.Key) bool {
	_, ok := r.catalog.Find(key.Service, key.ID)
	return ok
}

func (r *Registry) noInstance(key store.Key) error {
	return &Error{Code: NotFound, Detail: "service " + quote(key.Service) + " has no instance " + quote(key.ID)}
}
