package storetest

import (
	"github.com/roster-sd/roster/store"
)

var restartSpecs = []spec{
	{name: "restart/records-survive", prove: restartDurable, needs: []need{needDurable}},
	{name: "restart/tombstones-survive", prove: restartTombstones, needs: []need{needDurable}},
	{name: "restart/generations-go-on", prove: restartGenerations, needs: []need{needDurable}},
	{name: "restart/leases-still-end", prove: restartLeases, needs: []need{needDurable}},
	{name: "restart/positions", prove: restartPositions},
	{name: "restart/nothing-survives", prove: restartVolatile, needs: []need{needVolatile}},
}

// restart closes the store and opens another on what the backend kept.
func (e *env) restart() {
	e.t.Helper()
	e.closeStore(e.s)
	e.s = e.node()
}

// same checks that a record came through a restart. Its place in history may be new.
func (e *env) same(want *store.Record) *store.Record {
	e.t.Helper()
	got := e.get(want.Key)
	w := copyOf(want)
	w.Lease, w.Revision, w.Changed = got.Lease, got.Revision, got.Changed
	if d := differ(&w, got); d != "" {
		e.t.Errorf("after the restart: %s", d)
	}
	return got
}

func restartDurable(e *env) {
	recs := []*store.Record{
		e.register(full(store.InstanceKey("user", "1"), 1), store.Grant{TTL: lasting}),
		e.put(store.InstanceKey("user", "2"), lasting),
		e.put(store.Key{Kind: store.KindOverride, Service: "user", ID: "1"}, 0),
	}
	recs[1] = e.update(recs[1].Ref(), because(store.Rotated), func(r *store.Record) error { r.Tokens.Newest[3] = 1; return nil })
	gone := e.put(store.InstanceKey("user", "3"), lasting)
	e.deregister(gone.Ref(), because(store.Deregistered))
	e.restart()
	if n := len(e.list(store.Selector{}).Records); n != len(recs) {
		e.t.Errorf("%d records after the restart, want %d", n, len(recs))
	}
	for _, rec := range recs {
		got := e.same(rec)
		if rec.Lease == 0 {
			continue
		}
		if r := e.renew(got.Ref()); r.Err != nil {
			e.t.Errorf("Renew after the restart: %v", r.Err)
		}
		got = e.update(got.Ref(), because(store.Updated), func(r *store.Record) error { r.Instance.Weight = 77; return nil })
		e.alive(got)
	}
	e.gone(gone.Key)
}

// What somebody removed before a restart does not come back after it.
func restartTombstones(e *env) {
	rec := e.put(store.InstanceKey("user", "1"), lasting)
	e.deregister(rec.Ref(), because(store.Forced))
	e.restart()
	stones := e.tombstones(rec.Key)
	if len(stones) != 1 || stones[0].Reason != because(store.Forced) {
		e.t.Errorf("tombstones after the restart: %+v", stones)
	}
	e.refusedRenewal(rec.Ref())
	e.notBack(rec.Key, rec.Generation)
}

func restartGenerations(e *env) {
	rec := e.put(store.InstanceKey("user", "1"), lasting)
	for range 3 {
		rec = e.nextGeneration(rec)
	}
	e.restart()
	rec = e.nextGeneration(rec)
	e.deregister(rec.Ref(), because(store.Deregistered))
	e.restart()
	e.nextGeneration(rec)
}

// A lease that nobody renews after a restart ends, within a whole TTL of its own.
func restartLeases(e *env) {
	l := e.leased(store.InstanceKey("user", "1"), e.unit)
	stays := e.leased(store.InstanceKey("user", "2"), e.unit)
	e.restart()
	c := e.fromNow()
	l.Record = e.get(l.Key)
	stays.Record = e.get(stays.Key)
	e.until(l.from.Add(l.TTL * 6 / 10))
	stays = e.renewed(stays)
	e.expire(c, l)
	e.gone(l.Key)
	if ev := c.event(e.unit + e.h.Patience); ev.Key() != stays.Key || !ev.Deleted() {
		e.t.Errorf("then %q of %v", ev.Reason.Code, ev.Key())
	}
}

// A position from before the restart goes on where it was, or is refused loudly.
func restartPositions(e *env) {
	before := e.put(store.InstanceKey("user", "1"), 0)
	missed := e.put(store.InstanceKey("user", "2"), 0)
	e.restart()
	if !e.caps.Resumable {
		e.compacted(before.Revision, "a position from before the restart")
		e.compacted(missed.Revision, "the last position before the restart")
		return
	}
	c := e.follow(e.s, store.Selector{}, before.Revision)
	if ev := c.soon(); ev.Revision != missed.Revision {
		e.t.Errorf("after %v comes %v, want %v", before.Revision, ev.Revision, missed.Revision)
	}
	c.silent("what was missed")
}

// A store that keeps nothing begins a new epoch: nobody can take it for the old one.
func restartVolatile(e *env) {
	rec := e.put(store.InstanceKey("user", "1"), lasting)
	e.restart()
	snap := e.list(store.Selector{})
	if len(snap.Records) != 0 {
		e.t.Errorf("%d records after the restart of a store that keeps nothing", len(snap.Records))
	}
	if snap.Revision.Epoch == rec.Revision.Epoch {
		e.t.Errorf("the epoch %d goes on without its records", snap.Revision.Epoch)
	}
	e.wantsLost(e.renew(rec.Ref()).Err, "Renew after the restart")
	e.back(rec)
}
