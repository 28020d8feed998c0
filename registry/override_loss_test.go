package registry

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/catalog/catalogtest"
	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/store/memory"
)

// An override that ends while no node is there leaves no trace, and one that began is written.
func TestOverrideEndsWithNobodyThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := form(t, 2, catalogtest.New(catalogtest.Options{}), governed())
		a, b := c.nodes[0], c.nodes[1]
		stop := obeys(a)
		for i := range 3 {
			a.register(orders, fmt.Sprint("o-", i))
		}
		a.set("o-0", OverrideRequest{Status: store.StatusDraining, For: time.Minute})
		pass(time.Second)
		stop()
		c.links[0].Set(catalogtest.Down)
		until := store.At(time.Now().Add(time.Hour))
		for id, o := range map[string]store.Override{"o-1": {KeptOut: true, Until: until}, "o-2": {Status: store.StatusDraining, Until: until}} {
			if _, err := c.links[1].Register(t.Context(), store.Record{Key: overrideKey("orders", id), Instance: store.Instance{Override: &o}},
				store.Grant{TTL: time.Hour}); err != nil {
				t.Fatal(err)
			}
		}
		pass(2 * time.Minute)
		c.wantCopies("with nobody there", "o-0 draining, o-1, o-2")
		obeys(b)
		pass(time.Second)
		c.wantCopies("when one came", "o-0, o-2 draining")
	})
}

// The loss of the backend's data takes no administrator's word away, and what is lifted after it
// does not come back with a node that hears of the loss late.
func TestOverridesOutliveALoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := governing(t, 3)
		a, b := c.nodes[0], c.nodes[1]
		token := a.register(orders, "o-1").Token
		a.set("o-1", OverrideRequest{Status: store.StatusOutOfService, For: time.Hour})
		a.set("o-2", OverrideRequest{KeepOut: true})
		a.set("o-3", OverrideRequest{Status: store.StatusDraining, For: 10 * time.Second})
		a.set("o-4", OverrideRequest{Status: store.StatusDraining})
		pass(2 * time.Second)
		c.links[2].Set(catalogtest.Down)
		c.backend.Stop()
		pass(20 * time.Second)
		c.backend.Lose()
		c.backend.Continue()
		pass(5 * time.Second)
		wantErr(t, "a heartbeat", b.beat(orders, "o-1", token), "ok")
		_, err := b.Register(t.Context(), orders, registration("orders", "o-2"))
		wantErr(t, "one that is kept out", err, "lease_lost forced")
		c.wantCopies("after the loss", "o-1 out_of_service")
		for _, n := range c.nodes[:2] {
			if got := n.words(); got != "o-1 out_of_service, o-2 out, o-4 draining" {
				t.Errorf("after the loss: %q", got)
			}
		}
		b.lift("o-4")
		c.links[2].Set(catalogtest.Whole)
		pass(5 * time.Second)
		for i, n := range c.nodes {
			if got := n.words(); got != "o-1 out_of_service, o-2 out" {
				t.Errorf("in the end node %d knows %q", i, got)
			}
		}
		// What is left of its time, and not all of it.
		pass(time.Hour - 30*time.Second)
		c.wantCopies("when its time is over", "o-1")
	})
}

// A restart does not make an override stand for longer than was said, nor a lease that the
// backend began anew.
func TestOverrideEndsInTimeAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "state")
		begin := func() (n *node, end func()) {
			state, err := memory.OpenState(path, nil)
			if err != nil {
				t.Fatal(err)
			}
			st := memory.Open(memory.Options{State: state})
			n = on(t, st, governed())
			stop := obeys(n)
			return n, func() {
				stop()
				n.stop()
				if err := st.Close(); err != nil {
					t.Error(err)
				}
			}
		}
		n, end := begin()
		n.register(orders, "o-1")
		n.register(orders, "o-2")
		n.set("o-1", OverrideRequest{Status: store.StatusOutOfService, For: 10 * time.Minute})
		n.set("o-2", OverrideRequest{KeepOut: true, For: 10 * time.Minute})
		pass(9 * time.Minute)
		end()
		n, end = begin()
		pass(10 * time.Second)
		if got := n.words(); got != "o-1 out_of_service, o-2 out" {
			t.Errorf("after a restart: %q", got)
		}
		pass(time.Minute)
		if got := n.words(); got != "" {
			t.Errorf("after its time: %q", got)
		}
		if rec, err := n.store.Get(t.Context(), keyOf("o-1")); err != nil || rec.Instance.Override != nil {
			t.Errorf("after its time: %+v, %v", rec, err)
		}
		n.register(orders, "o-2")
		n.set("o-1", OverrideRequest{Status: store.StatusOutOfService, For: 10 * time.Minute})
		pass(time.Minute)
		end()
		pass(time.Hour) // its time is over while nobody is there
		n, end = begin()
		pass(time.Second)
		if rec, err := n.store.Get(t.Context(), keyOf("o-1")); err != nil || rec.Instance.Override != nil || n.words() != "" {
			t.Errorf("its time was over before the start: %+v, %v, %q", rec, err, n.words())
		}
		end()
	})
}

// Very many overrides cost a node that starts no call to the store each, and their end at one
// moment is seen to in time.
func TestVeryManyOverrides(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const many = 10_000
		c := form(t, 1, catalogtest.New(catalogtest.Options{}), governed())
		n, link := c.nodes[0], c.links[0]
		until := store.At(time.Now().Add(time.Hour))
		for i := range many {
			id := fmt.Sprint("o-", i)
			o := &store.Override{Status: store.StatusDraining, By: "root", Until: until}
			if _, err := link.Register(t.Context(), store.Record{Key: overrideKey("orders", id), Instance: store.Instance{Override: o}}, store.Grant{TTL: time.Hour}); err != nil {
				t.Fatal(err)
			}
			if i%100 == 0 {
				if _, err := link.Register(t.Context(), store.Record{Key: keyOf(id)}, store.Grant{}); err != nil {
					t.Fatal(err)
				}
			}
		}
		before := link.Calls("get") + link.Calls("update")
		obeys(n)
		pass(time.Second)
		drained := strings.Count(copies(c.backend.Snapshot().Records), "draining")
		if calls := link.Calls("get") + link.Calls("update") - before; drained != many/100 || calls > 3*many/100 {
			t.Errorf("%d instances have one, after %d calls", drained, calls)
		}
		pass(time.Hour)
		if got := copies(c.backend.Snapshot().Records); strings.Contains(got, "draining") || len(n.overrides.all()) != 0 {
			t.Errorf("after their time: %d are known, %q", len(n.overrides.all()), got)
		}
	})
}
