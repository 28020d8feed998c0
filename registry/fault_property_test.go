package registry

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/roster-sd/roster/catalog"
	"github.com/roster-sd/roster/catalog/catalogtest"
)

// fault is a step of a history: what happens, to which node, and how long it is before the next.
type fault struct {
	Kind, Node, Seconds int
}

// The kinds of fault.
const (
	faultDown = iota
	faultMute
	faultWhole
	faultStop
	faultContinue
	faultLose
	faultCompact
	faultBlind
	faultLate
	faultOwnerStops
	faultOwnerComes
	faults
)

// TestInvariantFaults are I4, I7 and I9 under random faults of a backend that keeps its
// promises, and of the ways to it: nobody who renews is ever seen to leave, no revision goes
// back, and when all is well again every node shows what the store has, without those that
// stopped, a TTL and two seconds later.
func TestInvariantFaults(t *testing.T) {
	gen := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) fault {
		return fault{
			Kind:    rapid.IntRange(0, faults-1).Draw(t, "kind"),
			Node:    rapid.IntRange(0, 2).Draw(t, "node"),
			Seconds: rapid.SampledFrom([]int{0, 0, 1, 3, 10, 40}).Draw(t, "seconds"),
		}
	}), 4, 25)
	looks, beats := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		history := gen.Draw(rt, "history")
		back := rapid.SampledFrom([]time.Duration{0, 500 * time.Millisecond}).Draw(rt, "keep back")
		var wrong []string
		synctest.Test(t, func(t *testing.T) {
			c := form(t, 3, catalogtest.New(catalogtest.Options{KeepBack: back}), setup{})
			wrong = c.suffer(history)
			looks, beats = looks+c.checked, beats+c.beaten
		})
		if len(wrong) > 0 {
			rt.Fatal(wrong)
		}
	})
	t.Logf("%d looks and %d heartbeats were checked", looks, beats)
}

// suffer plays a history, and gives what was wrong.
func (c *cluster) suffer(history []fault) []string {
	const ttl = 30 * time.Second
	come := func(i int) {
		id := fmt.Sprint("o", i)
		out, err := c.nodes[i%3].Register(c.ctx, orders, registration("orders", id))
		if err != nil {
			return // in an outage nobody comes
		}
		synctest.Wait()
		for _, n := range c.nodes {
			if n.shown()[id] == "" {
				return // cut off, and not known to be yet: it is missed there in any case
			}
		}
		c.owner(id, out.Token, i%3, 9*time.Second)
	}
	for i := range 6 {
		come(i)
		pass(time.Second)
	}
	c.look()
	comers := 6
	for _, f := range history {
		link := c.links[f.Node]
		switch f.Kind {
		case faultDown:
			link.Set(catalogtest.Down)
		case faultMute:
			link.Set(catalogtest.Mute)
		case faultWhole:
			link.Set(catalogtest.Whole)
		case faultStop:
			c.backend.Stop()
		case faultContinue:
			c.backend.Continue()
		case faultLose:
			c.backend.Lose()
		case faultCompact:
			c.backend.Compact()
		case faultBlind:
			link.Blind(f.Seconds > 1)
		case faultLate:
			link.Late(time.Duration(f.Seconds) * 20 * time.Millisecond)
		case faultOwnerStops:
			c.stop(fmt.Sprint("o", f.Node), fmt.Sprint("o", comers))
		case faultOwnerComes:
			if c.quiet() {
				comers++
				come(comers)
			}
		}
		pass(time.Duration(f.Seconds) * time.Second)
	}
	c.backend.Continue()
	for _, l := range c.links {
		l.Set(catalogtest.Whole)
		l.Blind(false)
		l.Late(0)
	}
	pass(2 * time.Second)
	for i, n := range c.nodes {
		if age, stale := n.Catalog().Stale(); stale {
			c.fails("node %d is stale for %v", i, age)
		}
	}
	pass(ttl)
	stored := make(map[string]bool)
	for _, r := range c.backend.Snapshot().Records {
		stored[r.Key.ID] = true
	}
	if gone := c.missing(stored); len(gone) > 0 || len(stored) != len(c.alive) {
		c.fails("in the end the store has %v; it lacks %v", stored, gone)
	}
	for i, n := range c.nodes {
		shown := n.shown()
		for id, health := range shown {
			if !stored[id] || health != "passing" {
				c.fails("in the end node %d shows %s as %s", i, id, health)
			}
		}
		if len(shown) != len(stored) || !n.Catalog().Position().IsPure() || n.Catalog().Held() != [catalog.Causes]int{} {
			c.fails("in the end node %d shows %d of %d, at %v", i, len(shown), len(stored), n.Catalog().Position())
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.wrong)
}

// quiet tells whether all nodes have the backend, and show it: whoever registers now is seen
// on all of them.
func (c *cluster) quiet() bool {
	rev := c.backend.Snapshot().Revision
	for _, n := range c.nodes {
		if _, stale := n.Catalog().Stale(); stale || n.Catalog().Revision() != rev {
			return false
		}
	}
	return true
}
