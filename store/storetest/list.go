package storetest

import (
	"fmt"

	"github.com/roster-sd/roster/store"
)

var listSpecs = []spec{
	{name: "list/empty", prove: listEmpty},
	{name: "list/has-everything-once", prove: listEverything},
	{name: "list/get-agrees", prove: listGet},
	{name: "list/holds-still", prove: listHolds},
	{name: "list/large", prove: listLarge},
}

// An empty store has a revision too, and one can watch from there.
func listEmpty(e *env) {
	snap := e.list(store.Selector{})
	if len(snap.Records) != 0 {
		e.t.Errorf("a fresh keyspace has %d records", len(snap.Records))
	}
	if snap.Revision.Epoch == 0 {
		e.t.Errorf("the revision of an empty store is %v", snap.Revision)
	}
	c := e.follow(e.s, store.Selector{}, snap.Revision)
	rec := e.put(store.InstanceKey("user", "1"), lasting)
	if ev := c.soon(); ev.Key() != rec.Key {
		e.t.Errorf("the first event is of %v", ev.Key())
	}
	if n := len(e.list(store.Selector{Service: "nobody"}).Records); n != 0 {
		e.t.Errorf("%d records of a service that nobody registered", n)
	}
}

func listEverything(e *env) {
	want := view{}
	for i := range 30 {
		rec := e.put(store.InstanceKey(fmt.Sprint("service-", i%3), fmt.Sprint(i)), lasting)
		switch i % 5 {
		case 1:
			rec = e.update(rec.Ref(), because(store.Updated), func(r *store.Record) error { r.Instance.Weight = 1; return nil })
		case 2:
			rec = e.put(rec.Key, lasting)
		case 3:
			e.deregister(rec.Ref(), because(store.Deregistered))
			continue
		}
		want[rec.Key] = rec
	}
	if why := want.differs(e.list(store.Selector{})); why != "" {
		e.t.Error(why)
	}
}

func listGet(e *env) {
	e.put(store.InstanceKey("user", "1"), lasting)
	e.put(store.Key{Kind: store.KindOverride, Service: "user", ID: "1"}, 0)
	for _, rec := range e.list(store.Selector{}).Records {
		if d := differ(rec, e.get(rec.Key)); d != "" {
			e.t.Errorf("List and Get disagree on %v: %s", rec.Key, d)
		}
	}
}

// A snapshot is a view of one moment: later writes do not show in it.
func listHolds(e *env) {
	for i := range 10 {
		e.put(store.InstanceKey("user", fmt.Sprint(i)), lasting)
	}
	snap := e.list(store.Selector{})
	was := view{}
	for _, rec := range snap.Records {
		c := copyOf(rec)
		was[rec.Key] = &c
	}
	for i, rec := range snap.Records {
		switch i % 3 {
		case 0:
			e.update(rec.Ref(), because(store.Updated), func(r *store.Record) error { r.Instance.Weight = 1; return nil })
		case 1:
			e.deregister(rec.Ref(), because(store.Deregistered))
		case 2:
			e.put(rec.Key, lasting)
		}
	}
	if why := was.differs(snap); why != "" {
		e.t.Errorf("an older snapshot changed: %s", why)
	}
}

func listLarge(e *env) {
	const n = 3000
	errs := atOnce(racers, func(g int) error {
		for i := g; i < n; i += racers {
			_, err := e.s.Register(e.ctx, sample(store.InstanceKey("user", fmt.Sprint(i))), store.Grant{TTL: lasting})
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
	got := viewOf(e.list(store.Selector{Service: "user"}))
	for i := range n {
		if got[store.InstanceKey("user", fmt.Sprint(i))] == nil {
			e.t.Fatalf("record %d of %d is not in the list of %d", i, n, len(got))
		}
	}
	if len(got) != n {
		e.t.Errorf("%d records in the list, want %d", len(got), n)
	}
}
