package storetest

import (
	"strings"

	"github.com/roster-sd/roster/store"
)

var selectSpecs = []spec{
	{name: "select/list", prove: selectList},
	{name: "select/watch", prove: selectWatch},
	{name: "select/history", prove: selectHistory},
	{name: "select/names-stay-apart", prove: selectNames},
	{name: "select/delete-one-of-many-alike", prove: selectDelete},
}

// alike are keys that a store could take for one another: names that begin alike, names
// of kinds, parts that separators could move between, and all that a pattern could match.
func alike() []store.Key {
	instance := []store.Key{
		{Service: "user", ID: "1"}, {Service: "user", ID: "11"}, {Service: "user", ID: "1:1"}, {Service: "user", ID: "*"},
		{Service: "user-admin", ID: "1"}, {Service: "user.admin", ID: "1"}, {Service: "user_admin", ID: "1"},
		{Service: "users", ID: "1"}, {Service: "use", ID: "1"}, {Service: "User", ID: "1"}, {Service: "user.", ID: "1"},
		{Service: "u", ID: "ser:1"}, {Service: "a.b", ID: "c"}, {Service: "a", ID: "b.c"}, {Service: "a-b", ID: "c"}, {Service: "a", ID: "b-c"},
		{Service: "instance", ID: "user"}, {Service: "override", ID: "user"}, {Service: "node", ID: "user"},
		{Service: "user", ID: "."}, {Service: "user", ID: ".."}, {Service: "user", ID: "~"}, {Service: "user", ID: "-"},
		{Service: "user", ID: "127.0.0.1:3001:839212"}, {Service: "user", ID: "a@b~c+d=e-f_g.h"}, {Service: "user", ID: "=="},
		{Service: "user", ID: "A"}, {Service: "user", ID: "a"}, {Service: "0", ID: "0"}, {Service: "user", ID: "0"}, {Service: "user", ID: "00"},
		{Service: "user", ID: strings.Repeat("1", 128)}, {Service: strings.Repeat("u", 63), ID: "1"},
	}
	keys := make([]store.Key, 0, len(instance)+3)
	for _, key := range instance {
		key.Kind = store.KindInstance
		keys = append(keys, key)
	}
	return append(keys,
		store.Key{Kind: store.KindOverride, Service: "user", ID: "1"},
		store.Key{Kind: store.KindNode, Service: "user", ID: "1"},
		store.Key{Kind: store.KindNode, Service: "instance", ID: "user"},
	)
}

// selectors gives every form of selector for the names that are alike, and some that
// choose nothing.
func selectors() []store.Selector {
	sels := []store.Selector{
		{}, {Kind: store.KindInstance}, {Kind: store.KindOverride}, {Kind: store.KindNode}, {Kind: "inst"},
		{ID: "1"}, {ID: ".."}, {Kind: store.KindNode, ID: "1"}, {Kind: store.KindInstance, ID: "1"}, {ID: "nobody"},
		{Service: "user-"}, {Service: "us"}, {Service: "*"}, {Service: "user*"}, {Service: "user."}, {Service: "[u]ser"}, {Service: "u?er"},
		{Service: "user", ID: "*"}, {Service: "user", ID: "1*"}, {Service: "user/1"}, {Service: "user", ID: "1:"},
	}
	for _, key := range alike() {
		sels = append(sels, store.Selector(key), store.Selector{Service: key.Service},
			store.Selector{Kind: key.Kind, Service: key.Service}, store.Selector{Service: key.Service, ID: key.ID})
	}
	return sels
}

func selectList(e *env) {
	all := view{}
	for _, key := range alike() {
		all[key] = e.put(key, lasting)
	}
	for _, sel := range selectors() {
		want := view{}
		for key, rec := range all {
			if sel.Matches(key) {
				want[key] = rec
			}
		}
		if why := want.differs(e.list(sel)); why != "" {
			e.t.Errorf("List(%+v): %s", sel, why)
		}
	}
}

