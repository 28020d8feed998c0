package registry

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/roster-sd/roster/catalog/catalogtest"
	"github.com/roster-sd/roster/store"
)

// govern is a step of a history of overrides: what happens, to which instance, through which
// node, and how long it is before the next.
type govern struct {
	Kind, Instance, Node, Millis int
	With                         int // what happens at the same moment, through the next node; negative: nothing
}

// The kinds of step. Those before racing may happen at the same moment as another.
const (
	governStatus = iota
	governKeepOut
	governLift
	governRegister
	governRemove // by an administrator, without an exclusion
	racing
	governDown = iota - 1
	governWhole
	governLate
	governCompact
	governFails
	governLose
	governs
)

// expected is what a simple model says of an instance and its override. Where two things
// happened at the same moment, or the backend lost its data, either outcome may be right.
type expected struct {
	word                    *OverrideRequest
	until                   time.Time
	lives                   bool
	wordUnsure, livesUnsure bool
}

// TestInvariantOverrides: whatever the order in which overrides are set, lifted and end and
// instances come and go, at three nodes whose feeds lag and whose links break, in the end the
// store has the overrides that a simple model has; every instance carries a copy of its own and
// no other; none that is kept out is there, and of the others nobody is lost.
func TestInvariantOverrides(t *testing.T) {
	gen := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) govern {
		return govern{
			Kind:     rapid.IntRange(0, governs-1).Draw(t, "kind"),
			Instance: rapid.IntRange(0, 2).Draw(t, "instance"),
			Node:     rapid.IntRange(0, 2).Draw(t, "node"),
			Millis:   rapid.SampledFrom([]int{0, 0, 1, 30, 500, 4000, 70_000}).Draw(t, "millis"),
			With:     rapid.IntRange(-4, racing-1).Draw(t, "with"),
		}
	}), 4, 30)
	steps := 0
	rapid.Check(t, func(rt *rapid.T) {
		history := gen.Draw(rt, "history")
		var wrong []string
		synctest.Test(t, func(t *testing.T) {
			c := governing(t, 3)
			wrong = c.governed(history)
		})
		if steps += len(history); len(wrong) > 0 {
			rt.Fatal(wrong)
		}
	})
	t.Logf("%d steps", steps)
}

// governed plays a history, and gives what was wrong.
func (c *cluster) governed(history []govern) []string {
	var model [3]expected
	lost := false
	for _, g := range history {
		link := c.links[g.Node]
		switch g.Kind {
		case governDown:
			link.Set(catalogtest.Down)
		case governWhole:
			link.Set(catalogtest.Whole)
		case governLate:
			link.Late(time.Duration(g.Instance) * 700 * time.Millisecond)
		case governCompact:
			c.backend.Compact()
		case governFails:
			var err error
			if g.Instance > 0 {
				err = catalogtest.Unavailable("update")
			}
			link.Fail("update", err)
		case governLose:
			c.backend.Lose()
			lost = true
		default:
			m := &model[g.Instance]
			id := fmt.Sprint("o-", g.Instance)
			m.over()
			if g.With < 0 {
				m.take(g.Kind, c.do(c.nodes[g.Node], id, g.Kind))
				break
			}
			var first, second error
			var wg sync.WaitGroup
			wg.Go(func() { first = c.do(c.nodes[g.Node], id, g.Kind) })
			wg.Go(func() { second = c.do(c.nodes[(g.Node+1)%3], id, g.With) })
			wg.Wait()
			m.race(g.Kind, first, g.With, second)
		}
		time.Sleep(time.Duration(g.Millis) * time.Millisecond)
	}
	for _, link := range c.links {
		link.Set(catalogtest.Whole)
		link.Late(0)
		link.Fail("update", nil)
	}
	pass(20 * time.Second)
	return c.judge(model[:], lost)
}

// do does one thing through a node.
func (c *cluster) do(n *node, id string, kind int) (err error) {
	switch kind {
	case governStatus:
		_, err = n.SetOverride(c.ctx, root, "orders", id, drainAwhile)
	case governKeepOut:
		_, err = n.SetOverride(c.ctx, root, "orders", id, excludeAwhile)
	case governLift:
		err = n.LiftOverride(c.ctx, root, "orders", id)
	case governRegister:
		_, err = n.Register(c.ctx, orders, registration("orders", id))
	case governRemove:
		_, err = n.Deregister(c.ctx, root, "orders", id, "", Removal{})
	}
	return err
}

