package storetest

import (
	"errors"
	"fmt"
	"time"

	"github.com/roster-sd/roster/store"
)

// In the very instant in which a lease ends, whether its end has been announced or not,
// all calls agree: once Get does not show the record, nothing can be done with the lease,
// and the key is free.
func expireInstant(e *env) {
	const rounds, n = 5, 40
	for range rounds {
		e.contested(n, func(_ int, l lease) error {
			_, err := e.s.Get(e.ctx, l.Key)
			if err == nil {
				return nil // not over yet
			}
			return e.isOver(l)
		})
		for _, rec := range e.list(store.Selector{}).Records {
			e.deregister(rec.Ref(), because(store.Deregistered))
		}
	}
}

// stallStep is how far a stall goes: too little for a store to think that it was paused.
const stallStep = 100 * time.Millisecond

// untilOver lets time pass until the lease is over and, as far as the harness can make
// it so, not yet announced.
func (e *env) untilOver(l lease) {
	e.t.Helper()
	if stall := e.cluster.Stall; stall != nil {
		e.until(l.to.Add(l.TTL - stallStep/2))
		stall(e.t, stallStep)
		return
	}
	e.untilHidden(l)
}

// Between the end of a lease and its announcement, too, the lease is over for every call,
// whichever comes first, and what follows makes one story with the announcement.
func expireUnannounced(e *env) {
	calls := e.callsOnTheDead()
	c, v := e.fromNow(), view{}
	leases := make([]lease, len(calls))
	for i := range leases {
		leases[i] = e.leased(store.InstanceKey("user", fmt.Sprint(i)), e.unit)
	}
	last := leases[len(leases)-1]
	e.untilOver(last)
	for i, call := range calls {
		if err := call.do(leases[i]); err != nil {
			e.t.Errorf("%s: %v", call.name, err)
		}
	}
	for i, call := range calls {
		if call.lives {
			continue
		}
		e.gone(leases[i].Key)
		if err := e.isOver(leases[i]); err != nil {
			e.t.Errorf("after %s: %v", call.name, err)
		}
	}
	e.until(e.announced(last))
	for _, ev := range c.all() {
		if why := v.apply(ev); why != "" {
			e.t.Errorf("the feed does not add up: %s", why)
		}
	}
	if why := v.differs(e.list(store.Selector{Kind: store.KindInstance})); why != "" {
		e.t.Errorf("the feed ends with another state than the store: %s", why)
	}
}

// deadCall is a call that meets a record whose lease is over. The error tells what was
// wrong with its answer; lives tells that the key has a record again afterwards.
type deadCall struct {
	name  string
	lives bool
	do    func(l lease) error
}

// callsOnTheDead gives a call of each kind. A list, which may look at every record, is
// the last.
func (e *env) callsOnTheDead() []deadCall {
	lost := func(err error) error {
		if isLost(err) {
			return nil
		}
		return fmt.Errorf("error is %v, want ErrLeaseLost or ErrNotFound", err)
	}
	touch := func(r *store.Record) error { r.Instance.Port = 1; return nil }
	return []deadCall{
		{"Get", false, func(l lease) error { _, err := e.s.Get(e.ctx, l.Key); return lost(err) }},
		{"TimeToLive", false, func(l lease) error {
			if left := e.left(l.Ref()); left >= 0 {
				return fmt.Errorf("%v remain", left)
			}
			return nil
		}},
		{"Renew", false, func(l lease) error { return lost(e.renew(l.Ref()).Err) }},
		{"Update", false, func(l lease) error { _, err := e.s.Update(e.ctx, l.Ref(), alice, touch); return lost(err) }},
		{"forced Update", false, func(l lease) error {
			_, err := e.s.Update(e.ctx, store.Ref{Key: l.Key}, alice, touch)
			return lost(err)
		}},
		{"Deregister", false, func(l lease) error {
			_, err := e.s.Deregister(e.ctx, l.Ref(), because(store.Deregistered))
			return lost(err)
		}},
		{"forced Deregister", false, func(l lease) error {
			_, err := e.s.Deregister(e.ctx, store.Ref{Key: l.Key}, because(store.Forced))
			return lost(err)
		}},
		{"Register", true, func(l lease) error { _, err := e.registerIf(l.Key, store.Condition{}); return err }},
		{"Register if absent", true, func(l lease) error {
			_, err := e.registerIf(l.Key, store.Condition{Absent: true})
			return err
		}},
		{"Register if under the lease", false, func(l lease) error {
			if _, err := e.registerIf(l.Key, store.Condition{Lease: l.Lease}); !errors.Is(err, store.ErrConflict) {
				return fmt.Errorf("error is %v, want ErrConflict", err)
			}
			return nil
		}},
		{"resurrection", true, func(l lease) error {
			_, err := e.resurrect(l.Key, l.Generation, l.RegisteredAt)
			return err
		}},
		{"List", false, func(l lease) error {
			if n := len(e.list(store.Selector(l.Key)).Records); n != 0 {
				return fmt.Errorf("%d records", n)
			}
			return nil
		}},
	}
}

// isOver checks that every call treats a lease as over and its key as free.
func (e *env) isOver(l lease) error {
	snap, err := e.s.List(e.ctx, store.Selector(l.Key))
	if err != nil || len(snap.Records) != 0 {
		return fmt.Errorf("list of a record that Get does not show: %d records, %v", len(snap.Records), err)
	}
	left, err := e.s.TimeToLive(e.ctx, []store.Ref{l.Ref()})
	if err != nil || left[0] >= 0 {
		return fmt.Errorf("time to live of a record that Get does not show: %v, %v", left, err)
	}
	rs, err := e.s.Renew(e.ctx, []store.Ref{l.Ref()})
	if err != nil || !isLost(rs[0].Err) {
		return fmt.Errorf("renew of a record that Get does not show: %v, %v", rs, err)
	}
	for _, ref := range []store.Ref{l.Ref(), {Key: l.Key}} {
		_, err = e.s.Update(e.ctx, ref, because(store.Updated), func(r *store.Record) error { r.Instance.Port = 1; return nil })
		if !isLost(err) {
			return fmt.Errorf("update of a record that Get does not show: %v", err)
		}
		if _, err = e.s.Deregister(e.ctx, ref, because(store.Deregistered)); !isLost(err) {
			return fmt.Errorf("deregister of a record that Get does not show: %v", err)
		}
	}
	if _, err = e.registerIf(l.Key, store.Condition{Lease: l.Lease}); !errors.Is(err, store.ErrConflict) {
		return fmt.Errorf("register if still under a lease that is over: %v", err)
	}
	rec, err := e.registerIf(l.Key, store.Condition{Absent: true})
	if err != nil {
		return fmt.Errorf("register if absent of a record that Get does not show: %w", err)
	}
	if rec.Generation <= l.Generation {
		return fmt.Errorf("generation %d follows %d", rec.Generation, l.Generation)
	}
	return nil
}
