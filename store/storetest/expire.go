package storetest

import (
	"fmt"
	"time"

	"github.com/roster-sd/roster/store"
)

var expireSpecs = []spec{
	{name: "expire/announced-in-time", prove: expireAnnounced},
	{name: "expire/hides-at-once", prove: expireHides},
	{name: "expire/each-at-its-own-time", prove: expireEach},
	{name: "expire/gone-for-every-reader", prove: expireGoneForAll},
	{name: "expire/update-is-no-renewal", prove: expireUpdate},
	{name: "expire/old-lease-ends-nothing", prove: expireOldLease},
	{name: "expire/no-ttl-no-expiry", prove: expireNever},
	{name: "expire/leased-becomes-lasting", prove: expireLasting},
	{name: "expire/lasting-becomes-leased", prove: expireLeased},
	{name: "expire/a-day-later", prove: expireDay, needs: []need{needFakeTime}},
	{name: "expire/two-thousand-at-once", prove: expireMass},
}

// The deletion of a record that nobody renewed is announced after its TTL and before
// TTL + ExpiryLag, with what it was and why it left.
func expireAnnounced(e *env) {
	c := e.fromNow()
	l := e.leased(store.InstanceKey("user", "1"), e.unit)
	if ev := c.soon(); ev.Deleted() {
		e.t.Fatal("the first event is a deletion")
	}
	ev := c.event(time.Until(e.announced(l)) + e.h.Patience)
	at := time.Now()
	if !ev.Deleted() || ev.Key() != l.Key || ev.Reason.Code != store.Expired {
		e.t.Fatalf("%q of %v, want the expiry of %v", ev.Reason.Code, ev.Key(), l.Key)
	}
	if at.Before(e.earliest(l)) {
		e.t.Errorf("announced %v after the registration, the TTL is %v", at.Sub(l.from), l.TTL)
	}
	if at.After(e.announced(l).Add(e.late())) {
		e.t.Errorf("announced %v after the registration, want within %v + %v", at.Sub(l.to), l.TTL, e.caps.ExpiryLag)
	}
	if d := differ(l.Record, ev.Before); d != "" {
		e.t.Errorf("what the event says was there: %s", d)
	}
	e.gone(l.Key)
}

// A record is there for the whole of its TTL and not seen any more after it, whether
// its deletion has been announced or not.
func expireHides(e *env) {
	l := e.leased(store.InstanceKey("user", "1"), e.unit)
	e.until(e.earliest(l))
	e.lives(l)
	e.untilHidden(l)
	e.gone(l.Key)
	if n := len(e.list(store.Selector{}).Records); n != 0 {
		e.t.Errorf("List of everything shows %d records", n)
	}
}

// Many leases of several lengths end each in its own time.
func expireEach(e *env) {
	c := e.fromNow()
	leases := map[store.Key]lease{}
	for i := range 12 {
		l := e.leased(store.InstanceKey("user", fmt.Sprint(i)), e.unit*time.Duration(2+i%4)/2)
		leases[l.Key] = l
	}
	for len(leases) > 0 {
		ev := c.event(3*e.unit + e.h.Patience)
		at := time.Now()
		if !ev.Deleted() {
			continue
		}
		l, ok := leases[ev.Key()]
		if !ok {
			e.t.Fatalf("%v left twice", ev.Key())
		}
		delete(leases, ev.Key())
		if at.Before(e.earliest(l)) || at.After(e.announced(l).Add(e.late())) {
			e.t.Errorf("%v with a TTL of %v left after %v", l.Key, l.TTL, at.Sub(l.from))
		}
	}
}

// Once anything says that a lease is over, nothing says otherwise.
func expireGoneForAll(e *env) {
	l := e.leased(store.InstanceKey("user", "1"), e.unit)
	c := e.follow(e.s, store.Selector(l.Key), l.Revision)
	e.until(e.earliest(l))
	for {
		left, err := e.s.TimeToLive(e.ctx, []store.Ref{l.Ref()})
		if err != nil {
			e.t.Fatalf("TimeToLive: %v", err)
		}
		if left[0] < 0 {
			break
		}
		if time.Now().After(e.hidden(l).Add(e.h.Slack + e.late())) {
			e.t.Fatalf("TimeToLive is %v when the lease is over", left[0])
		}
		e.advance(time.Millisecond)
	}
	e.gone(l.Key)
	e.wantsLost(e.renew(l.Ref()).Err, "Renew of a lease that has no time to live")
	e.expire(c, l)
	e.gone(l.Key)
}

