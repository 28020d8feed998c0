package storetest

import (
	"errors"
	"time"

	"github.com/roster-sd/roster/store"
)

var resurrectDeathSpecs = []spec{
	{name: "resurrect/after-deregistered", prove: resurrectMeant(store.Deregistered)},
	{name: "resurrect/after-forced", prove: resurrectMeant(store.Forced)},
	{name: "resurrect/after-unreachable", prove: resurrectMeant(store.Unreachable)},
	{name: "resurrect/after-process-exited", prove: resurrectMeant(store.ProcessExited)},
	{name: "resurrect/after-replaced", prove: resurrectReplaced},
	{name: "resurrect/after-a-resurrection-was-deregistered", prove: resurrectRemovedAgain},
	{name: "resurrect/refused-as-long-as-remembered", prove: resurrectRemembered, needs: []need{needFakeTime}},
	{name: "resurrect/late-heartbeat-stays-dead", prove: resurrectLateHeartbeat},
}

// A death that somebody meant is not undone by a late heartbeat.
func resurrectMeant(code store.Code) func(*env) {
	return func(e *env) {
		rec := e.put(store.InstanceKey("user", "1"), lasting)
		e.deregister(rec.Ref(), because(code))
		e.notBack(rec.Key, rec.Generation)
		e.back(&store.Record{Key: store.InstanceKey("user", "2"), Generation: rec.Generation, RegisteredAt: 5, Lease: rec.Lease})
	}
}

func resurrectReplaced(e *env) {
	key := store.InstanceKey("user", "1")
	first := e.put(key, lasting)
	second := e.expired(key) // replaces the first
	e.notBack(key, first.Generation)
	e.back(second)
}

func resurrectRemovedAgain(e *env) {
	old := e.expired(store.InstanceKey("user", "1"))
	back := e.back(old)
	e.deregister(back.Ref(), because(store.Deregistered))
	e.notBack(old.Key, old.Generation)
}

func resurrectRemembered(e *env) {
	start := time.Now()
	rec := e.put(store.InstanceKey("user", "1"), lasting)
	e.deregister(rec.Ref(), because(store.Forced))
	for _, at := range []time.Duration{time.Second, store.TombstoneAge / 2, store.TombstoneAge - time.Second} {
		e.until(start.Add(at))
		e.notBack(rec.Key, rec.Generation)
	}
}

// After a deletion that somebody meant, nothing that the old holder does has any effect,
// and every answer says that the lease is lost.
func resurrectLateHeartbeat(e *env) {
	rec := e.put(store.InstanceKey("user", "1"), lasting)
	e.deregister(rec.Ref(), because(store.Deregistered))
	c := e.fromNow()
	for range 3 {
		if r := e.renew(rec.Ref()); !errors.Is(r.Err, store.ErrLeaseLost) {
			e.t.Errorf("Renew after Deregister: %v, %v, want ErrLeaseLost", r.TTL, r.Err)
		}
		_, err := e.s.Update(e.ctx, rec.Ref(), because(store.Updated), func(*store.Record) error { return nil })
		e.wants(err, store.ErrLeaseLost, "Update after Deregister")
		_, err = e.s.Deregister(e.ctx, rec.Ref(), because(store.Deregistered))
		e.wants(err, store.ErrLeaseLost, "Deregister after Deregister")
		_, err = e.s.Update(e.ctx, store.Ref{Key: rec.Key}, because(store.Updated), func(*store.Record) error { return nil })
		e.wantsLost(err, "a forced Update after Deregister")
	}
	e.gone(rec.Key)
	c.silent("what a late holder did")
	if n := len(e.tombstones(rec.Key)); n != 1 {
		e.t.Errorf("%d tombstones of one death", n)
	}
}