var (
	drainAwhile   = OverrideRequest{Status: store.StatusDraining, For: 2 * time.Minute}
	excludeAwhile = OverrideRequest{KeepOut: true, For: time.Minute}
)

// over ends an override in time.
func (m *expected) over() {
	switch wait := time.Until(m.until); {
	case m.word == nil:
	case wait <= 0:
		m.word = nil
	case wait < time.Second: // a backend takes a moment
		time.Sleep(wait + 100*time.Millisecond)
		m.word = nil
	}
}

// take takes what was done and did not fail.
func (m *expected) take(kind int, err error) {
	if err != nil {
		return
	}
	switch kind {
	case governStatus:
		m.word, m.until, m.wordUnsure = &drainAwhile, time.Now().Add(drainAwhile.For), false
	case governKeepOut:
		m.word, m.until, m.wordUnsure = &excludeAwhile, time.Now().Add(excludeAwhile.For), false
		m.lives, m.livesUnsure = false, false
	case governLift:
		m.word, m.wordUnsure = nil, false
	case governRegister:
		// A node that has not heard of an exclusion lets it in, and removes it when it hears.
		m.lives, m.livesUnsure = true, m.wordUnsure || m.word != nil && m.word.KeepOut
	case governRemove:
		m.lives, m.livesUnsure = false, false
	}
}

// race takes two things that were done at the same moment.
func (m *expected) race(a int, errA error, b int, errB error) {
	keptOut := m.word != nil && m.word.KeepOut
	m.take(a, errA)
	m.take(b, errB)
	if a == b || errA != nil || errB != nil {
		return
	}
	m.wordUnsure = m.wordUnsure || a <= governLift && b <= governLift
	// One that came before the end of an exclusion goes by it.
	m.livesUnsure = m.livesUnsure || keptOut || a == governKeepOut || b == governKeepOut || a > governLift && b > governLift
}

// judge compares what there is with the model.
func (c *cluster) judge(model []expected, lost bool) (wrong []string) {
	words, instances := map[string]*store.Override{}, map[string]*store.Record{}
	for _, rec := range c.backend.Snapshot().Records {
		if rec.Key.Kind == store.KindOverride {
			words[rec.Key.ID] = rec.Instance.Override
		} else {
			instances[rec.Key.ID] = rec
		}
	}
	fails := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	for i := range model {
		id, m := fmt.Sprint("o-", i), &model[i]
		m.over()
		o, rec := words[id], instances[id]
		switch {
		case rec == nil:
		case o != nil && o.KeptOut:
			fails("%s is kept out, and there", id)
		case !store.SameOverride(rec.Instance.Override, o):
			fails("%s carries %+v, and its override is %+v", id, rec.Instance.Override, o)
		}
		if lost {
			continue
		}
		if !m.wordUnsure && ((o == nil) != (m.word == nil) || o != nil && (o.Status != m.word.Status || o.KeptOut != m.word.KeepOut)) {
			fails("of %s the store says %+v, the model %+v", id, o, m.word)
		}
		if !m.livesUnsure && (rec != nil) != m.lives {
			fails("%s lives: %v, by the model %v", id, rec != nil, m.lives)
		}
	}
	for i, n := range c.nodes {
		var known []string
		for _, rec := range n.overrides.all() {
			if !store.SameOverride(words[rec.Key.ID], rec.Instance.Override) {
				fails("node %d knows %+v of %s, which is %+v", i, rec.Instance.Override, rec.Key.ID, words[rec.Key.ID])
			}
			known = append(known, rec.Key.ID)
		}
		if len(known) != len(words) {
			fails("node %d knows %v of %d", i, known, len(words))
		}
		var shown []string
		for id := range n.shown() {
			// After a loss an instance is held, but not one that is kept out.
			if shown = append(shown, id); instances[id] == nil && (!lost || words[id] != nil && words[id].KeptOut) {
				fails("node %d shows %s", i, id)
			}
		}
		if slices.Sort(shown); len(shown) < len(instances) {
			fails("node %d shows %v of %d", i, shown, len(instances))
		}
	}
	return wrong
}