// Only a renewal renews.
func expireUpdate(e *env) {
	l := e.leased(store.InstanceKey("user", "1"), e.unit)
	e.until(l.from.Add(l.TTL * 6 / 10))
	e.lives(l)
	l.Record = e.update(l.Ref(), because(store.Updated), func(r *store.Record) error { r.Instance.Weight = 3; return nil })
	e.lives(l)
	e.untilHidden(l)
	e.gone(l.Key)
}

// The end of a lease that was replaced ends nothing.
func expireOldLease(e *env) {
	old := e.leased(store.InstanceKey("user", "1"), e.unit)
	live := e.put(old.Key, lasting)
	c := e.fromNow()
	e.until(e.announced(old).Add(e.unit / 4))
	e.alive(live)
	c.silent("the end of a lease that was replaced")
}

func expireNever(e *env) {
	recs := []*store.Record{
		e.put(store.InstanceKey("user", "1"), 0),
		e.put(store.Key{Kind: store.KindOverride, Service: "user", ID: "1"}, 0),
		e.put(store.Key{Kind: store.KindNode, Service: "user", ID: "1"}, 0),
	}
	c := e.fromNow()
	e.advance(2*e.unit + e.caps.ExpiryLag)
	for _, rec := range recs {
		if rec.TTL != 0 || rec.Lease != 0 {
			e.t.Errorf("%v without a TTL has the TTL %v and the lease %v", rec.Key, rec.TTL, rec.Lease)
		}
		e.alive(rec)
	}
	c.silent("a while without leases")
}

func expireLasting(e *env) {
	old := e.leased(store.InstanceKey("user", "1"), e.unit)
	live := e.put(old.Key, 0)
	e.until(e.announced(old).Add(e.unit / 4))
	e.alive(live)
}

func expireLeased(e *env) {
	e.put(store.InstanceKey("user", "1"), 0)
	l := e.leased(store.InstanceKey("user", "1"), e.unit)
	e.untilHidden(l)
	e.gone(l.Key)
}

// What does not expire is still there after a day, and so is what is renewed.
func expireDay(e *env) {
	forever := e.put(store.InstanceKey("user", "1"), 0)
	l := e.leased(store.InstanceKey("user", "2"), time.Hour)
	for range 24 {
		e.advance(50 * time.Minute)
		l = e.renewed(l)
	}
	e.alive(forever)
	e.alive(l.Record)
}

// Two thousand leases that end in one instant are all announced, each once, in order.
func expireMass(e *env) {
	const n = 2000
	c := e.fromNow()
	start := c.last
	last := lease{from: time.Now()}
	errs := atOnce(racers, func(g int) error {
		for i := g; i < n; i += racers {
			_, err := e.s.Register(e.ctx, sample(store.InstanceKey(fmt.Sprint("user-", i%7), fmt.Sprint(i))), store.Grant{TTL: 2 * e.unit})
			if err != nil {
				return err
			}
		}
		return nil
	})
	for _, err := range errs {
		if err != nil {
			e.t.Fatalf("Register: %v", err)
		}
	}
	last.to, last.Record = time.Now(), &store.Record{TTL: 2 * e.unit}
	left := map[store.Key]bool{}
	for len(left) < n {
		if ev := c.event(3*e.unit + e.h.Patience); ev.Deleted() {
			if left[ev.Key()] || ev.Reason.Code != store.Expired {
				e.t.Fatalf("%v left as %q, seen before: %v", ev.Key(), ev.Reason.Code, left[ev.Key()])
			}
			left[ev.Key()] = true
		}
	}
	e.until(e.hidden(last))
	if n := len(e.list(store.Selector{}).Records); n != 0 {
		e.t.Errorf("%d records are left", n)
	}
	c.silent("the end of everything")
	// One who reads it all afterwards gets it in other batches.
	late := e.follow(e.s, store.Selector{}, start)
	for _, ev := range late.all() {
		if ev.Deleted() {
			delete(left, ev.Key())
		}
	}
	if len(left) != 0 {
		e.t.Errorf("%d of %d deletions are missing from a later watch", len(left), n)
	}
}
