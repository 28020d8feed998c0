package catalog

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/store"
)

// TestConsistent: it shows what the store has, also where the catalog lags, with the
// store's word on when each instance was last heard of; the catalog stays as it is.
func TestConsistent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Options{})
		r.put("a", "1")
		r.put("a", "2")
		r.put("b", "1")
		r.settle()
		defer r.feed.hold()()
		r.drop("a", "1")
		r.put("a", "0", status(store.StatusDraining))
		last := r.putFor("a", "3", time.Minute)
		r.pass(10 * time.Second)
		if _, err := r.store.Renew(t.Context(), []store.Ref{last.Ref()}); err != nil {
			t.Fatal(err)
		}
		renewed := store.Now()
		r.pass(5 * time.Second)

		x, err := r.Consistent(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		want(t, "the store", ids(x.View()), "0 2 3")
		want(t, "the catalog", ids(r.Service("a")), "1 2")
		v, snap := x.View(), r.list()
		if v.Name != "a" || v.Len() != 3 || v.Revision != Pure(snap.Revision) || v.Changed != Pure(snap.Revision) {
			t.Errorf("view %+v", v)
		}
		if item, ok := x.Get("3"); !ok || item.Packed() != store.Pack(last) || item.LastHeartbeat != renewed {
			t.Errorf("renewed at %d, and last heard of at %d", renewed, item.LastHeartbeat)
		}
		if _, ok := x.Get("1"); ok {
			t.Error("it has one that the store has not")
		}
		for range 3 {
			out := x.Resolve(Choice{Strategy: Recent})
			if !out.Found || out.Item.Packed() != store.Pack(last) || out.Live != 3 || out.Revision != Pure(snap.Revision) {
				t.Fatalf("the most recent: %+v", out)
			}
		}
		if out := x.Resolve(Choice{Filter: Filter{Version: "9"}}); out.Found || out.Live != 3 {
			t.Errorf("with a filter that none matches: %+v", out)
		}

		x, err = r.Consistent(t.Context(), "unknown")
		if err != nil {
			t.Fatal(err)
		}
		if out := x.Resolve(Choice{}); out.Found || out.Live != 0 || x.View().Len() != 0 {
			t.Errorf("of an unknown service: %+v", out)
		}
		r.feed.breaks(errDown)
		if _, err := r.Consistent(t.Context(), "a"); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("without a store: %v", err)
		}
	})
}

// TestConsistentRecent: the store gives its records in no order.
func TestConsistentRecent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Options{})
		var refs []store.Ref
		for i := range 50 {
			refs = append(refs, r.putFor("a", fmt.Sprint(i), time.Hour).Ref())
		}
		for i := range refs {
			r.pass(time.Second)
			if _, err := r.store.Renew(t.Context(), refs[(i*7)%50:][:1]); err != nil {
				t.Fatal(err)
			}
		}
		x, err := r.Consistent(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		out := x.Resolve(Choice{Strategy: Recent})
		want(t, "the most recent", out.Item.Record().Key.ID, fmt.Sprint((49*7)%50))
	})
}

// TestConsistentTurn: round robin goes on over answers that each are made of a new list.
func TestConsistentTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Options{})
		r.crowd("a", 4)
		got := make(map[string]int)
		const n = 4_000
		for range n {
			x, err := r.Consistent(t.Context(), "a")
			if err != nil {
				t.Fatal(err)
			}
			got[x.Resolve(Choice{}).Item.Record().Key.ID]++
		}
		for id, k := range got {
			if k < n/4-200 || k > n/4+200 { // 7 standard deviations of a choice by chance
				t.Errorf("%s chosen %d times of %d", id, k, n)
			}
		}
	})
}
