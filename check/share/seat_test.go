package share

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/catalog/catalogtest"
	"github.com/roster-sd/roster/store"
)

// sees checks what a node sees.
func (n *node) sees(when string, want ...string) {
	n.Helper()
	got := slices.Clone(n.seat.View().Nodes)
	for i := range got { // a suffix is chance
		got[i], _, _ = strings.Cut(got[i], "~")
	}
	if !slices.Equal(got, want) {
		n.Errorf("%s %s sees %v, want %v", when, n.name, got, want)
	}
}

// TestSeat: nodes find each other at once, lose one that ends in order at once, and one that
// is cut off within the time of its lease. Its own renewals wake nobody.
func TestSeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := form(t, 2)
		third := w.join()
		pass(100 * time.Millisecond)
		for _, n := range w.nodes {
			n.sees("together", "n1", "n2", "n3")
		}
		revision := w.backend.Snapshot().Revision
		pass(time.Hour)
		if now := w.backend.Snapshot().Revision; now != revision {
			t.Errorf("an hour of presence moved the revision from %v to %v", revision, now)
		}
		third.stop()
		pass(100 * time.Millisecond)
		w.nodes[0].sees("one ended", "n1", "n2")
		w.nodes[1].link.Set(catalogtest.Down)
		pass(SeatTTL + time.Second)
		w.nodes[0].sees("one is cut off", "n1")
		w.nodes[1].sees("cut off itself")
		w.nodes[1].link.Set(catalogtest.Whole)
		pass(time.Second)
		for _, n := range w.nodes[:2] {
			n.sees("back", "n1", "n2")
		}
	})
}

// TestSeatOfABlindNode: a node takes itself for absent when its lease must be over, whatever its
// feed still shows; and when its feed is broken for long, whatever its lease.
func TestSeatOfABlindNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := form(t, 2)
		n := w.nodes[0]
		n.link.Late(20 * time.Second)
		n.link.Fail("renew", catalogtest.Unavailable("renew"))
		n.link.Fail("register", catalogtest.Unavailable("register"))
		pass(SeatTTL + time.Millisecond)
		n.sees("it cannot renew")
		w.nodes[1].sees("the other cannot renew", "n2")
		n.link.Late(0)
		n.link.Fail("renew", nil)
		n.link.Fail("register", nil)
		pass(time.Minute)
		n.sees("it can again", "n1", "n2")

		n.link.Fail("list", catalogtest.Unavailable("list"))
		n.link.Fail("watch", catalogtest.Unavailable("watch"))
		n.link.Fail("next", catalogtest.Unavailable("next"))
		pass(SeatTTL - time.Second)
		n.sees("the feed is broken for a moment", "n1", "n2")
		pass(2 * time.Second)
		n.sees("the feed is broken")
		w.nodes[1].sees("the feed of the other is broken", "n1", "n2")
		for _, method := range []string{"list", "watch", "next"} {
			n.link.Fail(method, nil)
		}
		pass(time.Second)
		n.sees("the feed is whole", "n1", "n2")
	})
}

// TestSeatOfOneName: two nodes of one name do not drive each other out, and one that starts again
// at once does not wait for the end of its own lease.
func TestSeatOfOneName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := form(t, 1)
		link := w.backend.Node()
		defer link.Close()
		twin := NewSeat(SeatOptions{Store: link, Node: "n1"})
		done := make(chan error)
		go func() { done <- twin.Run(t.Context()) }()
		pass(time.Minute)
		w.nodes[0].sees("two of one name", "n1", "n1")
		v := twin.View()
		if len(v.Nodes) != 2 || !strings.HasPrefix(v.Self, "n1~") || v.While.Key.ID != v.Self || v.While.Lease == 0 {
			t.Errorf("the twin sees %+v", v)
		}
		link.Close()
		<-done
		pass(SeatTTL + time.Second)
		w.nodes[0].sees("the twin is gone", "n1")
	})
}

// TestSeatIsLost: a seat that the backend lost is taken again at once.
func TestSeatIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := form(t, 3)
		for _, what := range []func(){w.backend.Lose, func() { w.backend.EndEarly(w.nodes[0].seat.View().While.Key) },
			func() {
				if _, err := w.nodes[1].link.Deregister(t.Context(), store.Ref{Key: w.nodes[0].seat.View().While.Key}, store.Reason{}); err != nil {
					t.Fatal(err)
				}
			}} {
			what()
			pass(2 * time.Second)
			for _, n := range w.nodes {
				n.sees("after a loss", "n1", "n2", "n3")
			}
		}
	})
}
