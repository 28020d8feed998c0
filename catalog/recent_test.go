package catalog

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/store"
)

// beat notes a sign of life as a heartbeat does.
func (r *rig) beat(service, id string) {
	r.Helper()
	r.settle()
	h, ok := r.Find(service, id)
	if !ok {
		r.Fatalf("%s/%s is not known", service, id)
	}
	h.Heard(store.Now())
}

// TestRecent: the strategy finds the one last heard of, whatever came and went since.
func TestRecent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Options{})
		check := func(what, id string) {
			t.Helper()
			r.pass(10 * time.Millisecond)
			want(t, what, r.pick("a", Choice{Strategy: Recent}), id)
			want(t, what+", with a filter", r.pick("a", Choice{Strategy: Recent, Filter: Filter{Status: store.StatusUp}}), id)
		}
		for i := range 5 {
			r.put("a", fmt.Sprint(i))
			r.pass(10 * time.Millisecond)
		}
		check("the last registered", "4")
		r.beat("a", "1")
		check("one that renewed", "1")
		r.change("a", "3", weight(1))
		check("after a change of another", "1")
		r.beat("a", "2")
		r.change("a", "2", status(store.StatusDraining))
		check("the last drains", "1")
		r.change("a", "2", status(store.StatusUp))
		check("and is up again", "2")
		r.drop("a", "2")
		check("the last went", "1")
		r.beat("a", "0")
		check("another renewed", "0")
		r.put("a", "0")
		check("it registered again", "0")
		r.put("a", "3")
		check("another registered again", "3")
		r.beat("a", "0")
		r.put("a", "suspect", health(store.HealthSuspect))
		r.beat("a", "suspect")
		check("a suspect is second", "0")
		h, _ := r.Find("a", "3")
		h.Heard(h.Packed.RegisteredAt() - 1)
		check("a sign of life from before", "0")
		if item, _, _ := r.Get("a", "3"); item.LastHeartbeat != h.Packed.RegisteredAt() {
			t.Errorf("last heard of at %d, registered at %d", item.LastHeartbeat, h.Packed.RegisteredAt())
		}
		// A sign of one that is gone, found before it went.
		h, _ = r.Find("a", "1")
		r.drop("a", "1")
		r.settle()
		h.Heard(store.Now())
		check("a sign of one that is gone", "0")
		r.audit()
	})
}

// TestRecentAfterList: a list comes in no order; the last registered is the last heard of.
func TestRecentAfterList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := prepare(t, Options{})
		for i := range 100 {
			r.put("a", fmt.Sprint((i*37)%100))
			time.Sleep(10 * time.Millisecond)
		}
		r.run()
		r.settle()
		want(t, "after the list", r.pick("a", Choice{Strategy: Recent}), fmt.Sprint((99*37)%100))
	})
}

// TestRecentAtOnce: of signs of life that come at the same time, the latest stands.
func TestRecentAtOnce(t *testing.T) {
	s := newService("a", store.Revision{})
	const n = 64
	var entries [n]*entry
	for i := range entries {
		rec := record("a", fmt.Sprint(i))
		entries[i] = entryOf(store.Pack(&rec), nil)
		s.put(entries[i])
	}
	for round := range 200 {
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Go(func() {
				for k := i; k < n; k += 4 {
					s.heard(entries[k].state, store.Millis(round*n+k))
				}
			})
		}
		wg.Wait()
		if got := s.recent.Load(); got != entries[n-1].state {
			t.Fatalf("round %d: the last is %d", round, got.last.Load()-int64(round*n))
		}
	}
}
