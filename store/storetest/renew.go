package storetest

import (
	"errors"
	"fmt"
	"time"

	"github.com/roster-sd/roster/store"
)

var renewSpecs = []spec{
	{name: "renew/extends", prove: renewExtends},
	{name: "renew/gives-the-granted-ttl", prove: renewTTL},
	{name: "renew/silent", prove: renewSilent},
	{name: "renew/moves-no-revision", prove: renewMovesNoRevision, needs: []need{needOwnRevisions}},
	{name: "renew/batch-is-aligned", prove: renewAligned},
	{name: "renew/duplicates", prove: renewDuplicates},
	{name: "renew/empty-batch", prove: renewEmpty},
	{name: "renew/large-batch", prove: renewLarge},
	{name: "renew/after-expiry", prove: renewExpired},
	{name: "renew/many-at-once", prove: renewConcurrent},
}

// A lease renewed in time lives for a whole TTL more, again and again, and no longer.
func renewExtends(e *env) {
	c := e.fromNow()
	l := e.leased(store.InstanceKey("user", "1"), e.unit)
	for range 4 {
		e.until(l.from.Add(l.TTL * 6 / 10))
		e.lives(l)
		l = e.renewed(l)
	}
	e.until(e.earliest(l))
	e.lives(l)
	e.untilHidden(l)
	e.gone(l.Key)
	events := []string{}
	for {
		ev := c.soon()
		events = append(events, string(ev.Reason.Code))
		if ev.Deleted() {
			break
		}
	}
	if len(events) != 2 {
		e.t.Errorf("the events of a life with four renewals are %v", events)
	}
}

// What is told with a renewal is what was granted, which is what runs from now.
func renewTTL(e *env) {
	for i := range 3 {
		rec := e.put(store.InstanceKey("user", fmt.Sprint(i)), lasting+time.Duration(i)*e.unit)
		if r := e.renew(rec.Ref()); r.Err != nil || r.TTL != rec.TTL {
			e.t.Errorf("granted %v, Renew gave %v, %v", rec.TTL, r.TTL, r.Err)
		}
	}
}

// Renewing is no change: no event, and nothing of the record moves.
func renewSilent(e *env) {
	rec := e.put(store.InstanceKey("user", "1"), lasting)
	c := e.fromNow()
	for range 20 {
		if r := e.renew(rec.Ref()); r.Err != nil {
			e.t.Fatalf("Renew: %v", r.Err)
		}
	}
	e.alive(rec)
	c.silent("renewals")
	past, err := e.s.History(e.ctx, store.Selector(rec.Key), 100)
	if err != nil || len(past) != 1 {
		e.t.Errorf("History of a record that was only renewed has %d events, %v", len(past), err)
	}
}

func renewMovesNoRevision(e *env) {
	rec := e.put(store.InstanceKey("user", "1"), lasting)
	before := e.list(store.Selector{}).Revision
	for range 20 {
		e.renew(rec.Ref())
	}
	if after := e.list(store.Selector{}).Revision; after != before {
		e.t.Errorf("renewals moved the revision from %v to %v", before, after)
	}
}

