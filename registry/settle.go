package registry

import (
	"context"
	"errors"

	"github.com/roster-sd/roster/store"
)

// settleSoon settles an instance now, and where that fails has it tried again. It gives the
// revision at which the instance is as the override has it; zero: none, or it is not yet.
func (r *Registry) settleSoon(ctx context.Context, service, id string) store.Revision {
	rev, err := r.settle(ctx, service, id)
	if err != nil {
		r.overrides.owe(overrideKey(service, id))
	}
	return rev
}

// settleSeen is settleSoon, and waits until readers of this node see it.
func (r *Registry) settleSeen(ctx context.Context, service, id string) {
	if rev := r.settleSoon(ctx, service, id); !rev.IsZero() {
		r.visible(ctx, service, rev)
	}
}

// settle brings an instance, if there is one, to what the store says of its override. The
// store is asked each time: what this node knows may be over, and an instance that came after
// an exclusion must not go by it.
//
// If this node hears of another override while it writes, it may have written the older one,
// and does it again. If it hears later, it settles again then.
func (r *Registry) settle(ctx context.Context, service, id string) (rev store.Revision, err error) {
	key := overrideKey(service, id)
	for range attempts {
		before := r.overrides.known(key)
		if before.lost {
			if err := r.restoreOverride(ctx, before.rec); err != nil {
				return rev, err
			}
			continue
		}
		rev, err = r.settleOnce(ctx, service, id)
		if err == nil && r.overrides.known(key) == before {
			return rev, nil
		}
		if err != nil && !raced(err) {
			return rev, err
		}
	}
	return rev, busy()
}

// settleOnce writes once into an instance what the store says of its override.
func (r *Registry) settleOnce(ctx context.Context, service, id string) (store.Revision, error) {
	o, err := r.word(ctx, service, id)
	if err != nil {
		return store.Revision{}, err
	}
	why := store.Reason{Code: store.Updated, Note: "its override has ended", Node: r.opts.Node}
	if o != nil {
		why.Note, why.Actor = overrideNote(o), o.By
	}
	key := store.InstanceKey(service, id)
	if o != nil && o.KeptOut {
		// The same words as of the administrator's own removal, which may come second.
		why.Code, why.Note = store.Forced, o.Reason
		return r.exclude(ctx, key, why)
	}
	rec, err := r.store.Update(ctx, store.Ref{Key: key}, why, func(x *store.Record) error {
		if !store.SameOverride(x.Instance.Override, o) {
			x.Instance.Override = o
		}
		return nil
	})
	switch {
	case err == nil:
		return rec.Revision, nil
	case raced(err):
		return store.Revision{}, nil // there is none
	}
	return store.Revision{}, err
}

// exclude removes an instance that is kept out: under a lease that it had before the store was
// asked whether it still is, since one that came later may be there by right.
func (r *Registry) exclude(ctx context.Context, key store.Key, why store.Reason) (store.Revision, error) {
	rec, err := r.store.Get(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		r.leave(key, why)
		return store.Revision{}, nil
	}
	if err != nil {
		return store.Revision{}, err
	}
	if o, err := r.word(ctx, key.Service, key.ID); err != nil {
		return store.Revision{}, err
	} else if o == nil || !o.KeptOut {
		return store.Revision{}, store.ErrConflict
	}
	return r.store.Deregister(ctx, rec.Ref(), why)
}

// word gives the override that the store has for an instance; nil for none.
func (r *Registry) word(ctx context.Context, service, id string) (*store.Override, error) {
	rec, err := r.store.Get(ctx, overrideKey(service, id))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return rec.Instance.Override, nil
}

// restoreOverride brings back an override that the backend lost with its past, for what is
// left of its time: nobody else would, since nobody renews it. It comes back as the generation
// that it was, so that one that an administrator has lifted since stays lifted.
func (r *Registry) restoreOverride(ctx context.Context, rec *store.Record) error {
	left := rec.Instance.Override.Until.Time().Sub(r.millis().Time())
	err := store.ErrLeaseLost
	var out *store.Record
	if left > 0 {
		out, err = r.store.Register(ctx, *rec, store.Grant{TTL: left, If: store.Condition{Absent: true, Generation: rec.Generation},
			Why: store.Reason{Code: store.Resurrected, Actor: rec.Owner, Node: r.opts.Node, Note: restoredNote}})
	}
	switch {
	case err == nil:
		r.overrides.put(out)
	case raced(err):
		r.overrides.forget(rec)
	default:
		return err
	}
	return nil
}

// unsettled tells whether a record is not as this node's overrides have it.
func (r *Registry) unsettled(rec *store.Record) bool {
	return !store.SameOverride(r.overrides.of(rec.Key.Service, rec.Key.ID), rec.Instance.Override)
}

func overrideNote(o *store.Override) string {
	note := "override"
	if o.Status != "" {
		note += ": " + o.Status
	}
	if o.Reason != "" {
		note += ": " + o.Reason
	}
	return note
}
