package storetest

import (
	"errors"
	"time"

	"github.com/roster-sd/roster/store"
)

var sharedSpecs = []spec{
	{name: "shared/written-here-seen-there", prove: sharedWrites, needs: []need{needShared}},
	{name: "shared/one-feed", prove: sharedFeed, needs: []need{needShared}},
	{name: "shared/lease-is-good-anywhere", prove: sharedLease, needs: []need{needShared}},
	{name: "shared/expires-once", prove: sharedExpiry, needs: []need{needShared}},
	{name: "shared/tombstones-everywhere", prove: sharedTombstones, needs: []need{needShared}},
	{name: "shared/position-of-another-node", prove: sharedPosition, needs: []need{needShared}},
	{name: "shared/one-winner", prove: sharedRace, needs: []need{needShared}},
	{name: "shared/updates-contend", prove: sharedUpdates, needs: []need{needShared}},
	{name: "shared/a-node-leaves", prove: sharedLeave, needs: []need{needShared}},
}

// on gives the same environment with another store of the cluster.
func (e *env) on(s store.Store) *env {
	other := *e
	other.s = s
	return &other
}

// reaches waits until the node has come to a revision.
func (e *env) reaches(rev store.Revision) {
	e.t.Helper()
	e.eventually("the other node has come to "+rev.String(), func() bool {
		return !e.list(store.Selector{}).Revision.Before(rev)
	})
}

// A write that one node acknowledged is seen by another at its revision, as it was
// acknowledged.
func sharedWrites(e *env) {
	b := e.on(e.node())
	rec := e.put(store.InstanceKey("user", "1"), lasting)
	b.reaches(rec.Revision)
	b.alive(rec)
	got := b.update(rec.Ref(), because(store.Updated), func(r *store.Record) error { r.Instance.Weight = 3; return nil })
	e.reaches(got.Revision)
	e.alive(got)
	rev := e.deregister(rec.Ref(), because(store.Deregistered))
	b.reaches(rev)
	b.gone(rec.Key)
}

// Watchers on all nodes give the same events, and readers of each can follow writers of
// all.
func sharedFeed(e *env) {
	nodes := []store.Store{e.s, e.node()}
	e.followsAll(nodes, nodes)
	history := e.history(store.Selector{}, 50)
	if why := sameFeed(history, e.on(nodes[1]).history(store.Selector{}, 50)); why != "" {
		e.t.Errorf("the history of two nodes: %s", why)
	}
}

// Whoever holds a lease can renew, update and deregister through any node.
func sharedLease(e *env) {
	b := e.on(e.node())
	c := e.fromNow()
	l := e.leased(store.InstanceKey("user", "1"), e.unit)
	b.reaches(l.Revision)
	for range 3 {
		e.until(l.from.Add(l.TTL * 6 / 10))
		l = b.renewed(l)
		e.lives(l)
	}
	e.leftIs(l, "on the first node, after a renewal on the second,")
	old := l.Ref()
	l.Record = e.put(l.Key, lasting)
	b.reaches(l.Revision)
	b.refused(old, l.Record)
	rev := b.deregister(l.Ref(), because(store.Deregistered))
	e.reaches(rev)
	e.refusedRenewal(l.Ref())
	e.gone(l.Key)
	if n := len(c.all()); n != 3 {
		e.t.Errorf("%d events of two registrations and a deletion", n)
	}
}

// However many nodes look after the leases, an expiry happens once.
func sharedExpiry(e *env) {
	b, third := e.on(e.node()), e.on(e.node())
	ca, cb := e.fromNow(), b.fromNow()
	var last lease
	const n = 30
	for i := range n {
		last = []*env{e, b, third}[i%3].leased(store.InstanceKey("user", string(rune('A'+i))), e.unit)
	}
	for _, c := range []*cursor{ca, cb} {
		left := map[store.Key]int{}
		for len(left) < n {
			if ev := c.event(time.Until(e.announced(last)) + e.h.Patience); ev.Deleted() {
				left[ev.Key()]++
			}
		}
		for _, ev := range c.all() {
			left[ev.Key()]++
		}
		for key, times := range left {
			if times != 1 {
				e.t.Errorf("%v expired %d times", key, times)
			}
		}
	}
	for _, node := range []*env{e, b, third} {
		if n := len(node.list(store.Selector{Kind: store.KindInstance}).Records); n != 0 {
			e.t.Errorf("%d records are left", n)
		}
	}
}

