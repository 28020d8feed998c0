package share

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/store"
)

// others are instances of another service, enough of them, and checked so often, that no node
// doubts itself for a moment.
func (w *world) others() {
	w.Helper()
	how := how()
	how.Interval, how.Timeout = time.Second, time.Second
	for i := range 90 {
		w.putIn("b", how, fmt.Sprintf("b%d", i))
	}
}

// left gives the instances of the service a that are there, and how many were removed.
func (w *world) left() (ids []string, evicted uint64) {
	for _, rec := range w.backend.Snapshot().Records {
		if rec.Key.Kind == store.KindInstance && rec.Key.Service == "a" {
			ids = append(ids, rec.Key.ID)
		}
	}
	for _, n := range w.nodes {
		evicted += n.runner.Status().Evicted
	}
	slices.Sort(ids)
	return ids, evicted
}

func (w *world) spared() (sum int) {
	for _, n := range w.nodes {
		sum += n.runner.Status().Spared
	}
	return sum
}

// until waits until so many fail.
func (w *world) until(n int) {
	w.Helper()
	for end := time.Now().Add(5 * time.Minute); len(w.in(store.HealthFailing)) != n; pass(100 * time.Millisecond) {
		if time.Now().After(end) {
			w.Fatalf("%v fail, want %d", w.in(store.HealthFailing), n)
		}
	}
}

func evicting(every time.Duration) *store.Check {
	c := how()
	c.Interval, c.Timeout, c.Evict = every, min(every, c.Timeout), true
	return c
}

// TestNearlyAllAreSpared: a check that fails everywhere at once empties no service, whichever
// nodes do it and however often each instance is checked. What still fails when that is over goes.
func TestNearlyAllAreSpared(t *testing.T) {
	for _, nodes := range []int{1, 3} {
		t.Run(fmt.Sprint(nodes), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := form(t, nodes)
				w.others()
				w.put(evicting(10*time.Second), ids(0, 20)...)
				pass(settled)
				w.fail("at first")
				w.set(w.dead, true, ids(0, 20)...)
				pass(2 * settled)
				w.fail("all fail", ids(0, 20)...)
				pass(10 * time.Minute)
				w.fail("they go on", ids(0, 20)...)
				if left, evicted := w.left(); len(left) != 20 || evicted != 0 || w.spared() != 20 {
					t.Errorf("%d are there, %d were removed, %d are spared", len(left), evicted, w.spared())
				}
				said := 0
				for _, n := range w.nodes {
					if said += n.logs.count("those that would be removed for it are kept"); n.logs.count("may be this node") > 0 {
						t.Error("a node doubts itself")
					}
				}
				if said != nodes {
					t.Errorf("it was said %d times by %d nodes", said, nodes)
				}
				// Three of twenty are not enough, four are.
				w.set(w.dead, false, ids(0, 3)...)
				pass(2 * settled)
				if left, _ := w.left(); len(left) != 20 {
					t.Errorf("%v are there, with seventeen of twenty that fail", left)
				}
				w.set(w.dead, false, "o3")
				pass(2 * settled)
				left, evicted := w.left()
				if !slices.Equal(left, ids(0, 4)) || evicted != 16 || w.spared() != 0 {
					t.Errorf("%v are there, %d were removed, %d are spared", left, evicted, w.spared())
				}
				w.fail("in the end")
			})
		})
	}
}

// TestNothingIsRemovedInDoubt: while one node doubts itself, so that its part of the failures is
// missing, the others mark what they find and remove nothing.
func TestNothingIsRemovedInDoubt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := form(t, 3)
		w.others()
		w.put(evicting(2*time.Second), ids(0, 20)...)
		pass(settled)
		w.set(w.cutOff, true, "n1")
		w.set(w.dead, true, ids(0, 20)...)
		pass(2 * time.Minute)
		marked := w.in(store.HealthFailing)
		if left, evicted := w.left(); len(left) != 20 || evicted != 0 || len(marked) < 3 || len(marked) > 16 {
			t.Errorf("%d are there, %d were removed, %v fail", len(left), evicted, marked)
		}
		if !w.nodes[0].runner.Status().Doubting || !w.nodes[1].seat.Doubted() || w.nodes[0].seat.Doubted() {
			t.Error("the others do not know that one node doubts itself")
		}
		w.set(w.cutOff, false, "n1")
		pass(2 * time.Minute)
		w.fail("all fail, as all nodes see", ids(0, 20)...)
		if w.nodes[1].seat.Doubted() || w.nodes[0].runner.Status().Doubting {
			t.Error("it still doubts itself")
		}
		w.set(w.cutOff, true, "n1")
		w.set(w.dead, false, ids(0, 19)...)
		pass(time.Minute)
		w.nodes[0].stop() // a node that has ended has no doubt
		pass(2 * time.Minute)
		if left, evicted := w.left(); len(left) != 19 || evicted != 1 || w.nodes[1].seat.Doubted() {
			t.Errorf("%d are there, %d were removed", len(left), evicted)
		}
	})
}

