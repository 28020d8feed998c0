package storetest

import (
	"github.com/roster-sd/roster/store"
)

var conditionSpecs = []spec{
	{name: "condition/zero-always-holds", prove: conditionZero},
	{name: "condition/absent", prove: conditionAbsent},
	{name: "condition/absent-after-deregister", prove: conditionAbsentDeregistered},
	{name: "condition/absent-after-expiry", prove: conditionAbsentExpired},
	{name: "condition/lease", prove: conditionLease},
	{name: "condition/generation", prove: conditionGeneration},
	{name: "condition/lease-and-generation", prove: conditionBoth},
	{name: "condition/of-nothing", prove: conditionOfNothing},
	{name: "condition/absent-and-lease-never-holds", prove: conditionContradiction},
}

// registerIf registers under a condition and gives the error.
func (e *env) registerIf(key store.Key, cond store.Condition) (*store.Record, error) {
	return e.s.Register(e.ctx, sample(key), store.Grant{TTL: lasting, If: cond, Why: alice})
}

// conflicts checks that a condition does not hold and that nothing comes of it.
func (e *env) conflicts(key store.Key, cond store.Condition) {
	e.t.Helper()
	c := e.fromNow()
	before := e.list(store.Selector(key))
	rec, err := e.registerIf(key, cond)
	e.wants(err, store.ErrConflict, "Register under a condition that does not hold")
	if rec != nil {
		e.t.Errorf("a refused Register gave the record %+v", *rec)
	}
	after := e.list(store.Selector(key))
	if len(after.Records) != len(before.Records) {
		e.t.Fatalf("%d records before the refusal, %d after", len(before.Records), len(after.Records))
	}
	for _, rec := range before.Records {
		e.alive(rec)
	}
	c.silent("a refused Register")
}

// holds checks that a condition lets a registration through, as a new generation.
func (e *env) holds(key store.Key, cond store.Condition) *store.Record {
	e.t.Helper()
	rec, err := e.registerIf(key, cond)
	if err != nil {
		e.t.Fatalf("Register under %+v: %v", cond, err)
	}
	e.alive(rec)
	return rec
}

func conditionZero(e *env) {
	key := store.InstanceKey("user", "1")
	e.holds(key, store.Condition{})
	e.holds(key, store.Condition{})
}

func conditionAbsent(e *env) {
	key := store.InstanceKey("user", "1")
	e.holds(key, store.Condition{Absent: true})
	e.conflicts(key, store.Condition{Absent: true})
	e.holds(store.InstanceKey("user", "2"), store.Condition{Absent: true})
}

// A tombstone is no live record: who registers anew is a new life, whatever ended the
// last one.
func conditionAbsentDeregistered(e *env) {
	rec := e.put(store.InstanceKey("user", "1"), lasting)
	e.deregister(rec.Ref(), because(store.Deregistered))
	if got := e.holds(rec.Key, store.Condition{Absent: true}); got.Generation <= rec.Generation {
		e.t.Errorf("generation %d follows %d", got.Generation, rec.Generation)
	}
}

// Whoever sees that a record is gone can register in its place, even if the deletion
// has not been announced.
func conditionAbsentExpired(e *env) {
	l := e.leased(store.InstanceKey("user", "1"), e.unit)
	e.untilHidden(l)
	e.gone(l.Key)
	if got := e.holds(l.Key, store.Condition{Absent: true}); got.Generation <= l.Generation {
		e.t.Errorf("generation %d follows %d", got.Generation, l.Generation)
	}
}

func conditionLease(e *env) {
	first := e.put(store.InstanceKey("user", "1"), lasting)
	e.conflicts(first.Key, store.Condition{Lease: first.Lease + 1})
	second := e.holds(first.Key, store.Condition{Lease: first.Lease})
	e.conflicts(first.Key, store.Condition{Lease: first.Lease})
	e.holds(first.Key, store.Condition{Lease: second.Lease})
}

func conditionGeneration(e *env) {
	first := e.put(store.InstanceKey("user", "1"), lasting)
	e.conflicts(first.Key, store.Condition{Generation: first.Generation + 1})
	e.update(first.Ref(), because(store.Updated), func(r *store.Record) error { r.Instance.Weight = 3; return nil })
	second := e.holds(first.Key, store.Condition{Generation: first.Generation})
	e.conflicts(first.Key, store.Condition{Generation: first.Generation})
	e.holds(first.Key, store.Condition{Generation: second.Generation})
}

// Where both are given, both must hold: a resurrection keeps one and changes the other.
func conditionBoth(e *env) {
	old := e.expired(store.InstanceKey("user", "1"))
	back, err := e.resurrect(old.Key, old.Generation, old.RegisteredAt)
	if err != nil {
		e.t.Fatalf("resurrection after expiry: %v", err)
	}
	e.conflicts(old.Key, store.Condition{Lease: old.Lease, Generation: back.Generation})
	e.conflicts(old.Key, store.Condition{Lease: back.Lease, Generation: back.Generation + 1})
	e.holds(old.Key, store.Condition{Lease: back.Lease, Generation: back.Generation})
}

// A record that is not there is under no lease and of no generation.
func conditionOfNothing(e *env) {
	key := store.InstanceKey("user", "1")
	e.conflicts(key, store.Condition{Lease: 7})
	e.conflicts(key, store.Condition{Generation: 7})
	rec := e.put(key, lasting)
	e.deregister(rec.Ref(), because(store.Deregistered))
	e.conflicts(key, store.Condition{Lease: rec.Lease})
	e.conflicts(key, store.Condition{Generation: rec.Generation})
	e.gone(key)
}

// Absent and a lease exclude each other. A store may say so (ErrInvalid) or find that
// one of the two does not hold, but it registers nothing.
func conditionContradiction(e *env) {
	key := store.InstanceKey("user", "1")
	for _, live := range []bool{false, true} {
		cond := store.Condition{Absent: true, Lease: 7}
		if live {
			cond.Lease = e.put(key, lasting).Lease
		}
		c := e.fromNow()
		if rec, err := e.registerIf(key, cond); err == nil {
			e.t.Errorf("Register under %+v with a live record: %v gave %+v", cond, live, *rec)
		}
		c.silent("a refused Register")
	}
}