// Each ref has its own outcome, in its own place; a bad one spoils no other.
func renewAligned(e *env) {
	live := e.put(store.InstanceKey("user", "live"), lasting)
	long := e.put(store.InstanceKey("user", "long"), 2*lasting)
	old := e.put(store.InstanceKey("user", "replaced"), lasting)
	now := e.put(old.Key, lasting)
	dead := e.put(store.InstanceKey("user", "dead"), lasting)
	e.deregister(dead.Ref(), because(store.Deregistered))
	refs := []store.Ref{
		{Key: store.InstanceKey("user", "unknown"), Lease: 99},
		live.Ref(), old.Ref(), long.Ref(), dead.Ref(), now.Ref(),
		{Key: store.InstanceKey("users", "live"), Lease: live.Lease},
		{Key: store.Key{Kind: store.KindNode, Service: "user", ID: "live"}, Lease: live.Lease},
		live.Ref(),
	}
	want := []error{
		store.ErrNotFound, nil, store.ErrLeaseLost, nil, store.ErrLeaseLost, nil, store.ErrNotFound, store.ErrNotFound, nil,
	}
	got := e.renewAll(refs)
	for i, r := range got {
		if !errors.Is(r.Err, want[i]) {
			e.t.Errorf("result %d, of %v: %v, want %v", i, refs[i], r.Err, want[i])
		}
		if r.Err != nil && r.TTL != 0 {
			e.t.Errorf("result %d has a TTL and an error", i)
		}
	}
	if got[1].TTL != live.TTL || got[3].TTL != long.TTL {
		e.t.Errorf("TTLs are %v and %v, want %v and %v", got[1].TTL, got[3].TTL, live.TTL, long.TTL)
	}
}

func renewDuplicates(e *env) {
	rec := e.put(store.InstanceKey("user", "1"), lasting)
	bad := store.Ref{Key: rec.Key, Lease: rec.Lease + 1}
	for i, r := range e.renewAll([]store.Ref{rec.Ref(), bad, rec.Ref(), bad, rec.Ref()}) {
		if i%2 == 0 && (r.Err != nil || r.TTL != rec.TTL) {
			e.t.Errorf("result %d of a ref that stands three times: %v, %v", i, r.TTL, r.Err)
		}
		if i%2 == 1 && !errors.Is(r.Err, store.ErrLeaseLost) {
			e.t.Errorf("result %d of a bad ref that stands twice: %v", i, r.Err)
		}
	}
}

func renewEmpty(e *env) {
	for _, refs := range [][]store.Ref{nil, {}} {
		if got := e.renewAll(refs); len(got) != 0 {
			e.t.Errorf("Renew of nothing gave %+v", got)
		}
	}
}

// As many as one request may bring.
func renewLarge(e *env) {
	const n = 10_000
	live := make([]*store.Record, 20)
	for i := range live {
		live[i] = e.put(store.InstanceKey("user", fmt.Sprint(i)), lasting)
	}
	refs := make([]store.Ref, n)
	for i := range refs {
		refs[i] = live[i%len(live)].Ref()
		if i%7 == 0 {
			refs[i] = store.Ref{Key: store.InstanceKey("user", fmt.Sprint("unknown-", i)), Lease: 1}
		}
	}
	for i, r := range e.renewAll(refs) {
		if bad := i%7 == 0; bad != (r.Err != nil) {
			e.t.Fatalf("result %d of %d: %v", i, n, r.Err)
		}
	}
}

// Outside a hold, which is not the store's business, too late is too late.
func renewExpired(e *env) {
	c := e.fromNow()
	l := e.leased(store.InstanceKey("user", "1"), e.unit)
	e.untilHidden(l)
	e.wantsLost(e.renew(l.Ref()).Err, "Renew after the lease was over")
	e.gone(l.Key)
	e.expire(c, l)
	e.wantsLost(e.renew(l.Ref()).Err, "Renew after the deletion was announced")
	e.gone(l.Key)
	c.silent("renewals that came too late")
}

// Batches that renew the same leases at the same time all succeed.
func renewConcurrent(e *env) {
	refs := make([]store.Ref, 50)
	for i := range refs {
		refs[i] = e.put(store.InstanceKey("user", fmt.Sprint(i)), lasting).Ref()
	}
	errs := atOnce(racers, func(int) error {
		for range 10 {
			got, err := e.s.Renew(e.ctx, refs)
			if err != nil {
				return err
			}
			for _, r := range got {
				if r.Err != nil {
					return r.Err
				}
			}
		}
		return nil
	})
	if err := errors.Join(errs...); err != nil {
		e.t.Errorf("Renew by %d callers at once: %v", racers, err)
	}
}
