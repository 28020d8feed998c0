package memory

import (
	"context"
	"errors"
	"testing"

	"github.com/roster-sd/roster/store"
)

func TestUpdateTriesAgain(t *testing.T) {
	f := open(t, Options{})
	rec := f.register("a", 0)
	add := func(what string) func(r *store.Record) error {
		return func(r *store.Record) error {
			r.Owner += what
			r.Key.ID, r.Generation, r.TTL, r.RegisteredAt, r.Lease, r.Changed = "b", 99, 99, 99, 99, 99
			return nil
		}
	}
	calls := 0
	got, err := f.Update(t.Context(), rec.Ref(), store.Reason{}, func(r *store.Record) error {
		if calls++; calls == 1 { // somebody else is faster
			if _, err := f.Update(t.Context(), rec.Ref(), store.Reason{}, add("x")); err != nil {
				t.Error(err)
			}
		}
		return add("y")(r)
	})
	if err != nil || calls != 2 || got.Owner != "xy" {
		t.Fatalf("Update = %+v, %v after %d calls", got, err, calls)
	}
	if got.Key != rec.Key || got.Generation != 1 || got.TTL != 0 || got.RegisteredAt != rec.RegisteredAt || got.Lease != 0 || got.Changed != rec.Changed {
		t.Errorf("what must stay did not: %+v", got)
	}
	if rec.Owner != "" || !same(f.gets(rec.Key), got) {
		t.Error("the published record was written to, or the new one is not the one stored")
	}

	var kept *store.Record
	got, err = f.Update(t.Context(), rec.Ref(), store.Reason{}, func(r *store.Record) error {
		kept = r
		return add("z")(r)
	})
	if err != nil {
		t.Fatal(err)
	}
	if kept.Owner = "written later"; f.gets(rec.Key).Owner != "xyz" {
		t.Error("who kept the copy can write to the published record")
	}

	refused := errors.New("no")
	if _, err := f.Update(t.Context(), rec.Ref(), store.Reason{}, func(*store.Record) error { return refused }); err != refused {
		t.Errorf("err = %v, want the function's own", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err = f.Update(ctx, rec.Ref(), store.Reason{}, func(r *store.Record) error { cancel(); return add("z")(r) })
	if !errors.Is(err, context.Canceled) || !same(f.gets(rec.Key), got) {
		t.Errorf("err = %v after the context ended", err)
	}
	_, err = f.Update(t.Context(), rec.Ref(), store.Reason{}, func(r *store.Record) error {
		if _, err := f.Deregister(t.Context(), rec.Ref(), store.Reason{}); err != nil {
			t.Error(err)
		}
		return add("z")(r)
	})
	f.wantErr(err, store.ErrLeaseLost)
}