// A watcher gives what its selector chooses and nothing else, in the order of the feed.
func selectWatch(e *env) {
	sels := selectors()
	start := e.list(store.Selector{}).Revision
	master := e.follow(e.s, store.Selector{}, start)
	cursors := make([]*cursor, len(sels))
	for i, sel := range sels {
		if i%2 == 0 { // the others are opened afterwards and read the past
			cursors[i] = e.follow(e.s, sel, start)
		}
	}
	for _, key := range alike() {
		rec := e.put(key, lasting)
		e.update(rec.Ref(), because(store.Updated), func(r *store.Record) error { r.Instance.Weight = 1; return nil })
		e.deregister(rec.Ref(), because(store.Deregistered))
	}
	feed := master.all()
	for i, sel := range sels {
		if cursors[i] == nil {
			cursors[i] = e.follow(e.s, sel, start)
		}
		n := 0
		for _, want := range feed {
			if !sel.Matches(want.Key()) {
				continue
			}
			n++
			if got := cursors[i].soon(); got.Revision != want.Revision || got.Key() != want.Key() {
				e.t.Fatalf("Watch(%+v) gives %v at %v, want %v at %v", sel, got.Key(), got.Revision, want.Key(), want.Revision)
			}
		}
		if len(withoutMarks(cursors[i].left)) != 0 {
			e.t.Errorf("Watch(%+v) gives more than the %d events that it selects", sel, n)
		}
		if sel.ID == "" {
			cursors[i].silent("all that the selector chooses")
		}
		cursors[i].close()
	}
}

func selectHistory(e *env) {
	master := e.fromNow()
	for _, key := range alike() {
		rec := e.put(key, lasting)
		e.deregister(rec.Ref(), because(store.Deregistered))
	}
	feed := master.all()
	for _, sel := range selectors() {
		got, err := e.s.History(e.ctx, sel, len(feed)+10)
		if err != nil {
			e.t.Fatalf("History(%+v): %v", sel, err)
		}
		var want []store.Event
		for _, ev := range feed {
			if sel.Matches(ev.Key()) {
				want = append(want, ev)
			}
		}
		got = withoutMarks(got)
		if len(got) != len(want) {
			e.t.Errorf("History(%+v) has %d events, want %d", sel, len(got), len(want))
			continue
		}
		for i := range want {
			if got[i].Revision != want[i].Revision {
				e.t.Errorf("History(%+v): event %d is at %v, want %v", sel, i, got[i].Revision, want[i].Revision)
			}
		}
	}
}

func withoutMarks(events []store.Event) []store.Event {
	var kept []store.Event
	for _, ev := range events {
		if !isMark(ev.Key()) {
			kept = append(kept, ev)
		}
	}
	return kept
}

// Every key finds its own record, lease and all.
func selectNames(e *env) {
	all := view{}
	for i, key := range alike() {
		in := sample(key)
		in.Instance.PID = i + 1
		all[key] = e.register(in, store.Grant{TTL: lasting, If: store.Condition{Absent: true}})
	}
	for _, rec := range all {
		e.alive(rec)
	}
	refs := []store.Ref{}
	for _, rec := range all {
		refs = append(refs, rec.Ref())
	}
	for i, r := range e.renewAll(refs) {
		if r.Err != nil {
			e.t.Errorf("Renew of %v: %v", refs[i].Key, r.Err)
		}
	}
}

// Removing any one of the keys leaves all others.
func selectDelete(e *env) {
	all := view{}
	for _, key := range alike() {
		all[key] = e.put(key, lasting)
	}
	for _, key := range alike() {
		e.deregister(all[key].Ref(), because(store.Deregistered))
		delete(all, key)
		if why := all.differs(e.list(store.Selector{})); why != "" {
			e.t.Fatalf("after the deletion of %v: %s", key, why)
		}
	}
}
