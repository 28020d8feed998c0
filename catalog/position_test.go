package catalog

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/catalog/catalogtest"
	"github.com/roster-sd/roster/store"
)

func TestPositionText(t *testing.T) {
	rev := store.Revision{Epoch: 35, Number: 42}
	for _, c := range []struct {
		p    Position
		text string
	}{
		{Pure(rev), "z.42"},
		{Position{rev, Mark{36, 1}}, "z.42~10.1"},
		{Position{store.Revision{Epoch: math.MaxUint64, Number: math.MaxUint64}, Mark{math.MaxUint64, math.MaxUint64}},
			"3w5e11264sgsf.18446744073709551615~3w5e11264sgsf.18446744073709551615"},
	} {
		if got := c.p.String(); got != c.text {
			t.Errorf("%q, want %q", got, c.text)
		}
		if got, err := ParsePosition(c.text); err != nil || got != c.p {
			t.Errorf("%q is read as %v, %v", c.text, got, err)
		}
	}
	for _, text := range []string{"", "~", "z.42~", "~z.1", "z.42~10", "z.42~10.01", "z.42~0.0", "z.42~10.1~", "z.42~10.1~10.1", "z.042~10.1",
		"z.42 ~10.1", "z.42~10.-1", "z.42~10.1x", "Z.42~10.1", strings.Repeat("z.42~10.1", 20)} {
		if got, err := ParsePosition(text); err == nil {
			t.Errorf("%q is read as %v", text, got)
		}
	}
	for _, p := range []Position{Pure(rev), {}} {
		if !p.IsPure() {
			t.Errorf("%v is not pure", p)
		}
	}
}

// told resumes from a position, and gives what is told then; "no" for a position that
// this node did not show.
func (p *peer) told(at Position) string {
	p.Helper()
	s, ok := p.Resume(nil, at)
	if !ok {
		return "no"
	}
	defer s.Close()
	changes, err := s.Take()
	if err != nil {
		p.Fatal(err)
	}
	return tell(changes)
}

// TestMarkedPositions: while a node shows what the store does not hold its positions are its
// own; they grow apart with each change of that, and are pure again in the end. From each that
// it gave it tells what was missed, and nothing from one at which it never stood.
func TestMarkedPositions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := alone(t)
		other := join(t, p.backend, Options{})
		p.register("a", "1", 10*time.Second)
		p.register("a", "2", 15*time.Second)
		far := p.register("b", "x", time.Hour)
		start := p.Position()
		if start != other.Position() || !start.IsPure() {
			t.Fatalf("%v and %v", start, other.Position())
		}
		p.backend.Stop()
		pass(30 * time.Second)
		p.backend.Continue()
		pass(2 * time.Second)
		held := p.Position()
		if held.IsPure() || held == other.Position() || held.Revision != other.Revision() {
			t.Errorf("held at %v, the other at %v", held, other.Position())
		}
		if _, list, at := p.Services(); list.IsPure() || at != held {
			t.Errorf("the list at %v, %v", list, at)
		}
		wrote := p.register("b", "y", time.Hour)
		more := p.Position()
		if more.Mark != held.Mark || more.Revision != wrote.Revision {
			t.Errorf("after a change of another service %v, it was %v", more, held)
		}
		b, _ := p.Changed("b")
		if ob, _ := other.Changed("b"); b != ob || !b.IsPure() {
			t.Errorf("another service is at %v here, at %v there", b, ob)
		}
		oneChanged, _ := p.Changed("a")
		pass(9 * time.Second) // the first leaves, with its own TTL
		p.want("one left", "a", "2 suspect")
		oneLeft := p.Position()
		if twoChanged, _ := p.Changed("a"); oneLeft.Mark == held.Mark || oneLeft.Revision != more.Revision || twoChanged == oneChanged {
			t.Errorf("one left at %v, the service from %v to %v", oneLeft, oneChanged, twoChanged)
		}
		pass(5 * time.Second)
		end := p.Position()
		if !end.IsPure() || end.Revision != more.Revision || end != other.Position() {
			t.Errorf("in the end at %v", end)
		}
		last := p.register("b", "z", time.Hour)

		for _, c := range []struct {
			name string
			at   Position
			want string
		}{
			{"before", start, "+1 +2 +y -1 -2 +z"},
			{"held", held, "+y -1 -2 +z"},
			{"more", more, "-1 -2 +z"},
			{"one left", oneLeft, "-2 +z"},
			{"the end", end, "+z"},
			{"now", Pure(last.Revision), ""},
			{"held, but pure", Pure(held.Revision), "no"},
			{"of the other node", Position{held.Revision, Mark{Node: held.Mark.Node + 1, Count: held.Mark.Count}}, "no"},
			{"of no mark", Position{held.Revision, Mark{Node: held.Mark.Node, Count: 99}}, "no"},
			{"before its mark", Position{store.Revision{Epoch: held.Epoch, Number: held.Number - 1}, held.Mark}, "no"},
			{"after its mark", Position{last.Revision, held.Mark}, "no"},
			{"the first mark, once it was the second's", Position{more.Revision, held.Mark}, "-1 -2 +z"},
			{"ahead", Position{store.Revision{Epoch: held.Epoch, Number: last.Revision.Number + 1}, held.Mark}, "no"},
			{"another epoch", Position{store.Revision{Epoch: held.Epoch + 1, Number: 1}, held.Mark}, "no"},
		} {
			if got := sortedIn(p.told(c.at), c.want); got != c.want {
				t.Errorf("%s, from %v: %q, want %q", c.name, c.at, got, c.want)
			}
		}
		for _, at := range []Position{held, more, oneLeft} {
			if got := other.told(at); got != "no" {
				t.Errorf("the other node takes %v: %q", at, got)
			}
		}
		if got := p.told(Pure(far.Revision)); got == "no" {
			t.Error("a pure position from before is not taken")
		}
	})
}

