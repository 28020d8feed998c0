package api_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/roster-sd/roster/catalog"
	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/wire"
)

// A client that comes back with a position that is known gets what it missed, and no snapshot.
func TestWatchResumes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simulate(t, setup{})
		n.put("orders", "o-1", nil)
		synctest.Wait()
		s := n.watch("/registry/watch?service=orders")
		_, _, position := s.snapshot()
		s.leave()
		n.put("orders", "o-2", zone("a"))
		n.put("shop", "s-1", zone("a"))
		n.drop("orders", "o-1", store.Reason{Note: "gone meanwhile"})
		n.update("orders", "o-2", zone("b"))
		synctest.Wait()
		for query, want := range map[string]string{
			"?service=orders":                     "put o-2; delete o-1 deregistered; put o-2",
			"?service=orders&zone=a":              "put o-2; delete o-2 unmatched",
			"":                                    "put o-2; put s-1; delete o-1 deregistered; put o-2",
			"?service=shop":                       "put s-1",
			"?service=shop&service=orders&zone=b": "put o-2",
			"?service=never":                      "",
		} {
			s := n.watch("/registry/watch"+query, lastEvent(position))
			s.comment("resumed")
			if got := s.told(strings.Count(want, ";") + min(len(want), 1)); got != want {
				t.Errorf("%s: %s, want %s", query, got, want)
			}
		}
		// From where it stands now nothing was missed, and the stream goes on.
		s = n.watch("/registry/watch?service=orders", lastEvent(n.catalog.Revision().String()))
		s.comment("resumed")
		n.put("orders", "o-3", nil)
		if in, _ := s.put(); in.InstanceID != "o-3" {
			t.Errorf("%+v", in)
		}
	})
}

// A position that is not known, or not any more, begins with a snapshot.
func TestWatchThatCannotResume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simulate(t, setup{catalog: func(o *catalog.Options) { o.LogChanges = 4 }})
		old := n.put("orders", "o-0", nil).Revision
		synctest.Wait()
		for i := range 6 {
			n.put("orders", fmt.Sprintf("o-%d", i+1), nil)
			synctest.Wait()
		}
		now := n.catalog.Revision()
		for name, position := range map[string]string{
			"too old":          old.String(),
			"the very first":   store.Revision{Epoch: now.Epoch, Number: 1}.String(),
			"of another epoch": store.Revision{Epoch: now.Epoch + 1, Number: now.Number}.String(),
			"with a suffix":    now.String() + "-n2",
			"garbage":          "garbage",
			"of letters":       "a.b",
			"spelt otherwise":  "0" + now.String(),
			"very long":        strings.Repeat("9", 100),
		} {
			s := n.watch("/registry/watch", lastEvent(position))
			if list, _, at := s.snapshot(); len(list) != 7 || at != now.String() {
				t.Errorf("%s: a snapshot of %d at %s", name, len(list), at)
			}
			s.leave()
		}
		known := store.Revision{Epoch: now.Epoch, Number: now.Number - 4}
		s := n.watch("/registry/watch", lastEvent(known.String()))
		s.comment("resumed")
		if got := s.told(4); got != "put o-3; put o-4; put o-5; put o-6" {
			t.Errorf("from the last known position: %s", got)
		}
	})
}

// A reader that falls behind is told so, and starts over.
func TestWatchResyncsASlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simulate(t, setup{catalog: func(o *catalog.Options) { o.Pending = 4 }})
		slow, quick := n.watch("/registry/watch"), n.watch("/registry/watch")
		slow.snapshot()
		quick.snapshot()
		for i := range 12 {
			n.put("orders", fmt.Sprintf("o-%02d", i), nil)
			synctest.Wait()
			quick.put()
		}
		if in, _ := slow.put(); in.InstanceID != "o-00" { // was on its way
			t.Errorf("first: %+v", in)
		}
		if f := slow.next(wire.WatchResync); f.data != "{}" || f.hasID {
			t.Errorf("resync: %+v", f)
		}
		list, _, position := slow.snapshot()
		if len(list) != 12 || position != n.catalog.Revision().String() {
			t.Errorf("a snapshot of %d at %s", len(list), position)
		}
		n.put("orders", "o-99", nil)
		for _, s := range []*stream{slow, quick} {
			if in, _ := s.put(); in.InstanceID != "o-99" {
				t.Errorf("afterwards: %+v", in)
			}
		}
		if got := n.catalog.Stats().Lagged; got != 1 {
			t.Errorf("%d were told to resync", got)
		}
	})
}