// TestOneAfterTheOther: those that were removed lately count for those that fail next, until others
// have come, or time has passed.
func TestOneAfterTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := form(t, 2)
		w.others()
		w.put(evicting(2*time.Second), ids(0, 10)...)
		pass(settled)
		for _, id := range ids(0, 10) {
			w.set(w.dead, true, id)
			pass(30 * time.Second)
		}
		if left, evicted := w.left(); !slices.Equal(left, ids(8, 10)) || evicted != 8 {
			t.Fatalf("%v are there, %d were removed", left, evicted)
		}
		w.fail("the last two", "o8", "o9")
		// Three that come make it ten of thirteen. Two of those that come were removed before.
		w.set(w.dead, false, "o0", "o1")
		w.put(evicting(2*time.Second), "o0", "o1", "new")
		pass(30 * time.Second)
		if left, evicted := w.left(); !slices.Equal(left, []string{"new", "o0", "o1"}) || evicted != 10 {
			t.Fatalf("%v are there, %d were removed", left, evicted)
		}
		// Of three, two of which fail, with eight that were removed, another does.
		w.set(w.dead, true, "o0", "o1", "new")
		pass(time.Minute)
		w.fail("all of them", "o0", "o1", "new")
		w.set(w.dead, false, "o0", "o1")
		pass(time.Minute)
		w.fail("one of three, after eight", "new")
		pass(10 * time.Minute)
		if left, evicted := w.left(); !slices.Equal(left, []string{"o0", "o1"}) || evicted != 11 {
			t.Fatalf("%v are there, %d were removed", left, evicted)
		}
	})
}

// TestSomeAreCheckedMoreOften: the verdict on the others comes later, and those that are gone by
// then are counted.
func TestSomeAreCheckedMoreOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := form(t, 2)
		w.others()
		w.put(evicting(time.Second), ids(0, 6)...)
		w.put(evicting(time.Minute), ids(6, 10)...)
		pass(2 * time.Minute)
		w.fail("at first")
		w.set(w.dead, true, ids(0, 10)...)
		pass(20 * time.Minute)
		if left, evicted := w.left(); len(left) < 2 || len(left) > 4 || int(evicted) != 10-len(left) {
			t.Errorf("%v are there, %d were removed", left, evicted)
		}
		w.fail("in the end", func() []string { left, _ := w.left(); return left }()...)
	})
}

// TestNotAllowedIsNotRemoved: where a policy allows no address any more, what asked to be removed
// stays, marked, and no node doubts itself for it.
func TestNotAllowedIsNotRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := form(t, 1)
		w.put(evicting(10*time.Second), ids(0, 4)...)
		w.put(how(), ids(4, 20)...)
		pass(settled)
		w.mu.Lock()
		w.banned = true
		w.mu.Unlock()
		pass(10 * time.Minute)
		w.fail("none may be looked at", ids(0, 20)...)
		if left, evicted := w.left(); len(left) != 20 || evicted != 0 || w.spared() != 0 || w.nodes[0].runner.Status().Doubting {
			t.Errorf("%v are there, %d were removed, %d are spared", left, evicted, w.spared())
		}
	})
}

// TestRemovedWhenItFailsOn: a verdict marks, and two more failures remove; one that passes meanwhile
// stays.
func TestRemovedWhenItFailsOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := form(t, 1)
		w.others()
		w.put(evicting(10*time.Second), "o1", "o2", "o3", "o4")
		pass(settled)
		w.set(w.dead, true, "o1")
		w.until(1)
		marked := time.Now()
		w.until(0)
		if d := time.Since(marked); d < 18*time.Second || d > 22*time.Second {
			t.Errorf("it was removed %v after it was marked", d)
		}
		w.set(w.dead, true, "o2")
		w.until(1)
		w.set(w.dead, false, "o2")
		pass(settled)
		if left, _ := w.left(); !slices.Equal(left, []string{"o2", "o3", "o4"}) {
			t.Errorf("%v are there", left)
		}
		w.fail("it came back")
	})
}
