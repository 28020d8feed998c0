package storetest

import (
	"context"
	"errors"
	"time"

	"github.com/roster-sd/roster/store"
)

var faultSpecs = []spec{
	{name: "fault/all-data-lost", prove: faultLoss, needs: []need{needLoseData}},
	{name: "fault/past-rewritten", prove: faultRewind, needs: []need{needCheckpoint}},
	{name: "fault/outage", prove: faultOutage, needs: []need{needOutage}},
	{name: "fault/outage-ends", prove: faultOutageEnds, needs: []need{needOutage}},
	{name: "fault/pause", prove: faultPause, needs: []need{needPause, needOwnLeases}},
}

// newEpoch waits until the store has noticed that its past is another.
func (e *env) newEpoch(old store.Revision) {
	e.t.Helper()
	e.eventually("a new epoch", func() bool {
		snap, err := e.s.List(e.ctx, store.Selector{})
		if err != nil {
			if !errors.Is(err, store.ErrUnavailable) {
				e.t.Fatalf("List after the past was lost: %v", err)
			}
			return false
		}
		return snap.Revision.Epoch != old.Epoch
	})
}

// breaks reads a watcher until it breaks, which it must do without announcing a
// deletion that nobody made.
func (c *cursor) breaks() {
	c.e.t.Helper()
	for {
		events, err := c.next(c.e.h.Patience)
		if errors.Is(err, store.ErrCompacted) || errors.Is(err, store.ErrUnavailable) {
			return
		}
		if err != nil {
			c.e.t.Fatalf("a watcher of a lost past: %v", err)
		}
		for i := range events {
			if events[i].Deleted() {
				c.e.t.Fatalf("%q of %v, which the backend lost", events[i].Reason.Code, events[i].Key())
			}
		}
	}
}

// A backend that lost everything begins a new epoch. Watchers break, no deletion is
// announced, no renewal is acknowledged, and heartbeats can bring everything back.
func faultLoss(e *env) {
	rec := e.put(store.InstanceKey("user", "1"), lasting)
	c := e.fromNow()
	e.cluster.LoseData(e.t)
	e.newEpoch(rec.Revision)
	c.breaks()
	e.compacted(rec.Revision, "a position in the past that was lost")
	e.wantsLost(e.renew(rec.Ref()).Err, "Renew of a lease that was lost")
	e.gone(rec.Key)
	back := e.back(rec)
	e.nextGeneration(back)
}

// A backend that went back in time and writes other things there is a new epoch, even
// where its numbers come to where they were.
func faultRewind(e *env) {
	old := e.put(store.InstanceKey("user", "1"), lasting)
	rollback := e.cluster.Checkpoint(e.t)
	for range 5 {
		e.put(store.InstanceKey("user", "lost"), lasting)
	}
	last := e.list(store.Selector{}).Revision
	c := e.follow(e.s, store.Selector{}, last)
	rollback()
	e.newEpoch(last)
	for range 10 {
		e.put(store.InstanceKey("user", "other"), lasting)
	}
	c.breaks()
	e.compacted(last, "a position that was rewritten")
	e.compacted(old.Revision, "a position before the rewritten ones")
	e.gone(store.InstanceKey("user", "lost"))
	e.same(old)
}

// While the backend is out of reach every call says so, in time.
func faultOutage(e *env) {
	rec := e.put(store.InstanceKey("user", "1"), lasting)
	at := e.list(store.Selector{}).Revision
	end := e.cluster.Outage(e.t)
	defer end()
	for _, call := range calls(e.s, &store.Record{Key: rec.Key, Lease: rec.Lease, Revision: at}) {
		ctx, cancel := context.WithTimeout(e.ctx, e.h.Patience)
		err := call.do(ctx)
		cancel()
		// A watcher may wait for the backend until its context is over.
		if call.op == "watch" && errors.Is(err, context.DeadlineExceeded) {
			continue
		}
		e.wants(err, store.ErrUnavailable, call.op+" during an outage")
	}
}

// After an outage the store goes on by itself: a renewal that was acknowledged was
// taken, and readers who watch again miss nothing.
func faultOutageEnds(e *env) {
	rec := e.put(store.InstanceKey("user", "1"), lasting)
	c := e.follow(e.s, store.Selector{Service: "user"}, rec.Revision)
	end := e.cluster.Outage(e.t)
	ctx, cancel := context.WithTimeout(e.ctx, e.h.Patience)
	if rs, err := e.s.Renew(ctx, []store.Ref{rec.Ref()}); err == nil && rs[0].Err == nil {
		e.t.Error("a renewal was acknowledged during an outage")
	}
	cancel()
	ctx, cancel = context.WithTimeout(e.ctx, time.Second)
	_, during := c.w.Next(ctx)
	cancel()
	if !store.IsContext(during) {
		e.wants(during, store.ErrUnavailable, "Next during an outage")
	}
	end()
	e.eventually("the store answers again", func() bool { return e.s.Ping(e.ctx) == nil })
	if r := e.renew(rec.Ref()); r.Err != nil {
		e.t.Errorf("Renew after the outage: %v", r.Err)
	}
	next := e.update(rec.Ref(), because(store.Updated), func(r *store.Record) error { r.Instance.Weight = 3; return nil })
	e.alive(next)
	events, err := c.next(e.h.Patience)
	if errors.Is(during, store.ErrUnavailable) && (err == nil || store.IsContext(err)) {
		e.t.Errorf("a watcher gave ErrUnavailable, then %v, want nothing but errors", err)
	}
	if err != nil {
		c = e.follow(e.s, c.sel, c.last)
		events, err = c.next(e.h.Patience)
	}
	if err != nil || events[0].Revision != next.Revision {
		e.t.Errorf("after the outage a watcher gave %d events, %v", len(events), err)
	}
}

// Nobody is evicted because the process slept: leases run only while renewals could be
// heard.
func faultPause(e *env) {
	l := e.leased(store.InstanceKey("user", "1"), e.unit)
	c := e.fromNow()
	e.cluster.Pause(e.t, 10*l.TTL)
	e.alive(l.Record)
	l = e.renewed(l)
	c.silent("a pause of ten TTLs")
	e.expire(c, l)
	if late := time.Since(l.to); late < l.TTL-e.h.Slack {
		e.t.Errorf("after the pause the lease ended %v after its renewal", late)
	}
}
