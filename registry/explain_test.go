package registry

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/auth"
	"github.com/roster-sd/roster/catalog/catalogtest"
	"github.com/roster-sd/roster/store"
)

func (n *node) explain(id string) Explained {
	n.Helper()
	out, err := n.ExplainInstance(n.Context(), orders, "orders", id, DefaultTold)
	if err != nil {
		n.Fatal(err)
	}
	return out
}

// story gives the events of an explanation in words.
func (x *Explained) story() string {
	var out []string
	for _, ev := range x.Events {
		text := string(ev.Reason.Code)
		for _, ch := range ev.Changes {
			text += " " + ch.Field + ":" + ch.From + ">" + ch.To
		}
		out = append(out, text)
	}
	return strings.Join(out, "; ")
}

// TestExplainLive: an instance is told with who registered it, its changes, rotations, lease
// and gaps.
func TestExplainLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := one(t, setup{leases: defaultPolicy(15 * time.Second), tokens: TokenPolicy{TTL: time.Hour}})
		reg := n.register(orders, "o1")
		pass(5 * time.Second)
		wantErr(t, "beat", n.beat(orders, "o1", reg.Token), "ok")
		pass(12 * time.Second)
		wantErr(t, "late", n.beat(orders, "o1", reg.Token), "ok")
		draining := store.StatusDraining
		if _, err := n.Update(t.Context(), orders, "orders", "o1", reg.Token, Patch{Status: &draining}); err != nil {
			t.Fatal(err)
		}
		rotated, err := n.Rotate(t.Context(), orders, "orders", "o1", reg.Token)
		if err != nil {
			t.Fatal(err)
		}
		pass(3 * time.Second)
		wantErr(t, "with the new token", n.beat(orders, "o1", rotated.Token), "ok")
		pass(time.Second)

		x := n.explain("o1")
		if x.Live == nil || x.Left != nil || x.Hold != nil || x.Override != nil || x.Incomplete || x.Node != "n1" {
			t.Errorf("%+v", x)
		}
		if o := x.Origin; o.Owner != "orders" || o.From != orders.From || o.Node != "n1" || o.Generation != 1 || o.Time != reg.Record.RegisteredAt {
			t.Errorf("origin %+v", o)
		}
		if !x.HasTimeLeft || x.TimeLeft != 14*time.Second || x.Rhythm == nil || x.Rhythm.Largest != 12*time.Second {
			t.Errorf("time left %v, %t, rhythm %+v", x.TimeLeft, x.HasTimeLeft, x.Rhythm)
		}
		if x.Rotations.Count != 1 || x.Rotations.Last == 0 || x.Registrations != 1 {
			t.Errorf("%+v, %d registrations", x.Rotations, x.Registrations)
		}
		if got, want := x.story(), "registered; updated status:up>draining; rotated token:>made; rotated token:>used"; got != want {
			t.Errorf("events: %s, want %s", got, want)
		}
		short, err := n.ExplainInstance(t.Context(), orders, "orders", "o1", 2)
		if err != nil || len(short.Events) != 2 || short.Rotations.Count != 1 || short.Origin.From != orders.From {
			t.Errorf("of two events: %+v, %v", short, err)
		}
	})
}

// TestExplainGone: one that left is told with why, when, where, and its gaps; of one that came
// again, the end of its last life stands beside the present one.
func TestExplainGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := one(t, setup{leases: defaultPolicy(15 * time.Second)})
		reg := n.register(orders, "o1")
		pass(14 * time.Second)
		wantErr(t, "beat", n.beat(orders, "o1", reg.Token), "ok")
		pass(20 * time.Second)
		x := n.explain("o1")
		if x.Live != nil || x.Left == nil || x.Left.Reason.Code != store.Expired || x.Left.Rhythm == nil || x.Left.Rhythm.Largest != 14*time.Second {
			t.Fatalf("expired: %+v, %+v", x, x.Left)
		}
		if rec := x.Left.Record; rec.Owner != "orders" || rec.Instance.Port != 8080 || rec.TTL != 15*time.Second || x.Origin.From != orders.From {
			t.Errorf("%+v, origin %+v", rec, x.Origin)
		}
		if got := x.Left.Time - x.Left.Rhythm.Last; got < 15_000 || got > 15_300 {
			t.Errorf("it left %d ms after its last heartbeat", got)
		}

		reg = n.register(billing, "o1")
		x = n.explain("o1")
		if x.Live == nil || x.Left == nil || x.Left.Reason.Code != store.Expired || x.Left.Record.Generation != 1 || x.Origin.Owner != "billing" || x.Registrations != 2 {
			t.Errorf("again: %+v, %+v", x, x.Left)
		}
		if _, err := n.Deregister(t.Context(), billing, "orders", "o1", reg.Token, Removal{Note: "end of day"}); err != nil {
			t.Fatal(err)
		}
		for range 2 { // by its tombstone, and when that is forgotten by its event
			x = n.explain("o1")
			if why := x.Left.Reason; x.Live != nil || why.Code != store.Deregistered || why.Note != "end of day" || why.Actor != "billing" ||
				why.From != billing.From || why.Node != "n1" || x.Left.Record.Generation != 2 || x.Left.Record.Owner != "billing" {
				t.Errorf("deregistered: %+v, %+v", why, x.Left.Record)
			}
			pass(2 * store.TombstoneAge)
		}
		if got, want := x.story(), "registered; expired; registered; deregistered"; got != want {
			t.Errorf("events: %s, want %s", got, want)
		}
		_, err := n.ExplainInstance(t.Context(), orders, "orders", "never", DefaultTold)
		wantErr(t, "never there", err, "not_found")
		_, err = n.ExplainInstance(t.Context(), orders, "orders", "..", DefaultTold)
		wantErr(t, "no ID", err, "invalid_request")
	})
}

