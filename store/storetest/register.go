package storetest

import (
	"time"

	"github.com/roster-sd/roster/store"
)

var registerSpecs = []spec{
	{name: "register/sets-its-fields", prove: registerSetsFields},
	{name: "register/is-visible", prove: registerVisible},
	{name: "register/event", prove: registerEvent},
	{name: "register/replaces", prove: registerReplaces},
	{name: "register/replaces-in-one-event", prove: registerReplacesInOneEvent},
	{name: "register/revision-grows", prove: registerRevisionGrows},
}

var alice = store.Reason{Note: "a note, with ünïcode", Actor: "spiffe://example.org/alice", Node: "node-7", From: "192.0.2.7:4242"}

// because gives alice's reason with a code.
func because(code store.Code) store.Reason {
	why := alice
	why.Code = code
	return why
}

// The store sets its fields itself, whatever the caller left in them.
func registerSetsFields(e *env) {
	in := sample(store.InstanceKey("user", "1"))
	in.Lease, in.Generation, in.Revision = 99, 77, store.Revision{Epoch: 5, Number: 6}
	in.Changed, in.TTL, in.RegisteredAt = 55, 9*time.Hour, 12345
	before := time.Now()
	rec := e.register(in, store.Grant{TTL: lasting})
	if d := differGiven(&in, rec); d != "" {
		e.t.Errorf("Register changed what the caller set: %s", d)
	}
	if rec.Lease == 0 {
		e.t.Error("no lease")
	}
	if rec.Generation == 0 {
		e.t.Error("no generation")
	}
	if rec.Revision.Epoch == 0 || rec.Revision.Number == 0 || rec.Revision == in.Revision {
		e.t.Errorf("revision is %v", rec.Revision)
	}
	if rec.Changed != rec.Revision.Number {
		e.t.Errorf("Changed is %d at the revision %v", rec.Changed, rec.Revision)
	}
	if rec.TTL < lasting || rec.TTL == in.TTL {
		e.t.Errorf("TTL is %v, want what was granted for %v", rec.TTL, lasting)
	}
	e.isNow(rec.RegisteredAt, before, "RegisteredAt")
}

// isNow checks that a moment by the store's clock lies between before and now. Outside
// a bubble the clock may be another machine's, and only gross errors are seen.
func (e *env) isNow(at store.Millis, before time.Time, what string) {
	e.t.Helper()
	margin := time.Millisecond
	if !e.h.Synctest {
		margin = time.Minute
	}
	if t := at.Time(); t.Before(before.Add(-margin)) || t.After(time.Now().Add(margin)) {
		e.t.Errorf("%s is %v, want about %v", what, t, before.UTC())
	}
}

// A reader of the same store sees an acknowledged write at once, exactly as it was
// acknowledged, in a view whose revision is not before the write's.
func registerVisible(e *env) {
	rec := e.put(store.InstanceKey("user", "1"), lasting)
	e.alive(rec)
	if rev := e.list(store.Selector{}).Revision; rev.Epoch != rec.Revision.Epoch || rev.Before(rec.Revision) {
		e.t.Errorf("List after the write is at %v, the write at %v", rev, rec.Revision)
	}
}

// The event holds the record as Register gave it and the caller's reason under the
// store's code.
func registerEvent(e *env) {
	c := e.fromNow()
	before := time.Now()
	rec := e.register(sample(store.InstanceKey("user", "1")), store.Grant{TTL: lasting, Why: because(store.Forced)})
	events := c.all()
	if len(events) != 1 {
		e.t.Fatalf("%d events of one registration", len(events))
	}
	ev := events[0]
	if d := differ(rec, ev.Record); d != "" {
		e.t.Errorf("the record of the event: %s", d)
	}
	if ev.Before != nil {
		e.t.Errorf("Before is %+v, want nil: there was none", *ev.Before)
	}
	if want := because(store.Registered); ev.Reason != want {
		e.t.Errorf("reason is %+v, want %+v", ev.Reason, want)
	}
	e.isNow(ev.Time, before, "Event.Time")
}

// Registering again puts the new record in place of the old, as a new generation under
// a new lease.
func registerReplaces(e *env) {
	key := store.InstanceKey("user", "1")
	old := e.put(key, lasting)
	e.advance(5 * time.Millisecond)
	in := sample(key)
	in.Owner, in.Instance.Port, in.Instance.Tags = "another", 9999, []string{"green"}
	before := time.Now()
	rec := e.register(in, store.Grant{TTL: lasting + time.Hour})
	if d := differGiven(&in, rec); d != "" {
		e.t.Errorf("the new record: %s", d)
	}
	if rec.Lease == old.Lease || rec.Lease == 0 {
		e.t.Errorf("lease %v replaced by %v", old.Lease, rec.Lease)
	}
	if rec.Generation <= old.Generation {
		e.t.Errorf("generation %d replaced by %d", old.Generation, rec.Generation)
	}
	if !old.Revision.Before(rec.Revision) || rec.Changed != rec.Revision.Number {
		e.t.Errorf("revision %v replaced by %v, changed %d", old.Revision, rec.Revision, rec.Changed)
	}
	e.isNow(rec.RegisteredAt, before, "RegisteredAt of the new generation")
	e.alive(rec)
}

// The event of a replacement is the Registered of the next generation, and nothing else.
func registerReplacesInOneEvent(e *env) {
	key := store.InstanceKey("user", "1")
	old := e.put(key, lasting)
	c := e.fromNow()
	rec := e.put(key, lasting)
	events := c.all()
	if len(events) != 1 {
		e.t.Fatalf("%d events of one replacement", len(events))
	}
	ev := events[0]
	if d := differ(rec, ev.Record); d != "" || ev.Reason.Code != store.Registered {
		e.t.Errorf("event %q of the replacement: %s", ev.Reason.Code, d)
	}
	if ev.Before != nil {
		if d := differ(old, ev.Before); d != "" {
			e.t.Errorf("Before is neither nil nor the old record: %s", d)
		}
	}
}

// Every write that changes something has a revision of its own, later than those of
// the writes acknowledged before it.
func registerRevisionGrows(e *env) {
	last := e.list(store.Selector{}).Revision
	step := func(what string, rev store.Revision) {
		if !last.Before(rev) {
			e.t.Errorf("%s is at %v, after a write at %v", what, rev, last)
		}
		last = rev
	}
	for _, id := range []string{"1", "2", "3"} {
		rec := e.put(store.InstanceKey("user", id), lasting)
		step("Register", rec.Revision)
		rec = e.update(rec.Ref(), because(store.Updated), func(r *store.Record) error { r.Instance.Weight++; return nil })
		step("Update", rec.Revision)
		step("Deregister", e.deregister(rec.Ref(), because(store.Deregistered)))
	}
	if rev := e.list(store.Selector{}).Revision; rev.Before(last) {
		e.t.Errorf("List is at %v, after a write at %v", rev, last)
	}
}
