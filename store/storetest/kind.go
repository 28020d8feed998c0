package storetest

import (
	"github.com/roster-sd/roster/store"
)

var kindSpecs = []spec{
	{name: "kind/apart", prove: kindApart},
	{name: "kind/override-outlives-its-instance", prove: kindOverride},
	{name: "kind/node-under-a-lease", prove: kindNode},
}

// One service and ID under three kinds are three records.
func kindApart(e *env) {
	keys := []store.Key{
		{Kind: store.KindInstance, Service: "user", ID: "1"},
		{Kind: store.KindOverride, Service: "user", ID: "1"},
		{Kind: store.KindNode, Service: "user", ID: "1"},
	}
	for i, key := range keys {
		for _, other := range keys[i:] {
			e.gone(other)
		}
		e.register(sample(key), store.Grant{TTL: lasting, If: store.Condition{Absent: true}})
	}
	for i, key := range keys {
		e.deregister(e.get(key).Ref(), because(store.Deregistered))
		e.gone(key)
		for _, other := range keys[i+1:] {
			e.get(other)
		}
	}
}

// An administrator's word stays when the instance goes, and is changed and taken back
// without a lease.
func kindOverride(e *env) {
	l := e.leased(store.InstanceKey("user", "1"), e.unit)
	word := store.Record{Key: store.Key{Kind: store.KindOverride, Service: "user", ID: "1"}, Owner: "admin"}
	word.Instance.Status = store.StatusOutOfService
	word.Instance.Meta = `{"reason":"maintenance","until":1700000000000}`
	rec := e.register(word, store.Grant{Why: alice})
	if rec.Lease != 0 || rec.TTL != 0 || rec.Generation == 0 {
		e.t.Errorf("an override has the lease %v, the TTL %v, the generation %d", rec.Lease, rec.TTL, rec.Generation)
	}
	e.until(e.announced(l))
	e.untilHidden(l)
	e.gone(l.Key)
	e.alive(rec)
	got := e.update(rec.Ref(), because(store.Updated), func(r *store.Record) error { r.Instance.Status = store.StatusUp; return nil })
	e.alive(got)
	e.deregister(got.Ref(), because(store.Deregistered))
	e.gone(rec.Key)
	if stones := e.tombstones(rec.Key); len(stones) != 1 {
		e.t.Errorf("%d tombstones of an override", len(stones))
	}
}

// The presence of a registry node is a record like an instance's.
func kindNode(e *env) {
	l := e.leased(store.Key{Kind: store.KindNode, Service: "roster", ID: "node-1"}, e.unit)
	e.until(l.from.Add(l.TTL * 6 / 10))
	l = e.renewed(l)
	e.until(e.earliest(l))
	e.lives(l)
	e.untilHidden(l)
	e.gone(l.Key)
}
