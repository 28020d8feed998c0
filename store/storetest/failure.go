package storetest

import (
	"errors"
	"strings"

	"github.com/roster-sd/roster/store"
)

var errorSpecs = []spec{
	{name: "error/names-operation-backend-and-key", prove: errorForm},
	{name: "error/of-a-closed-store", prove: errorClosed},
	{name: "error/renewals", prove: errorRenewals},
}

// form checks the parts of an error of a call.
func (e *env) form(err error, kind error, op string, key store.Key) {
	e.t.Helper()
	e.wants(err, kind, op)
	var of *store.Error
	if !errors.As(err, &of) {
		return
	}
	if of.Op != op {
		e.t.Errorf("%s: Op is %q", op, of.Op)
	}
	if of.Key != key {
		e.t.Errorf("%s: Key is %v, want %v", op, of.Key, key)
	}
	if !errors.Is(of.Kind, kind) {
		e.t.Errorf("%s: Kind is %v, want %v", op, of.Kind, kind)
	}
	for _, other := range kinds {
		if other != kind && errors.Is(err, other) {
			e.t.Errorf("%s: the error is both %q and %q", op, kind, other)
		}
	}
	for _, part := range []string{op, e.caps.Backend, kind.Error()} {
		if !strings.Contains(err.Error(), part) {
			e.t.Errorf("%s: %q does not say %q", op, err, part)
		}
	}
}

func errorForm(e *env) {
	key := store.InstanceKey("user", "1")
	none := store.Ref{Key: key}
	_, err := e.s.Get(e.ctx, key)
	e.form(err, store.ErrNotFound, "get", key)
	_, err = e.s.Update(e.ctx, none, because(store.Updated), func(*store.Record) error { return nil })
	e.form(err, store.ErrNotFound, "update", key)
	_, err = e.s.Deregister(e.ctx, none, because(store.Forced))
	e.form(err, store.ErrNotFound, "deregister", key)
	_, err = e.registerIf(key, store.Condition{Lease: 9})
	e.form(err, store.ErrConflict, "register", key)

	old := e.put(key, lasting)
	e.put(key, lasting)
	_, err = e.s.Update(e.ctx, old.Ref(), because(store.Updated), func(*store.Record) error { return nil })
	e.form(err, store.ErrLeaseLost, "update", key)
	_, err = e.s.Deregister(e.ctx, old.Ref(), because(store.Deregistered))
	e.form(err, store.ErrLeaseLost, "deregister", key)
	e.deregister(none, because(store.Forced))
	_, err = e.resurrect(key, old.Generation, 1)
	e.form(err, store.ErrLeaseLost, "register", key)
}

func errorClosed(e *env) {
	rec := e.put(store.InstanceKey("user", "1"), lasting)
	e.closeStore(e.s)
	for _, call := range calls(e.s, rec) {
		e.form(call.do(e.ctx), store.ErrClosed, call.op, call.key)
	}
}

// An outcome of a batch is matched like every error. Where it has the full form, it
// names its own key.
func errorRenewals(e *env) {
	old := e.put(store.InstanceKey("user", "1"), lasting)
	e.put(old.Key, lasting)
	for _, ref := range []store.Ref{old.Ref(), {Key: store.InstanceKey("user", "2"), Lease: 3}} {
		err := e.renew(ref).Err
		e.wantsLost(err, "Renew")
		var of *store.Error
		if errors.As(err, &of) {
			e.form(err, of.Kind, "renew", ref.Key)
		}
	}
}
