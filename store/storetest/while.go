package storetest

import (
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/roster-sd/roster/store"
)

var whileSpecs = []spec{
	{name: "while/it-lives", prove: whileLives},
	{name: "while/over", prove: whileOver},
	{name: "while/gone", prove: whileGone},
	{name: "while/under-another-lease", prove: whileOther},
	{name: "while/without-a-lease", prove: whileZero},
	{name: "while/race", prove: whileRace},
}

// seat is the key of the record that the conditions of these specs name.
var seat = store.Key{Kind: store.KindNode, Service: "roster", ID: "node-1"}

// during gives a ref of rec under the condition that other lives.
func during(rec, other *store.Record) store.Ref {
	ref, while := rec.Ref(), other.Ref()
	ref.While = &while
	return ref
}

// heldBack checks that neither an update nor a removal is done under the ref, by its lease
// and by force, and that nothing is told.
func (e *env) heldBack(ref store.Ref, live *store.Record, when string) {
	e.t.Helper()
	c := e.fromNow()
	forced := ref
	forced.Lease = 0
	for _, ref := range []store.Ref{ref, forced} {
		got, err := e.s.Update(e.ctx, ref, because(store.Checked), func(r *store.Record) error { r.Instance.Port++; return nil })
		e.wants(err, store.ErrConflict, "Update while another lives, "+when)
		if got != nil {
			e.t.Errorf("a refused Update gave the record %+v", *got)
		}
		rev, err := e.s.Deregister(e.ctx, ref, because(store.Unreachable))
		e.wants(err, store.ErrConflict, "Deregister while another lives, "+when)
		if !rev.IsZero() {
			e.t.Errorf("a refused Deregister gave the revision %v", rev)
		}
	}
	e.alive(live)
	c.silent("writes whose condition does not hold")
}

// A write whose condition holds is a write like any other, and the condition holds through
// changes and renewals of the record that it names.
func whileLives(e *env) {
	other, rec := e.put(seat, lasting), e.put(store.InstanceKey("user", "1"), lasting)
	ref := during(rec, other)
	e.update(other.Ref(), because(store.Updated), func(r *store.Record) error { r.Instance.Weight++; return nil })
	if r := e.renew(other.Ref()); r.Err != nil {
		e.t.Fatalf("Renew: %v", r.Err)
	}
	got := e.update(ref, because(store.Checked), func(r *store.Record) error { r.Instance.Health = store.HealthFailing; return nil })
	if got.Instance.Health != store.HealthFailing {
		e.t.Errorf("Update gave the health %q", got.Instance.Health)
	}
	e.alive(got)
	if r := e.renew(ref); r.Err != nil {
		e.t.Errorf("Renew under a ref with a condition: %v", r.Err)
	}
	e.deregister(ref, because(store.Unreachable))
	e.gone(rec.Key)
	e.get(seat)
	_, err := e.s.Deregister(e.ctx, ref, because(store.Unreachable))
	e.wants(err, store.ErrLeaseLost, "Deregister a second time")
}

// What ran out holds for nothing, also before it was announced.
func whileOver(e *env) {
	rec := e.put(store.InstanceKey("user", "1"), lasting)
	l := e.leased(seat, e.unit)
	ref := during(rec, l.Record)
	e.until(e.hidden(l))
	e.heldBack(ref, rec, "after its lease was over")
	e.until(e.announced(l))
	e.heldBack(ref, rec, "after its end was announced")
}

func whileGone(e *env) {
	rec := e.put(store.InstanceKey("user", "1"), lasting)
	other := e.put(seat, lasting)
	ref := during(rec, other)
	never := seat
	never.ID = "never"
	e.heldBack(store.Ref{Key: rec.Key, Lease: rec.Lease, While: &store.Ref{Key: never, Lease: other.Lease}}, rec, "which was never there")
	e.deregister(other.Ref(), because(store.Deregistered))
	e.heldBack(ref, rec, "after it was deregistered")
}

// Who registers again has another lease: what the earlier one began it may not end.
func whileOther(e *env) {
	rec := e.put(store.InstanceKey("user", "1"), lasting)
	ref := during(rec, e.put(seat, lasting))
	again := e.put(seat, lasting)
	e.heldBack(ref, rec, "which was registered again")
	e.heldBack(store.Ref{Key: rec.Key, Lease: rec.Lease, While: &store.Ref{Key: seat, Lease: rec.Lease}}, rec, "under another key's lease")
	e.update(during(rec, again), because(store.Checked), func(r *store.Record) error { r.Instance.Port++; return nil })
}

func whileZero(e *env) {
	rec, other := e.put(store.InstanceKey("user", "1"), lasting), e.put(seat, 0)
	e.heldBack(store.Ref{Key: rec.Key, Lease: rec.Lease, While: &store.Ref{Key: seat}}, rec, "under no lease")
	if other.Lease != 0 {
		e.t.Errorf("a record without a TTL is under the lease %v", other.Lease)
	}
}

// The condition and the write are one: of a removal of the one record and changes of the
// other, no change comes after the removal.
func whileRace(e *env) {
	const writers = 4
	for round := range 5 {
		other := e.put(seat, lasting)
		rec := e.put(store.InstanceKey("user", fmt.Sprint(round)), lasting)
		c := e.fromNow()
		var written atomic.Int32
		soon := make(chan struct{}) // closed when there have been some changes, so that the removal comes among them
		errs := atOnce(1+writers, func(g int) error {
			if g == 0 {
				<-soon
				_, err := e.s.Deregister(e.ctx, other.Ref(), because(store.Deregistered))
				return err
			}
			for {
				_, err := e.s.Update(e.ctx, during(rec, other), because(store.Checked), func(r *store.Record) error { r.Instance.Weight++; return nil })
				if err != nil {
					return err
				}
				if written.Add(1) == 2*writers {
					close(soon)
				}
			}
		})
		for i, err := range errs {
			if i == 0 && err != nil || i > 0 && !errors.Is(err, store.ErrConflict) {
				e.t.Fatalf("writer %d ended with %v", i, err)
			}
		}
		over := false
		for _, ev := range c.all() {
			if over && !ev.Deleted() {
				e.t.Fatalf("a change at %v, after what it depended on had left", ev.Revision)
			}
			over = over || ev.Deleted()
		}
		c.close()
		if !over {
			e.t.Fatal("the removal was not told")
		}
	}
}
