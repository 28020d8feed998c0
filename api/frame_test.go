package api

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/roster-sd/roster/catalog"
	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/store/memory"
)

// The text of an event is made once and shared by all streams that tell of it; only that an
// instance left a filter is told to one at a time.
func TestFramesAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := memory.Open(memory.Options{})
		cat := catalog.New(catalog.Options{Store: st, Encode: EncodeInstance})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- cat.Run(ctx) }()
		t.Cleanup(func() {
			cancel()
			<-done
			st.Close()
		})
		<-cat.Warm()
		sub, _ := cat.Subscribe(nil)
		defer sub.Close()
		key := store.InstanceKey("orders", "o-1")
		in := store.Instance{Address: "10.0.0.1", Port: 80, Weight: 100, Zone: "a", Status: store.StatusUp, Health: store.HealthPassing}
		if _, err := st.Register(ctx, store.Record{Key: key, Instance: in}, store.Grant{}); err != nil {
			t.Fatal(err)
		}
		if _, err := st.Deregister(ctx, store.Ref{Key: key}, store.Reason{}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		changes, err := sub.Take()
		if err != nil || len(changes) != 2 {
			t.Fatalf("%d changes, %v", len(changes), err)
		}
		all := func(string) bool { return true }
		one, two := &stream{filter: &catalog.Filter{}, allowed: all}, &stream{filter: &catalog.Filter{Zone: "a"}, allowed: all}
		for _, ch := range changes {
			if a, b := one.frame(ch), two.frame(ch); len(a) == 0 || &a[0] != &b[0] {
				t.Errorf("two streams have each their own %s", a)
			}
		}
		hidden := &stream{filter: &catalog.Filter{}, allowed: func(string) bool { return false }}
		other := &stream{filter: &catalog.Filter{Zone: "b"}, allowed: all}
		for _, ch := range changes {
			if f := hidden.frame(ch); f != nil {
				t.Errorf("one that may not see it is told %s", f)
			}
			if f := other.frame(ch); f != nil {
				t.Errorf("one that looks elsewhere is told %s", f)
			}
		}
	})
}
