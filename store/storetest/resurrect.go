package storetest

import (
	"errors"
	"time"

	"github.com/roster-sd/roster/store"
)

var resurrectSpecs = []spec{
	{name: "resurrect/after-expiry", prove: resurrectExpired},
	{name: "resurrect/twice", prove: resurrectTwice},
	{name: "resurrect/what-the-store-never-knew", prove: resurrectUnknown},
	{name: "resurrect/present", prove: resurrectPresent},
	{name: "resurrect/after-a-newer-generation", prove: resurrectNewer},
	{name: "resurrect/after-an-older-death-that-was-meant", prove: resurrectOlderDeath},
	{name: "resurrect/renews-and-expires-again", prove: resurrectLives},
}

// resurrect registers a key as the generation that it was.
func (e *env) resurrect(key store.Key, generation uint64, at store.Millis) (*store.Record, error) {
	in := sample(key)
	in.RegisteredAt = at
	return e.s.Register(e.ctx, in, store.Grant{
		TTL: lasting, Why: alice, If: store.Condition{Absent: true, Generation: generation},
	})
}

// back resurrects a record and checks all that the contract says of the result.
func (e *env) back(old *store.Record) *store.Record {
	e.t.Helper()
	c := e.fromNow()
	rec, err := e.resurrect(old.Key, old.Generation, old.RegisteredAt)
	if err != nil {
		e.t.Fatalf("resurrection of generation %d: %v", old.Generation, err)
	}
	given := sample(old.Key)
	if d := differGiven(&given, rec); d != "" {
		e.t.Errorf("the resurrected record: %s", d)
	}
	if rec.Generation != old.Generation || rec.RegisteredAt != old.RegisteredAt {
		e.t.Errorf("back as generation %d registered at %d, want %d at %d",
			rec.Generation, rec.RegisteredAt, old.Generation, old.RegisteredAt)
	}
	if rec.Lease == old.Lease || rec.Lease == 0 {
		e.t.Errorf("back under the lease %v, want another than %v", rec.Lease, old.Lease)
	}
	// Clients have seen it go, so that its return is a change to them.
	if rec.Changed != rec.Revision.Number {
		e.t.Errorf("Changed is %d at the revision %v", rec.Changed, rec.Revision)
	}
	e.alive(rec)
	events := c.all()
	if len(events) != 1 {
		e.t.Fatalf("%d events of one resurrection", len(events))
	}
	if d := differ(rec, events[0].Record); d != "" || events[0].Reason != because(store.Resurrected) {
		e.t.Errorf("event with the reason %+v, want %+v; %s", events[0].Reason, because(store.Resurrected), d)
	}
	return rec
}

// notBack checks that a resurrection is refused and changes nothing.
func (e *env) notBack(key store.Key, generation uint64) {
	e.t.Helper()
	c := e.fromNow()
	_, err := e.resurrect(key, generation, 1000)
	e.wants(err, store.ErrLeaseLost, "resurrection of a life that ended for good")
	e.gone(key)
	c.silent("a refused resurrection")
}

func resurrectExpired(e *env) {
	old := e.expired(store.InstanceKey("user", "1"))
	e.advance(e.unit / 2) // so that "as given" and "now" are not the same moment
	e.back(old)
}

func resurrectTwice(e *env) {
	old := e.expired(store.InstanceKey("user", "1"))
	for range 2 {
		in := sample(old.Key)
		in.RegisteredAt = old.RegisteredAt
		c := e.fromNow()
		l := lease{from: time.Now()}
		var err error
		l.Record, err = e.s.Register(e.ctx, in, store.Grant{
			TTL: e.unit, If: store.Condition{Absent: true, Generation: old.Generation},
		})
		if err != nil {
			e.t.Fatalf("resurrection: %v", err)
		}
		l.to = time.Now()
		e.expire(c, l)
	}
	e.back(old)
}

// A backend that lost its data remembers neither record nor tombstone. That is what
// resurrection is for.
func resurrectUnknown(e *env) {
	e.back(&store.Record{Key: store.InstanceKey("user", "1"), Generation: 7, RegisteredAt: 1_700_000_000_123, Lease: 3})
}

func resurrectPresent(e *env) {
	rec := e.put(store.InstanceKey("user", "1"), lasting)
	c := e.fromNow()
	_, err := e.resurrect(rec.Key, rec.Generation, rec.RegisteredAt)
	e.wants(err, store.ErrConflict, "resurrection of what is present")
	if _, err = e.resurrect(rec.Key, rec.Generation+1, 1000); err == nil {
		e.t.Error("resurrection of another generation replaced a live record")
	}
	e.alive(rec)
	c.silent("a refused resurrection")

	next := e.put(rec.Key, lasting)
	_, err = e.resurrect(rec.Key, rec.Generation, rec.RegisteredAt)
	if !errors.Is(err, store.ErrConflict) && !errors.Is(err, store.ErrLeaseLost) {
		e.t.Errorf("resurrection of a generation that was replaced by a live one: %v", err)
	}
	e.alive(next)
}

// A later generation has lived and died: the earlier one does not come back, though
// nobody meant the later one's death.
func resurrectNewer(e *env) {
	first := e.expired(store.InstanceKey("user", "1"))
	second := e.expired(first.Key)
	e.notBack(first.Key, first.Generation)
	e.back(second)
}

// What somebody meant for one life does not bind the next.
func resurrectOlderDeath(e *env) {
	first := e.put(store.InstanceKey("user", "1"), lasting)
	e.deregister(first.Ref(), because(store.Deregistered))
	second := e.expired(first.Key)
	e.notBack(first.Key, first.Generation)
	e.back(second)
}

// A resurrected record is under a lease like any other.
func resurrectLives(e *env) {
	old := e.expired(store.InstanceKey("user", "1"))
	c := e.fromNow()
	in := sample(old.Key)
	in.RegisteredAt = old.RegisteredAt
	l := lease{from: time.Now()}
	l.Record = e.register(in, store.Grant{TTL: e.unit, If: store.Condition{Absent: true, Generation: old.Generation}})
	for range 2 {
		e.until(l.from.Add(l.TTL * 6 / 10))
		l = e.renewed(l)
	}
	e.lives(l)
	e.expire(c, l)
	e.untilHidden(l)
	e.gone(l.Key)
}