// A late heartbeat anywhere does not undo what somebody meant.
func sharedTombstones(e *env) {
	b := e.on(e.node())
	rec := e.put(store.InstanceKey("user", "1"), lasting)
	b.reaches(rec.Revision)
	rev := e.deregister(rec.Ref(), because(store.Forced))
	b.reaches(rev)
	b.refusedRenewal(rec.Ref())
	b.notBack(rec.Key, rec.Generation)
	b.stonesAre(rec.Key, []*store.Record{rec}, []store.Code{store.Forced})
	if next := b.put(rec.Key, lasting); next.Generation <= rec.Generation {
		e.t.Errorf("generation %d follows %d on another node", next.Generation, rec.Generation)
	}
}

// A position that one node gave is good on another.
func sharedPosition(e *env) {
	b := e.on(e.node())
	one := e.put(store.InstanceKey("user", "1"), lasting)
	two := b.put(store.InstanceKey("user", "2"), lasting)
	if !one.Revision.Before(two.Revision) {
		e.t.Errorf("one node's write is at %v, another's later one at %v", one.Revision, two.Revision)
	}
	c := b.follow(b.s, store.Selector{}, one.Revision)
	if ev := c.soon(); ev.Revision != two.Revision {
		e.t.Errorf("after %v comes %v, want %v", one.Revision, ev.Revision, two.Revision)
	}
	e.follow(e.s, store.Selector{}, two.Revision).silent("the last position")
}

// Of two nodes that register under one condition, one wins.
func sharedRace(e *env) {
	nodes := []store.Store{e.s, e.node()}
	key := store.InstanceKey("user", "1")
	for range 5 {
		won := make([]*store.Record, racers)
		errs := atOnce(racers, func(i int) (err error) {
			won[i], err = nodes[i%2].Register(e.ctx, sample(key), store.Grant{TTL: lasting, If: store.Condition{Absent: true}})
			return err
		})
		rec := won[e.oneWins(errs, store.ErrConflict, "Register by racers on two nodes")]
		for _, s := range nodes {
			e.on(s).reaches(rec.Revision)
			e.on(s).alive(rec)
		}
		rev := e.deregister(rec.Ref(), because(store.Deregistered))
		e.on(nodes[1]).reaches(rev)
	}
}

func sharedUpdates(e *env) {
	const each = 20
	nodes := []store.Store{e.s, e.node()}
	rec := e.put(store.InstanceKey("user", "1"), lasting)
	e.on(nodes[1]).reaches(rec.Revision)
	errs := atOnce(racers, func(i int) error {
		for range each {
			_, err := nodes[i%2].Update(e.ctx, rec.Ref(), because(store.Updated), func(r *store.Record) error { r.Instance.Weight++; return nil })
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err := errors.Join(errs...); err != nil {
		e.t.Fatal(err)
	}
	for _, s := range nodes {
		e.on(s).eventually("all updates on every node", func() bool {
			return e.on(s).get(rec.Key).Instance.Weight == rec.Instance.Weight+racers*each
		})
	}
}

// Closing one node ends its watchers and nobody else's, and no record.
func sharedLeave(e *env) {
	leaving := e.node()
	rec := e.on(leaving).put(store.InstanceKey("user", "1"), lasting)
	l := e.on(leaving).leased(store.InstanceKey("user", "2"), e.unit)
	e.reaches(l.Revision)
	c := e.fromNow()
	e.closeStore(leaving)
	e.alive(rec)
	e.renewed(lease{Record: rec})
	c.silent("the leave of a node")
	e.expire(c, l) // a lease that the other node granted ends in its time
}
