package storetest

import (
	"time"

	"github.com/roster-sd/roster/store"
)

var deregisterSpecs = []spec{
	{name: "deregister/removes", prove: deregisterRemoves},
	{name: "deregister/reason", prove: deregisterReason},
	{name: "deregister/lease-ends-with-it", prove: deregisterLease},
	{name: "deregister/after-expiry", prove: deregisterExpired},
	{name: "deregister/leaves-the-others", prove: deregisterOthers},
}

// What is removed is gone at the revision that Deregister gives: a list from there on
// does not have it.
func deregisterRemoves(e *env) {
	rec := e.put(store.InstanceKey("user", "1"), lasting)
	rev := e.deregister(rec.Ref(), because(store.Deregistered))
	if !rec.Revision.Before(rev) {
		e.t.Errorf("removed at %v, registered at %v", rev, rec.Revision)
	}
	e.gone(rec.Key)
	if at := e.list(store.Selector{}).Revision; at.Before(rev) {
		e.t.Errorf("List is at %v after the deletion at %v", at, rev)
	}
}

// Event and tombstone tell why, at whose word and where, and what it was that left.
func deregisterReason(e *env) {
	for _, code := range []store.Code{store.Deregistered, store.Forced, store.Unreachable, store.ProcessExited} {
		rec := e.put(store.InstanceKey("user", string(code)), lasting)
		rec = e.update(rec.Ref(), because(store.Updated), func(r *store.Record) error { r.Instance.Weight = 9; return nil })
		c := e.fromNow()
		before := time.Now()
		rev := e.deregister(rec.Ref(), because(code))
		events := c.all()
		if len(events) != 1 {
			e.t.Fatalf("%d events of one deletion", len(events))
		}
		ev := events[0]
		if !ev.Deleted() || ev.Revision != rev || ev.Reason != because(code) {
			e.t.Errorf("event of the deletion at %v: deleted %v, at %v, for %+v", rev, ev.Deleted(), ev.Revision, ev.Reason)
		}
		if d := differ(rec, ev.Before); d != "" {
			e.t.Errorf("what the event says was there: %s", d)
		}
		e.isNow(ev.Time, before, "Event.Time")
		stones := e.tombstones(rec.Key)
		if len(stones) != 1 {
			e.t.Fatalf("%d tombstones", len(stones))
		}
		if stones[0].Reason != because(code) || stones[0].Revision != rev {
			e.t.Errorf("tombstone at %v for %+v, want at %v for %+v", stones[0].Revision, stones[0].Reason, rev, because(code))
		}
		if d := differRemembered(rec, stones[0].Record); d != "" {
			e.t.Errorf("what the tombstone says was there: %s", d)
		}
		e.isNow(stones[0].Time, before, "Tombstone.Time")
		c.close()
	}
}

// The lease is over with its record: it is not announced a second time.
func deregisterLease(e *env) {
	l := e.leased(store.InstanceKey("user", "1"), e.unit)
	e.deregister(l.Ref(), because(store.Deregistered))
	if left := e.left(l.Ref()); left >= 0 {
		e.t.Errorf("the lease of a record that was removed has %v to live", left)
	}
	c := e.fromNow()
	e.until(e.announced(l).Add(e.unit / 4))
	c.silent("the end of a lease whose record was removed")
	if stones := e.tombstones(l.Key); len(stones) != 1 || stones[0].Reason.Code != store.Deregistered {
		e.t.Errorf("tombstones are %+v", stones)
	}
}

// What is gone cannot be removed, and the reason of its death stays what it was.
func deregisterExpired(e *env) {
	c := e.fromNow()
	l := e.leased(store.InstanceKey("user", "1"), e.unit)
	e.untilHidden(l)
	_, err := e.s.Deregister(e.ctx, l.Ref(), because(store.Deregistered))
	e.wantsLost(err, "Deregister after the lease was over")
	e.expire(c, l)
	_, err = e.s.Deregister(e.ctx, l.Ref(), because(store.Deregistered))
	e.wantsLost(err, "Deregister after the deletion was announced")
	c.silent("a deletion that came too late")
}

func deregisterOthers(e *env) {
	keep := []*store.Record{
		e.put(store.InstanceKey("user", "2"), lasting),
		e.put(store.InstanceKey("users", "1"), lasting),
		e.put(store.Key{Kind: store.KindOverride, Service: "user", ID: "1"}, 0),
	}
	rec := e.put(store.InstanceKey("user", "1"), lasting)
	e.deregister(rec.Ref(), because(store.Deregistered))
	for _, rec := range keep {
		e.alive(rec)
	}
}