// TestExplainOnEachNode: each node tells of the heartbeats that it took, and all of them tell
// the same of the rest.
func TestExplainOnEachNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := form(t, 2, catalogtest.New(catalogtest.Options{}), setup{leases: defaultPolicy(30 * time.Second)})
		a, b := c.nodes[0], c.nodes[1]
		reg := a.register(orders, "o1")
		pass(4 * time.Second)
		wantErr(t, "through a", a.beat(orders, "o1", reg.Token), "ok")
		if x := b.explain("o1"); x.Rhythm != nil || x.Origin.From != orders.From {
			t.Errorf("a node that took none: %+v", x)
		}
		for range 3 {
			pass(7 * time.Second)
			wantErr(t, "through b", b.beat(orders, "o1", reg.Token), "ok")
		}
		pass(2 * time.Second)
		wantErr(t, "through a again", a.beat(orders, "o1", reg.Token), "ok")
		for want, n := range map[time.Duration]*node{23 * time.Second: a, 7 * time.Second: b} {
			if x := n.explain("o1"); x.Rhythm == nil || x.Rhythm.Largest != want {
				t.Errorf("%v, want %v", x.Rhythm, want)
			}
		}
		pass(40 * time.Second)
		for want, n := range map[time.Duration]*node{23 * time.Second: a, 7 * time.Second: b} {
			if x := n.explain("o1"); x.Left == nil || x.Left.Reason.Code != store.Expired || x.Left.Rhythm == nil || x.Left.Rhythm.Largest != want {
				t.Errorf("gone: %+v, want %v", x.Left, want)
			}
		}
	})
}

// TestExplainInAnOutage: what this node knows is told while the backend is out of reach, and
// why it keeps what has run out.
func TestExplainInAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := catalogtest.New(catalogtest.Options{})
		n := form(t, 1, b, setup{leases: defaultPolicy(30 * time.Second)}).nodes[0]
		n.register(orders, "o1")
		end := n.store.outage()
		pass(2 * time.Second)
		x := n.explain("o1")
		if x.Live == nil || !x.Incomplete || x.HasTimeLeft || x.Rhythm == nil {
			t.Errorf("%+v", x)
		}
		_, err := n.ExplainInstance(t.Context(), orders, "orders", "never", DefaultTold)
		wantErr(t, "one it does not know", err, "unavailable")
		if s, err := n.ExplainService(t.Context(), orders, "orders", DefaultTold); err != nil || !s.Incomplete || s.Instances != 1 {
			t.Errorf("the service: %+v, %v", s, err)
		}
		_, err = n.ExplainService(t.Context(), orders, "nobody", DefaultTold)
		wantErr(t, "a service it does not know", err, "unavailable")
		pass(40 * time.Second)
		end()
		pass(5 * time.Second)
		x = n.explain("o1")
		if x.Live == nil || x.Hold == nil || x.Hold.Because != "the backend was out of reach" || !x.Hold.HasLeft || x.Hold.Left > 30*time.Second || x.Hold.Since == 0 {
			t.Errorf("held: %+v, %+v", x, x.Hold)
		}
		if s, err := n.ExplainService(t.Context(), orders, "orders", DefaultTold); err != nil || s.Suspect != 1 || s.Incomplete {
			t.Errorf("the service: %+v, %v", s, err)
		}
		pass(40 * time.Second)
		if x := n.explain("o1"); x.Live != nil || x.Left.Reason.Code != store.Expired {
			t.Errorf("in the end: %+v", x)
		}
	})
}

// TestExplainOverride: an administrator's word stands in what is told, also of one that it
// removed.
func TestExplainOverride(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := one(t, setup{policy: auth.Policy{Rules: []auth.Rule{
			{Identity: "orders", Register: []string{"*"}, Discover: []string{"*"}}, {Identity: "root", Discover: []string{"*"}, Admin: true}}}})
		root := Caller{Identity: "root", From: "192.0.2.9"}
		n.register(orders, "o1")
		if _, err := n.SetOverride(t.Context(), root, "orders", "o1", OverrideRequest{Status: store.StatusOutOfService, Reason: "it leaks", For: time.Hour}); err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		x := n.explain("o1")
		if x.Live == nil || x.Override == nil || x.Override.By != "root" || x.Override.Reason != "it leaks" {
			t.Errorf("%+v", x.Override)
		}
		if got, want := x.story(), "registered; updated override:none>out_of_service"; got != want {
			t.Errorf("events: %s, want %s", got, want)
		}
		if _, err := n.SetOverride(t.Context(), root, "orders", "o1", OverrideRequest{KeepOut: true, Reason: "stolen", For: time.Hour}); err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		x = n.explain("o1")
		if x.Live != nil || x.Left == nil || x.Left.Reason.Code != store.Forced || x.Override == nil || !x.Override.KeptOut {
			t.Errorf("removed: %+v, %+v", x.Left, x.Override)
		}
	})
}

// TestExplainBeforeTheFeed: one that another node has registered is found though the feed
// has yet to tell of it.
func TestExplainBeforeTheFeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := one(t, setup{})
		other := n.sibling()
		release := n.store.hold()
		other.register(orders, "o1")
		if x := n.explain("o1"); x.Live == nil || x.Origin.Owner != "orders" || x.Rhythm != nil {
			t.Errorf("%+v", x)
		}
		release()
	})
}
