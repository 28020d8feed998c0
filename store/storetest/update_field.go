package storetest

import (
	"reflect"
	"time"

	"github.com/roster-sd/roster/store"
)

var updateFieldSpecs = []spec{
	{name: "update/what-stays", prove: updateStays},
	{name: "update/only-what-stays-is-no-change", prove: updateStaysOnly},
	{name: "update/every-visible-field-moves-changed", prove: updateVisible},
	{name: "update/tokens-move-no-changed", prove: updateTokens},
	{name: "update/owner-moves-no-changed", prove: updateOwner},
	{name: "update/every-field-of-the-record", prove: updateEveryField},
	{name: "update/the-function-gets-the-present", prove: updatePresent},
}

// meddle changes all that an update must not change.
func meddle(r *store.Record) {
	r.Key = store.InstanceKey("another", "key")
	r.Lease, r.Generation = 4711, 4712
	r.TTL, r.RegisteredAt = time.Second, 4713
	r.Revision, r.Changed = store.Revision{Epoch: 1, Number: 1}, 4714
}

// Key, Lease, Generation, TTL and RegisteredAt stay what they were; Revision and
// Changed are the store's.
func updateStays(e *env) {
	rec := e.put(store.InstanceKey("user", "1"), lasting)
	got := e.update(rec.Ref(), because(store.Updated), func(r *store.Record) error {
		meddle(r)
		r.Instance.Weight = 3
		return nil
	})
	want := copyOf(rec)
	want.Instance.Weight = 3
	want.Revision, want.Changed = got.Revision, got.Revision.Number
	if d := differ(&want, got); d != "" {
		e.t.Errorf("after an update that changed too much: %s", d)
	}
	if !rec.Revision.Before(got.Revision) {
		e.t.Errorf("the revision went from %v to %v", rec.Revision, got.Revision)
	}
	e.alive(got)
	if r := e.renew(rec.Ref()); r.Err != nil || r.TTL != rec.TTL {
		e.t.Errorf("Renew afterwards: %v, %v", r.TTL, r.Err)
	}
	if snap := e.list(store.Selector{Service: "another"}); len(snap.Records) != 0 {
		e.t.Errorf("%d records under the key that an update made up", len(snap.Records))
	}
}

func updateStaysOnly(e *env) {
	rec := e.put(store.InstanceKey("user", "1"), lasting)
	c := e.fromNow()
	got := e.update(rec.Ref(), because(store.Updated), func(r *store.Record) error { meddle(r); return nil })
	if d := differ(rec, got); d != "" {
		e.t.Errorf("after an update of what stays: %s", d)
	}
	e.alive(rec)
	c.silent("an update of what stays")
}

// Changed moves with each field that clients see, whichever it is.
func updateVisible(e *env) {
	key := store.InstanceKey("user", "1")
	rec := e.register(store.Record{Key: key, Owner: "o"}, store.Grant{TTL: lasting})
	whole := full(key, 1).Instance
	for _, f := range visibleFields() {
		got := e.update(rec.Ref(), because(store.Updated), func(r *store.Record) error {
			f.set(&r.Instance, &whole)
			return nil
		})
		if !rec.Revision.Before(got.Revision) || got.Changed != got.Revision.Number {
			e.t.Errorf("a change of %s: revision from %v to %v, changed %d", f.name, rec.Revision, got.Revision, got.Changed)
		}
		e.alive(got)
		rec = got
	}
	if !rec.Instance.Equal(&whole) {
		e.t.Errorf("in the end the instance is %+v, want %+v", rec.Instance, whole)
	}
}

// Tokens are no business of clients: they move the revision and Changed stays.
func updateTokens(e *env) {
	rec := e.put(store.InstanceKey("user", "1"), lasting)
	changes := []func(*store.Tokens){
		func(t *store.Tokens) { t.Newest[31] = 9 },
		func(t *store.Tokens) { t.HasNewest = true },
		func(t *store.Tokens) { t.NewestExpires = 1 },
		func(t *store.Tokens) { t.Used[0]++ },
		func(t *store.Tokens) { t.UsedExpires = 2 },
	}
	for i, change := range changes {
		c := e.fromNow()
		got := e.update(rec.Ref(), because(store.Rotated), func(r *store.Record) error { change(&r.Tokens); return nil })
		want := copyOf(rec)
		change(&want.Tokens)
		want.Revision = got.Revision
		if d := differ(&want, got); d != "" {
			e.t.Errorf("change %d of the tokens: %s", i, d)
		}
		if !rec.Revision.Before(got.Revision) {
			e.t.Errorf("change %d of the tokens moved no revision", i)
		}
		if n := len(c.all()); n != 1 {
			e.t.Errorf("%d events of change %d of the tokens", n, i)
		}
		e.alive(got)
		rec = got
		c.close()
	}
}

func updateOwner(e *env) {
	rec := e.put(store.InstanceKey("user", "1"), lasting)
	got := e.update(rec.Ref(), because(store.Updated), func(r *store.Record) error { r.Owner = "another"; return nil })
	if got.Owner != "another" || !rec.Revision.Before(got.Revision) || got.Changed != rec.Changed {
		e.t.Errorf("owner is %q at %v, changed %d; before at %v, changed %d",
			got.Owner, got.Revision, got.Changed, rec.Revision, rec.Changed)
	}
	e.alive(got)
}

// Whatever the caller may set in a record, an update of it alone is a change.
func updateEveryField(e *env) {
	rec := e.register(store.Record{Key: store.InstanceKey("user", "1")}, store.Grant{TTL: lasting})
	whole := full(rec.Key, 1)
	for _, i := range callersFields() {
		name := reflect.TypeFor[store.Record]().Field(i).Name
		got := e.update(rec.Ref(), because(store.Updated), func(r *store.Record) error {
			reflect.ValueOf(r).Elem().Field(i).Set(reflect.ValueOf(whole).Field(i))
			return nil
		})
		if !rec.Revision.Before(got.Revision) {
			e.t.Errorf("an update of %s alone moved no revision", name)
		}
		e.alive(got)
		rec = got
	}
	if d := differGiven(&whole, rec); d != "" {
		e.t.Errorf("in the end: %s", d)
	}
}

// The function works on the record as it is now, not as the caller of Update knew it.
func updatePresent(e *env) {
	old := e.put(store.InstanceKey("user", "1"), lasting)
	now := e.update(old.Ref(), because(store.Updated), func(r *store.Record) error { r.Instance.Weight = 3; return nil })
	e.update(old.Ref(), because(store.Updated), func(r *store.Record) error {
		if d := differ(now, r); d != "" {
			e.t.Errorf("the function was given an old record: %s", d)
		}
		return nil
	})
}
