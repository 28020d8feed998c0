package storetest

import (
	"slices"

	"github.com/roster-sd/roster/store"
)

var immutableSpecs = []spec{
	{name: "immutable/published-records", prove: immutablePublished},
	{name: "immutable/input-of-register", prove: immutableInput},
	{name: "immutable/input-is-left-alone", prove: immutableLeftAlone},
	{name: "immutable/refs", prove: immutableRefs},
}

// Nothing that happens to a key changes a record that was given out before.
func immutablePublished(e *env) {
	c := e.fromNow()
	rec := e.put(store.InstanceKey("user", "1"), lasting)
	was := copyOf(rec)
	given := []*store.Record{rec, e.get(rec.Key), e.list(store.Selector{}).Records[0], c.soon().Record, e.history(store.Selector{}, 1)[0].Record}
	e.renew(rec.Ref())
	e.update(rec.Ref(), because(store.Updated), func(r *store.Record) error {
		r.Instance.Weight, r.Tokens.HasNewest = 3, true
		r.Instance.Tags = []string{"other", "tags"}
		r.Instance.Metadata = nil
		return nil
	})
	e.put(rec.Key, 2*lasting)
	e.deregister(store.Ref{Key: rec.Key}, because(store.Forced))
	for i, rec := range given {
		if d := differ(&was, rec); d != "" {
			e.t.Errorf("record %d, given out before, changed: %s", i, d)
		}
	}
}

// What the caller does to the record that it passed is nothing to the store.
func immutableInput(e *env) {
	in := sample(store.InstanceKey("user", "1"))
	in.Instance.Tags = append(make([]string, 0, 8), in.Instance.Tags...)
	rec := e.register(in, store.Grant{TTL: lasting})
	was := copyOf(rec)
	in.Instance.Tags[0], in.Instance.Metadata[0].Value = "written", "in place"
	in.Instance.Tags = append(in.Instance.Tags, "more")
	in.Instance.Address, in.Tokens.Used[0] = "changed", 0
	if d := differ(&was, rec); d != "" {
		e.t.Errorf("the record that Register gave: %s", d)
	}
	e.alive(&was)
	got := e.update(rec.Ref(), because(store.Updated), func(r *store.Record) error { r.Instance.Weight = 3; return nil })
	if !slices.Equal(got.Instance.Tags, was.Instance.Tags) || !slices.Equal(got.Instance.Metadata, was.Instance.Metadata) {
		e.t.Errorf("after an update: tags %q, metadata %q", got.Instance.Tags, got.Instance.Metadata)
	}
}

// The store writes into no slice of the caller's, nor behind its end.
func immutableLeftAlone(e *env) {
	in := sample(store.InstanceKey("user", "1"))
	backing := []string{"b", "a", "spare", "spare"}
	in.Instance.Tags = backing[:2]
	pairs := []store.Pair{{Key: "k", Value: "v"}, {Key: "spare"}}
	in.Instance.Metadata = pairs[:1]
	rec := e.register(in, store.Grant{TTL: lasting})
	e.update(rec.Ref(), because(store.Updated), func(r *store.Record) error {
		r.Instance.Tags = slices.Concat(r.Instance.Tags, []string{"c"})
		return nil
	})
	e.deregister(rec.Ref(), because(store.Deregistered))
	if !slices.Equal(backing, []string{"b", "a", "spare", "spare"}) ||
		!slices.Equal(pairs, []store.Pair{{Key: "k", Value: "v"}, {Key: "spare"}}) {
		e.t.Errorf("the store wrote into the caller's slices: %q, %q", backing, pairs)
	}
}

// A batch of refs belongs to the caller.
func immutableRefs(e *env) {
	var refs []store.Ref
	for _, id := range []string{"3", "1", "2"} {
		refs = append(refs, e.put(store.InstanceKey("user", id), lasting).Ref())
	}
	refs = append(refs, store.Ref{Key: store.InstanceKey("user", "0"), Lease: 1}, refs[0])
	was := slices.Clone(refs)
	e.renewAll(refs)
	e.leftOf(refs)
	if !slices.Equal(refs, was) {
		e.t.Errorf("the refs became %v, were %v", refs, was)
	}
}
