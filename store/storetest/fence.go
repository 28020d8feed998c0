package storetest

import (
	"errors"

	"github.com/roster-sd/roster/store"
)

var fenceSpecs = []spec{
	{name: "fence/old-lease-renews-nothing", prove: fenceRenew},
	{name: "fence/old-lease-updates-nothing", prove: fenceUpdate},
	{name: "fence/old-lease-deregisters-nothing", prove: fenceDeregister},
	{name: "fence/lease-of-another-key", prove: fenceForeign},
	{name: "fence/lease-never-granted", prove: fenceInvented},
	{name: "fence/lease-before-a-resurrection", prove: fenceResurrection},
	{name: "fence/zero-lease-forces-update", prove: fenceZeroUpdate},
	{name: "fence/zero-lease-forces-deregister", prove: fenceZeroDeregister},
	{name: "fence/zero-lease-of-nothing", prove: fenceZeroNothing},
	{name: "fence/zero-lease-renewal-is-honest", prove: fenceZeroRenew},
	{name: "fence/never-heard-of", prove: fenceUnknown},
}

// refused checks that a ref changes nothing of a record that lives under another lease.
func (e *env) refused(ref store.Ref, live *store.Record) {
	e.t.Helper()
	c := e.fromNow()
	e.refusedRenewal(ref)
	called, err := e.s.Update(e.ctx, ref, because(store.Updated), func(r *store.Record) error { r.Instance.Port = 1; return nil })
	e.wants(err, store.ErrLeaseLost, "Update under a lease that is not the record's")
	if called != nil {
		e.t.Errorf("a refused Update gave the record %+v", *called)
	}
	e.refusedDeregister(ref)
	e.alive(live)
	c.silent("writes under a lease that is not the record's")
}

func (e *env) refusedRenewal(ref store.Ref) {
	e.t.Helper()
	if r := e.renew(ref); !errors.Is(r.Err, store.ErrLeaseLost) {
		e.t.Fatalf("Renew under a lease that is not the record's: %v, %v, want ErrLeaseLost", r.TTL, r.Err)
	}
}

func (e *env) refusedDeregister(ref store.Ref) {
	e.t.Helper()
	rev, err := e.s.Deregister(e.ctx, ref, because(store.Deregistered))
	e.wants(err, store.ErrLeaseLost, "Deregister under a lease that is not the record's")
	if !rev.IsZero() {
		e.t.Errorf("a refused Deregister gave the revision %v", rev)
	}
}

// replaced gives a ref that was good and the record that replaced it.
func (e *env) replaced() (store.Ref, *store.Record) {
	e.t.Helper()
	key := store.InstanceKey("user", "1")
	return e.put(key, lasting).Ref(), e.put(key, lasting)
}

func fenceRenew(e *env) {
	old, live := e.replaced()
	e.refusedRenewal(old)
	if r := e.renew(live.Ref()); r.Err != nil {
		e.t.Errorf("Renew under the new lease: %v", r.Err)
	}
	e.alive(live)
}

func fenceUpdate(e *env) {
	old, live := e.replaced()
	_, err := e.s.Update(e.ctx, old, because(store.Updated), func(r *store.Record) error { r.Instance.Port = 1; return nil })
	e.wants(err, store.ErrLeaseLost, "Update under the old lease")
	e.alive(live)
}

func fenceDeregister(e *env) {
	old, live := e.replaced()
	e.refusedDeregister(old)
	e.alive(live)
}

// A lease that lives is no right to another key's record.
func fenceForeign(e *env) {
	mine := e.put(store.InstanceKey("user", "1"), lasting)
	theirs := e.put(store.InstanceKey("user", "2"), lasting)
	e.refused(store.Ref{Key: theirs.Key, Lease: mine.Lease}, theirs)
	e.alive(mine)
}

func fenceInvented(e *env) {
	live := e.put(store.InstanceKey("user", "1"), lasting)
	for _, lease := range []store.LeaseID{live.Lease + 1, live.Lease - 1, 1<<63 - 1, 1<<64 - 1} {
		if lease != 0 {
			e.refused(store.Ref{Key: live.Key, Lease: lease}, live)
		}
	}
}

// The lease changes on resurrection, although the generation does not.
func fenceResurrection(e *env) {
	old := e.expired(store.InstanceKey("user", "1"))
	back, err := e.resurrect(old.Key, old.Generation, old.RegisteredAt)
	if err != nil {
		e.t.Fatalf("resurrection after expiry: %v", err)
	}
	e.refused(old.Ref(), back)
}

func fenceZeroUpdate(e *env) {
	rec := e.put(store.InstanceKey("user", "1"), lasting)
	got := e.update(store.Ref{Key: rec.Key}, because(store.Updated), func(r *store.Record) error { r.Instance.Weight = 3; return nil })
	if got.Instance.Weight != 3 || got.Lease != rec.Lease {
		e.t.Errorf("a forced Update gave weight %d under the lease %v, want 3 under %v", got.Instance.Weight, got.Lease, rec.Lease)
	}
	e.alive(got)
	if r := e.renew(rec.Ref()); r.Err != nil {
		e.t.Errorf("the holder's renewal after a forced Update: %v", r.Err)
	}
}

func fenceZeroDeregister(e *env) {
	rec := e.put(store.InstanceKey("user", "1"), lasting)
	rev := e.deregister(store.Ref{Key: rec.Key}, because(store.Forced))
	if !rec.Revision.Before(rev) {
		e.t.Errorf("a forced Deregister is at %v, the record was at %v", rev, rec.Revision)
	}
	e.gone(rec.Key)
}

func fenceZeroNothing(e *env) {
	ref := store.Ref{Key: store.InstanceKey("user", "1")}
	_, err := e.s.Update(e.ctx, ref, because(store.Updated), func(*store.Record) error { return nil })
	e.wants(err, store.ErrNotFound, "a forced Update of nothing")
	_, err = e.s.Deregister(e.ctx, ref, because(store.Forced))
	e.wants(err, store.ErrNotFound, "a forced Deregister of nothing")
}

// The contract does not say whether a zero lease renews. If the store says that it did,
// it did.
func fenceZeroRenew(e *env) {
	l := e.leased(store.InstanceKey("user", "1"), e.unit)
	e.until(l.from.Add(l.TTL * 6 / 10))
	r := e.renew(store.Ref{Key: l.Key})
	if r.Err != nil {
		e.lives(l)
		return
	}
	e.until(l.to.Add(l.TTL * 13 / 10))
	l.from = l.from.Add(l.TTL * 6 / 10)
	e.lives(l)
}

// A key that the store never heard of is not found, whatever the lease.
func fenceUnknown(e *env) {
	ref := store.Ref{Key: store.InstanceKey("user", "1"), Lease: 12345}
	if r := e.renew(ref); !errors.Is(r.Err, store.ErrNotFound) {
		e.t.Errorf("Renew of a key never heard of: %v, want ErrNotFound", r.Err)
	}
	_, err := e.s.Update(e.ctx, ref, because(store.Updated), func(*store.Record) error { return nil })
	e.wants(err, store.ErrNotFound, "Update of a key never heard of")
	_, err = e.s.Deregister(e.ctx, ref, because(store.Deregistered))
	e.wants(err, store.ErrNotFound, "Deregister of a key never heard of")
}
