package storetest

import (
	"time"

	"github.com/roster-sd/roster/store"
)

var tombstoneSpecs = []spec{
	{name: "tombstone/none", prove: tombstoneNone},
	{name: "tombstone/of-expiry", prove: tombstoneExpired},
	{name: "tombstone/of-a-replacement", prove: tombstoneReplaced},
	{name: "tombstone/newest-first", prove: tombstoneOrder},
	{name: "tombstone/bounded", prove: tombstoneBounded},
	{name: "tombstone/outlives-a-new-life", prove: tombstoneNewLife},
	{name: "tombstone/belongs-to-its-key", prove: tombstoneKeys},
	{name: "tombstone/remembered", prove: tombstoneRemembered, needs: []need{needFakeTime}},
	{name: "tombstone/forgotten", prove: tombstoneForgotten, needs: []need{needFakeTime}},
}

func tombstoneNone(e *env) {
	if stones := e.tombstones(store.InstanceKey("user", "1")); len(stones) != 0 {
		e.t.Errorf("a key never heard of has the tombstones %+v", stones)
	}
	rec := e.put(store.InstanceKey("user", "1"), lasting)
	e.update(rec.Ref(), because(store.Updated), func(r *store.Record) error { r.Instance.Weight = 3; return nil })
	if stones := e.tombstones(rec.Key); len(stones) != 0 {
		e.t.Errorf("a record in its first life has the tombstones %+v", stones)
	}
}

func tombstoneExpired(e *env) {
	before := time.Now()
	rec := e.expired(store.InstanceKey("user", "1"))
	stones := e.tombstones(rec.Key)
	if len(stones) != 1 {
		e.t.Fatalf("%d tombstones of one life", len(stones))
	}
	if stones[0].Reason.Code != store.Expired || stones[0].Reason.Meant() {
		e.t.Errorf("the reason is %+v", stones[0].Reason)
	}
	if d := differRemembered(rec, stones[0].Record); d != "" {
		e.t.Errorf("the last form: %s", d)
	}
	if !rec.Revision.Before(stones[0].Revision) {
		e.t.Errorf("died at %v, registered at %v", stones[0].Revision, rec.Revision)
	}
	e.isNow(stones[0].Time, before, "Tombstone.Time")
}

// A replacement leaves the old record's owner and tokens, so that who still holds them can
// be told what became of them.
func tombstoneReplaced(e *env) {
	key := store.InstanceKey("user", "1")
	in := full(key, 1)
	old := e.register(in, store.Grant{TTL: lasting})
	old = e.update(old.Ref(), because(store.Rotated), func(r *store.Record) error { r.Tokens.Newest[0]++; return nil })
	now := e.register(sample(key), store.Grant{TTL: lasting})
	stones := e.tombstones(key)
	if len(stones) != 1 {
		e.t.Fatalf("%d tombstones of one replacement", len(stones))
	}
	if stones[0].Reason.Code != store.Replaced {
		e.t.Errorf("the reason is %q, want %q", stones[0].Reason.Code, store.Replaced)
	}
	if d := differRemembered(old, stones[0].Record); d != "" {
		e.t.Errorf("the last form: %s", d)
	}
	if stones[0].Revision != now.Revision {
		e.t.Errorf("replaced at %v, by a record of %v", stones[0].Revision, now.Revision)
	}
}

func tombstoneOrder(e *env) {
	key := store.InstanceKey("user", "1")
	one := e.put(key, lasting)
	two := e.put(key, lasting)
	e.deregister(two.Ref(), because(store.Deregistered))
	three := e.expired(key)
	four := e.put(key, lasting)
	e.deregister(store.Ref{Key: key}, because(store.Forced))
	e.stonesAre(key, []*store.Record{four, three, two, one},
		[]store.Code{store.Forced, store.Expired, store.Deregistered, store.Replaced})
}

// stonesAre checks the tombstones of a key, newest first.
func (e *env) stonesAre(key store.Key, recs []*store.Record, codes []store.Code) {
	e.t.Helper()
	stones := e.tombstones(key)
	if len(stones) != len(recs) {
		e.t.Fatalf("%d tombstones, want %d", len(stones), len(recs))
	}
	for i, stone := range stones {
		if d := differRemembered(recs[i], stone.Record); d != "" || stone.Reason.Code != codes[i] {
			e.t.Errorf("tombstone %d is of %q, want %q; %s", i, stone.Reason.Code, codes[i], d)
		}
		if i > 0 && !stone.Revision.Before(stones[i-1].Revision) {
			e.t.Errorf("tombstone %d is at %v, the one before it at %v", i, stone.Revision, stones[i-1].Revision)
		}
	}
}

func tombstoneBounded(e *env) {
	key := store.InstanceKey("user", "1")
	var recs []*store.Record
	var codes []store.Code
	for i := range store.TombstonesPerKey + 5 {
		rec := e.put(key, lasting)
		recs, codes = append([]*store.Record{rec}, recs...), append([]store.Code{store.Replaced}, codes...)
		if i%3 == 1 {
			e.deregister(rec.Ref(), because(store.Deregistered))
			codes[0] = store.Deregistered
		}
	}
	e.deregister(store.Ref{Key: key}, because(store.Forced))
	codes[0] = store.Forced
	e.stonesAre(key, recs[:store.TombstonesPerKey], codes[:store.TombstonesPerKey])
}

func tombstoneNewLife(e *env) {
	key := store.InstanceKey("user", "1")
	old := e.put(key, lasting)
	e.deregister(old.Ref(), because(store.Deregistered))
	live := e.put(key, lasting)
	e.stonesAre(key, []*store.Record{old}, []store.Code{store.Deregistered})
	e.alive(live)
}

func tombstoneKeys(e *env) {
	rec := e.put(store.InstanceKey("user", "1"), lasting)
	e.deregister(rec.Ref(), because(store.Deregistered))
	for _, key := range []store.Key{
		store.InstanceKey("user", "2"), store.InstanceKey("user", "11"),
		store.InstanceKey("users", "1"), {Kind: store.KindOverride, Service: "user", ID: "1"},
	} {
		if stones := e.tombstones(key); len(stones) != 0 {
			e.t.Errorf("%v has %d tombstones that are another key's", key, len(stones))
		}
	}
}

// Until TombstoneAge is over, each death that somebody meant is remembered, with
// everything else that goes on in the store.
func tombstoneRemembered(e *env) {
	start := time.Now()
	gone := e.put(store.InstanceKey("user", "1"), lasting)
	e.deregister(gone.Ref(), because(store.Deregistered))
	old := e.put(store.InstanceKey("user", "2"), 0)
	e.put(old.Key, 0)
	for i := range 50 {
		e.put(store.InstanceKey("other", string(rune('a'+i%26))), e.unit)
	}
	e.until(start.Add(store.TombstoneAge - time.Second))
	e.stonesAre(gone.Key, []*store.Record{gone}, []store.Code{store.Deregistered})
	e.stonesAre(old.Key, []*store.Record{old}, []store.Code{store.Replaced})
}

// What is over its age takes no memory for ever.
func tombstoneForgotten(e *env) {
	rec := e.put(store.InstanceKey("user", "1"), lasting)
	e.deregister(rec.Ref(), because(store.Deregistered))
	e.advance(2 * store.TombstoneAge)
	if stones := e.tombstones(rec.Key); len(stones) != 0 {
		e.t.Errorf("after twice TombstoneAge: %+v", stones)
	}
}
