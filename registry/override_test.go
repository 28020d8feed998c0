package registry

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/auth"
	"github.com/roster-sd/roster/catalog/catalogtest"
	"github.com/roster-sd/roster/store"
)

var root = Caller{Identity: "root", From: "192.0.2.9"}

// governed is a policy with an administrator, and TTLs that outlast most tests.
func governed() setup {
	leases := defaultPolicy(48 * time.Hour)
	return setup{leases: leases, policy: auth.Policy{Rules: []auth.Rule{
		{Identity: "root", Admin: true}, {Identity: "orders", Register: []string{"*"}, Discover: []string{"*"}}}}}
}

// obeys has nodes follow overrides until the test ends, or the function that it gives is called.
func obeys(nodes ...*node) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, len(nodes))
	for _, n := range nodes {
		go func() { done <- n.FollowOverrides(ctx) }()
	}
	ended := false
	stop = func() {
		if cancel(); ended {
			return
		}
		ended = true
		for _, n := range nodes {
			if err := <-done; !errors.Is(err, context.Canceled) && !errors.Is(err, store.ErrClosed) {
				n.Errorf("FollowOverrides ended with %v", err)
			}
		}
	}
	nodes[0].Cleanup(stop)
	synctest.Wait()
	return stop
}

// governing gives a cluster whose nodes follow overrides.
func governing(t *testing.T, n int) *cluster {
	c := form(t, n, catalogtest.New(catalogtest.Options{}), governed())
	obeys(c.nodes...)
	return c
}

func (n *node) set(id string, q OverrideRequest) {
	n.Helper()
	if q.For == 0 {
		q.For = time.Hour
	}
	if _, err := n.SetOverride(n.Context(), root, "orders", id, q); err != nil {
		n.Fatal(err)
	}
}

func (n *node) lift(id string) {
	n.Helper()
	if err := n.LiftOverride(n.Context(), root, "orders", id); err != nil {
		n.Fatal(err)
	}
}

// words gives the overrides that a node knows, and copies those that instances carry, as text.
func (n *node) words() string {
	var out []string
	for _, rec := range n.overrides.all() {
		out = append(out, word(rec))
	}
	return strings.Join(out, ", ")
}

func copies(records []*store.Record) string {
	var out []string
	for _, rec := range records {
		if rec.Key.Kind == store.KindInstance {
			out = append(out, word(rec))
		}
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

func word(rec *store.Record) string {
	switch o := rec.Instance.Override; {
	case o == nil:
		return rec.Key.ID
	case o.KeptOut:
		return rec.Key.ID + " out"
	default:
		return rec.Key.ID + " " + o.Status
	}
}

func (c *cluster) wantCopies(what, want string) {
	c.Helper()
	if got := copies(c.backend.Snapshot().Records); got != want {
		c.Errorf("%s: instances are %q, want %q", what, got, want)
	}
}

// An instance that registers after an exclusion has ended stays, also where it does so at a
// node that has not heard of the end, and where another hears of the begin only now.
func TestEndedExclusionEvictsNobody(t *testing.T) {
	for _, ends := range []string{"lifted", "over"} {
		t.Run(ends, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := governing(t, 2)
				a, b := c.nodes[0], c.nodes[1]
				a.set("o-1", OverrideRequest{KeepOut: true, For: time.Minute})
				pass(2 * time.Second)
				_, err := b.Register(t.Context(), orders, registration("orders", "o-1"))
				wantErr(t, "while it stands", err, "lease_lost forced")
				c.links[1].Late(3 * time.Second)
				if ends == "lifted" {
					a.lift("o-1")
				} else {
					pass(58*time.Second + 10*time.Millisecond)
				}
				out := b.register(orders, "o-1")
				c.wantCopies("at once", "o-1")
				pass(10 * time.Second)
				c.wantCopies("when all have heard", "o-1")
				wantErr(t, "a heartbeat", b.beat(orders, "o-1", out.Token), "ok")
			})
		})
	}
}

func TestExclusionHeardLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := governing(t, 2)
		a := c.nodes[0]
		c.links[1].Late(3 * time.Second)
		a.set("o-1", OverrideRequest{KeepOut: true})
		a.set("o-2", OverrideRequest{Status: store.StatusOutOfService})
		pass(time.Second)
		a.lift("o-1")
		a.lift("o-2")
		a.register(orders, "o-1")
		a.register(orders, "o-2")
		revision := a.revision()
		pass(10 * time.Second)
		c.wantCopies("when the other has heard", "o-1, o-2")
		if now := a.revision(); now != revision {
			t.Errorf("what is over was written again: %v, %v", revision, now)
		}
	})
}

// What an administrator has lifted is not told again by a feed that is behind.
func TestFeedBehindALift(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := one(t, governed())
		obeys(n)
		release := n.store.hold()
		n.set("o-1", OverrideRequest{Status: store.StatusDraining})
		n.set("o-2", OverrideRequest{Status: store.StatusDraining})
		n.lift("o-1")
		if got := n.words(); got != "o-2 draining" {
			t.Errorf("before the feed tells: %q", got)
		}
		release()
		pass(time.Second)
		if got := n.words(); got != "o-2 draining" {
			t.Errorf("after it: %q", got)
		}
		n.lift("o-2")
		pass(time.Second)
		if len(n.overrides.at) != 0 {
			t.Errorf("something is kept for ever: %+v", n.overrides.at)
		}
	})
}

// What the store answers to a call may be known to be over when the call gets to note it.
func TestAnswerBehindTheFeed(t *testing.T) {
	var o overrides
	rev := func(n uint64) store.Revision { return store.Revision{Epoch: 7, Number: n} }
	key := overrideKey("orders", "o-1")
	rec := &store.Record{Key: key, Revision: rev(5), Instance: store.Instance{Override: &store.Override{Status: store.StatusDraining}}}
	again := *rec
	again.Revision = rev(8)
	o.reset(store.Snapshot{Revision: rev(4)}, 0)
	o.apply([]store.Event{{Revision: rev(5), Record: rec}, {Revision: rev(6), Before: rec}})
	o.put(rec)
	if got := o.all(); len(got) != 0 {
		t.Errorf("an override that is over is back: %+v", got)
	}
	o.apply([]store.Event{{Revision: rev(8), Record: &again}})
	o.lift(key, rev(7))
	if got := o.all(); len(got) != 1 {
		t.Errorf("the end of an earlier one took it away")
	}
}

// What could not be written into an instance is written when that works again, with nobody
// else's help.
func TestOverrideIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := one(t, governed())
		obeys(n)
		for i := range 4 {
			n.register(orders, fmt.Sprint("o-", i))
		}
		copied := func() string {
			snap, err := n.store.inner.List(t.Context(), store.Selector{})
			if err != nil {
				t.Fatal(err)
			}
			return copies(snap.Records)
		}
		n.store.fails(down("test"), "update", "deregister")
		n.set("o-1", OverrideRequest{Status: store.StatusOutOfService, For: 10 * time.Minute})
		n.set("o-2", OverrideRequest{KeepOut: true})
		pass(time.Minute)
		if got := copied(); got != "o-0, o-1, o-2, o-3" {
			t.Errorf("while it fails: %q", got)
		}
		if got := n.logs.count("an override could not be written"); got != 1 {
			t.Errorf("told %d times", got)
		}
		if got := n.store.calls("update"); got > 1000 {
			t.Errorf("tried %d times in a minute", got)
		}
		n.store.fails(nil, "update", "deregister")
		pass(time.Second)
		if got := copied(); got != "o-0, o-1 out_of_service, o-3" {
			t.Errorf("when it works: %q", got)
		}
		n.store.fails(down("test"), "update")
		pass(10 * time.Minute)
		n.store.fails(nil, "update")
		pass(time.Second)
		if got := copied(); got != "o-0, o-1, o-3" {
			t.Errorf("when it is over: %q", got)
		}
	})
}
