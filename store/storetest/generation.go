package storetest

import (
	"errors"

	"github.com/roster-sd/roster/store"
)

var generationSpecs = []spec{
	{name: "generation/grows-on-replacement", prove: generationReplace},
	{name: "generation/grows-after-deregister", prove: generationDeregister},
	{name: "generation/grows-after-expiry", prove: generationExpiry},
	{name: "generation/grows-after-resurrection", prove: generationResurrection},
	{name: "generation/grows-after-the-tombstone-is-forgotten", prove: generationForgotten, needs: []need{needFakeTime}},
	{name: "generation/only-registering-moves-it", prove: generationStays},
}

// nextGeneration registers the key again and checks that its generation is later.
func (e *env) nextGeneration(after *store.Record) *store.Record {
	e.t.Helper()
	rec := e.put(after.Key, lasting)
	if rec.Generation <= after.Generation {
		e.t.Fatalf("generation %d follows %d", rec.Generation, after.Generation)
	}
	return rec
}

func generationReplace(e *env) {
	rec := e.put(store.InstanceKey("user", "1"), lasting)
	for range 5 {
		rec = e.nextGeneration(rec)
	}
}

func generationDeregister(e *env) {
	rec := e.put(store.InstanceKey("user", "1"), lasting)
	for range 3 {
		e.deregister(rec.Ref(), because(store.Deregistered))
		rec = e.nextGeneration(rec)
	}
}

func generationExpiry(e *env) { e.nextGeneration(e.expired(store.InstanceKey("user", "1"))) }

// A resurrection brings a generation of its own; the next registration is after it even
// where the store had never heard of it.
func generationResurrection(e *env) {
	key := store.InstanceKey("user", "1")
	rec := e.put(key, lasting)
	e.deregister(rec.Ref(), because(store.Deregistered))
	other := store.InstanceKey("user", "2")
	back, err := e.resurrect(other, rec.Generation+40, 1000)
	if err != nil {
		e.t.Fatalf("resurrection of a key that never lived: %v", err)
	}
	e.nextGeneration(back)
	e.nextGeneration(rec)
}

// Tokens bind to a generation, so no generation of a key comes twice, however long it
// was away.
func generationForgotten(e *env) {
	rec := e.put(store.InstanceKey("user", "1"), lasting)
	for range 3 {
		rec = e.nextGeneration(rec)
	}
	e.deregister(rec.Ref(), because(store.Deregistered))
	e.advance(3 * store.TombstoneAge)
	e.nextGeneration(rec)
}

func generationStays(e *env) {
	rec := e.put(store.InstanceKey("user", "1"), lasting)
	e.renew(rec.Ref())
	got := e.update(rec.Ref(), because(store.Updated), func(r *store.Record) error { r.Instance.Weight = 7; return nil })
	_, err := e.s.Register(e.ctx, sample(rec.Key), store.Grant{TTL: lasting, If: store.Condition{Absent: true}})
	if !errors.Is(err, store.ErrConflict) {
		e.t.Fatalf("Register if absent: %v", err)
	}
	if got.Generation != rec.Generation || e.get(rec.Key).Generation != rec.Generation {
		e.t.Errorf("generation moved from %d to %d without a registration", rec.Generation, got.Generation)
	}
}