// sortedIn puts the first two words of got in the order of want: two that are suspected in
// one revision come in any.
func sortedIn(got, want string) string {
	g, w := strings.Fields(got), strings.Fields(want)
	if len(g) == len(w) && len(g) > 1 && g[0] == w[1] && g[1] == w[0] {
		g[0], g[1] = g[1], g[0]
	}
	return strings.Join(g, " ")
}

// TestResumeThroughAShortLog: what has left the log takes with it the positions from which
// it would be missed, marked ones too.
func TestResumeThroughAShortLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const kept = 3
		p := join(t, catalogtest.New(catalogtest.Options{}), Options{LogChanges: kept})
		for i := range 8 {
			p.register("a", fmt.Sprint(i), time.Duration(5+i)*time.Second)
		}
		p.backend.Stop()
		pass(20 * time.Second)
		p.backend.Continue()
		pass(2 * time.Second)
		at := []Position{p.Position()}
		for range 12 {
			pass(time.Second)
			if next := p.Position(); next != at[len(at)-1] {
				at = append(at, next)
			}
		}
		// One by one they leave, in local groups at one and the same revision.
		if len(at) < 6 || !at[len(at)-1].IsPure() || p.Service("a").Len() != 0 {
			t.Fatalf("%v", at)
		}
		for i, pos := range at {
			got := p.told(pos)
			if missed := len(at) - 1 - i; missed > kept && got != "no" || missed <= kept && len(strings.Fields(got)) != missed {
				t.Errorf("%d groups later: %q", missed, got)
			}
		}
		if n := len(p.changes.turns); n > 2*kept+2 {
			t.Errorf("%d marks are remembered with %d changes", n, kept)
		}
	})
}

// TestSubscriptionsInGroups: whoever begins between two changes of one revision is told of
// the second alone, and knows where it stands.
func TestSubscriptionsInGroups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := alone(t)
		p.register("a", "1", 10*time.Second)
		p.register("a", "2", 15*time.Second)
		p.backend.Stop()
		pass(30 * time.Second)
		p.backend.Continue()
		pass(11 * time.Second)
		p.want("one left", "a", "2 suspect")
		w, f := watching(p), p.Follow(nil)
		if w.sub.Start() != p.Position() {
			t.Errorf("it begins at %v, the node is at %v", w.sub.Start(), p.Position())
		}
		pass(5 * time.Second)
		if _, ok := w.sub.Position(); ok {
			t.Error("a position is told before what it holds was taken")
		}
		w.want("the second", "-2 expired")
		if at, ok := w.sub.Position(); !ok || at != p.Position() || !at.IsPure() {
			t.Errorf("%v, %v", at, ok)
		}
		want(t, "a follower", take(t, f), "-2")
	})
}

// TestResumeOverAList: a node that listed again never stood at the revisions between. Whoever
// comes from there is not told what is a difference to this node alone.
func TestResumeOverAList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := alone(t)
		other := join(t, p.backend, Options{})
		p.register("a", "0", time.Hour)
		start := p.Position()
		p.store.Set(catalogtest.Down)
		other.register("a", "1", time.Hour)
		between := other.Position()
		other.drop("a", "1")
		other.register("a", "2", time.Hour)
		end := other.Position()
		p.backend.Compact()
		p.store.Set(catalogtest.Whole)
		pass(2 * time.Second)
		want(t, "from before", p.told(start), "+2")
		want(t, "from between", p.told(between), "no")
		want(t, "from the list", p.told(end), "")
		last := p.register("a", "3", time.Hour)
		want(t, "from the list, later", p.told(end), "+3")
		want(t, "from now", p.told(Pure(last.Revision)), "")
	})
}

// TestHiddenByAList: a list hides what has expired before that is announced. Whoever saw it
// elsewhere, at the same position, is told here that it is gone.
func TestHiddenByAList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := join(t, catalogtest.New(catalogtest.Options{Lag: 5 * time.Second}), Options{})
		p.register("a", "1", ttl)
		w := watching(p)
		pass(ttl + time.Second)
		other := join(t, p.backend, Options{})
		p.want("here", "a", "1")
		other.want("there", "a", "")
		if p.Position() != other.Position() {
			t.Fatalf("%v, %v", p.Position(), other.Position())
		}
		w.move(other)
		w.want("moved")
		pass(5 * time.Second)
		w.want("announced", "-1 expired")
	})
}
