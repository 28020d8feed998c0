package share

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/catalog/catalogtest"
	"github.com/roster-sd/roster/check"
	"github.com/roster-sd/roster/store"
)

// TestThreeShare: each instance is checked by one of three nodes, what is found is written once,
// and what does not change is not written.
func TestThreeShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := form(t, 3)
		w.put(how(), ids(0, 60)...)
		w.put(nil, "unchecked")
		pass(settled)
		begin := time.Now()
		pass(3 * time.Minute)
		for id, by := range w.lookers(begin) {
			if len(by) != 1 || id == "unchecked" {
				t.Errorf("%s is checked by %v", id, by)
			}
		}
		if n := len(w.lookers(begin)); n != 60 {
			t.Errorf("%d instances are checked", n)
		}
		sum := 0
		for i, n := range w.targets() {
			if sum += n; n < 8 {
				t.Errorf("node %d checks %d of 60", i, n)
			}
		}
		if sum != 60 {
			t.Errorf("the nodes check %v", w.targets())
		}
		w.fail("at first", "unchecked") // as it was put, for nobody looks at it
		for _, id := range ids(0, 60) {
			if n := w.changes(id); n != 1 {
				t.Errorf("%s was changed %d times by checks", id, n)
			}
		}
		w.set(w.dead, true, "o1", "o2", "o3", "o4", "o5")
		pass(settled)
		w.fail("dead", "unchecked", "o1", "o2", "o3", "o4", "o5")
		w.set(w.dead, false, "o1", "o2")
		pass(settled)
		w.fail("two are back", "unchecked", "o3", "o4", "o5")
		if a, b, c := w.changes("o1"), w.changes("o3"), w.changes("o6"); a != 3 || b != 2 || c != 1 {
			t.Errorf("changed %d, %d and %d times", a, b, c)
		}
		snap := w.backend.Snapshot()
		for _, rec := range snap.Records {
			if rec.Key.ID == "o3" {
				v := rec.Instance.Verdict
				if v.Why != errRefused.Error() || len(v.Node) != 2 || v.Since == 0 {
					t.Errorf("the verdict is %+v", v)
				}
			}
		}
	})
}

// TestJoinAndLeave: who comes takes its part within moments, and who ends loses it in time; two
// check one instance for five seconds at most, and no instance goes without a check for long.
func TestJoinAndLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := form(t, 2)
		all := ids(0, 60)
		how := how()
		how.Interval, how.Timeout = time.Second, time.Second
		w.put(how, all...)
		pass(20 * time.Second)
		begin := time.Now()
		w.join()
		pass(20 * time.Second)
		if n := w.targets()[2]; n < 8 {
			t.Errorf("the third checks %d of 60", n)
		}
		w.nodes[0].stop() // in order
		pass(20 * time.Second)
		w.nodes[1].link.Set(catalogtest.Mute) // as if it were killed: it reaches the backend no more
		pass(20 * time.Second)
		if got := w.targets(); got[2] != 60 || got[1] != 0 {
			t.Errorf("after the others left they check %v", got)
		}
		w.nodes[1].link.Set(catalogtest.Whole)
		pass(20 * time.Second)
		if got := w.targets(); got[1]+got[2] != 60 || got[1] < 15 {
			t.Errorf("after one came back they check %v", got)
		}
		w.overlaps(begin, all, 5*time.Second, 5*time.Second+SeatTTL+time.Second)
		w.fail("in the end")
		for _, id := range all {
			if n := w.changes(id); n != 1 {
				t.Errorf("%s was changed %d times by checks", id, n)
			}
		}
	})
}

// overlaps checks that no instance was checked by two nodes for longer than at most, nor by
// nobody for longer than gap.
func (w *world) overlaps(begin time.Time, ids []string, most, gap time.Duration) {
	w.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, id := range ids {
		var seen []look
		for _, l := range w.looks {
			if l.key.ID == id && !l.at.Before(begin) {
				seen = append(seen, l)
			}
		}
		for i, l := range seen {
			if i > 0 && l.at.Sub(seen[i-1].at) > gap {
				w.Errorf("nobody looked at %s for %v", id, l.at.Sub(seen[i-1].at))
			}
			if i == 0 || l.node == seen[i-1].node {
				continue
			}
			// Whoever looked before looks no more once the other has had it for long enough, until
			// it takes it over again; and there are no more than two.
			for _, later := range seen[i:] {
				if d := later.at.Sub(l.at); later.node != l.node && d > most {
					break
				} else if later.node != l.node && later.node != seen[i-1].node {
					w.Errorf("%s was checked by three at once", id)
				}
			}
			for j := i; j < len(seen) && seen[j].node == l.node || j < len(seen) && seen[j].at.Sub(l.at) <= most; j++ {
				if d := seen[j].at.Sub(l.at); seen[j].node == seen[i-1].node && d > most {
					w.Errorf("%s was checked by two for %v", id, d)
				}
			}
		}
	}
}

// TestDisagreement: of two nodes one reaches an instance and the other does not. The one that
// has it is believed, and each handover changes it once at most.
func TestDisagreement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := form(t, 1)
		all := ids(0, 40)
		for _, id := range ids(0, 6) {
			w.set(w.blocked, true, "n2 "+id)
		}
		w.put(how(), all...)
		pass(settled)
		w.fail("one node")
		second := w.join()
		pass(2 * time.Minute)
		theirs := slices.DeleteFunc(w.in(store.HealthFailing), func(id string) bool { return w.blocked["n2 "+id] })
		if len(theirs) > 0 || len(w.in(store.HealthFailing)) == 0 {
			t.Fatalf("two nodes: %v fail", w.in(store.HealthFailing))
		}
		lost := w.in(store.HealthFailing)
		pass(20 * time.Minute)
		w.fail("the two go on", lost...)
		for range 20 { // faster than a verdict takes
			second.link.Set(catalogtest.Mute)
			pass(9 * time.Second)
			second.link.Set(catalogtest.Whole)
			pass(9 * time.Second)
		}
		for _, id := range lost {
			if n := w.changes(id); n > 4 {
				t.Errorf("%s was changed %d times while a node came and went", id, n)
			}
		}
		second.stop()
		pass(settled)
		w.fail("one node again")
	})
}

// TestHandoverBeginsWithWhatStands: one pass, or one failure, is not enough for a node that takes an
// instance over.
func TestHandoverBeginsWithWhatStands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := form(t, 1)
		w.put(how(), "failing")
		w.put(how(), "passing")
		w.set(w.dead, true, "failing")
		pass(settled)
		w.fail("at first", "failing")
		w.set(w.dead, false, "failing")
		w.set(w.flaky, true, "failing", "passing")
		for range 6 {
			before := w.nodes[len(w.nodes)-1]
			w.join()
			pass(time.Second)
			before.stop()
			pass(settled)
			w.fail("after a handover", "failing")
		}
	})
}

// TestCutOffFromInstances: a node that reaches nobody doubts itself and reports nothing; what the
// other finds is reported meanwhile; and afterwards what is dead is found out.
func TestCutOffFromInstances(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := form(t, 2)
		all := ids(0, 60)
		w.put(how(), all...)
		pass(settled)
		w.fail("at first")
		mine := func(n *node) (out []string) {
			c := circleOf(n.seat.View().Nodes)
			for _, id := range all {
				if c.owner(store.InstanceKey("a", id)) == n.name {
					out = append(out, id)
				}
			}
			return out
		}
		a, b := w.nodes[0], w.nodes[1]
		w.set(w.cutOff, true, "n1")
		pass(10 * time.Minute)
		w.fail("one node is cut off")
		st := a.runner.Status()
		if !st.Doubting || st.Withheld != st.Targets || b.runner.Status().Doubting || st.Failing <= st.Checked/2 {
			t.Errorf("%+v, the other %+v", st, b.runner.Status())
		}
		if n := a.logs.count("it may be this node"); n != 1 {
			t.Errorf("it was said %d times", n)
		}
		dead, hidden := mine(b)[0], mine(a)[0]
		w.set(w.dead, true, dead, hidden)
		pass(settled)
		w.fail("one of the other's is dead", dead)
		w.put(how(), "new1", "new2", "new3", "new4", "new5", "new6")
		w.set(w.cutOff, false, "n1")
		pass(2 * time.Minute)
		w.fail("it is back", dead, hidden)
		if st := a.runner.Status(); st.Doubting || st.Withheld != 0 || a.logs.count("failures are reported again") != 1 {
			t.Errorf("%+v", st)
		}
		for _, id := range all {
			if n := w.changes(id); n > 2 || n > 1 && id != dead && id != hidden {
				t.Errorf("%s was changed %d times by checks", id, n)
			}
		}
	})
}

// TestCutOffFromBackend: a node that reaches the backend no more writes nothing and checks nothing
// once its presence has ended.
func TestCutOffFromBackend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := form(t, 2)
		how := how()
		how.Interval, how.Timeout, how.Failures = time.Second, time.Second, 1
		w.put(how, ids(0, 20)...)
		pass(10 * time.Second)
		for _, link := range []catalogtest.Link{catalogtest.Down, catalogtest.Mute} {
			w.nodes[0].link.Set(link)
			pass(SeatTTL + 100*time.Millisecond)
			begin := time.Now()
			pass(10 * time.Second)
			for id, by := range w.lookers(begin) {
				if !slices.Equal(by, []string{"n2"}) {
					t.Errorf("%s is checked by %v", id, by)
				}
			}
			if st := w.nodes[0].runner.Status(); st.Nodes != 0 || st.Targets != 0 {
				t.Errorf("%+v", st)
			}
			w.nodes[0].link.Set(catalogtest.Whole)
			pass(10 * time.Second)
			if got := w.targets(); got[0] == 0 || got[0]+got[1] != 20 {
				t.Errorf("they check %v", got)
			}
		}
		w.backend.Lose()
		pass(20 * time.Second)
		if a, b := w.nodes[0].runner.Status(), w.nodes[1].runner.Status(); a.Nodes != 2 || b.Nodes != 2 {
			t.Errorf("after the backend lost its data: %+v, %+v", a, b)
		}
	})
}

// TestPresenceEndsBeforeTheWrite: what a node found is not written when its presence has
// ended in the backend and it does not know.
func TestPresenceEndsBeforeTheWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := form(t, 1)
		w.put(how(), "o1")
		pass(settled)
		w.fail("at first")
		n := w.nodes[0]
		w.set(w.dead, true, "o1")
		once := true
		n.link.Before("update", func() {
			if once {
				once = false
				w.backend.EndEarly(n.seat.View().While.Key)
				n.link.Fail("renew", catalogtest.Unavailable("renew"))
			}
		})
		pass(settled)
		w.fail("its presence ended")
		if once || n.runner.Status().Unwritten != 0 {
			t.Errorf("nothing was tried: %+v", n.runner.Status())
		}
		n.link.Before("update", nil)
		n.link.Fail("renew", nil)
		pass(settled)
		w.fail("it is back", "o1")
	})
}

// TestWriteFails: what could not be written is written later.
func TestWriteFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := form(t, 1)
		n := w.nodes[0]
		w.put(how(), "o1", "o2")
		pass(settled)
		n.link.Fail("update", catalogtest.Unavailable("update"))
		w.set(w.dead, true, "o1")
		pass(settled)
		w.fail("nothing can be written")
		if st := n.runner.Status(); st.Unwritten == 0 || n.logs.count("could not be written") != 1 {
			t.Errorf("%+v", st)
		}
		n.link.Fail("update", nil)
		pass(settled)
		w.fail("it can again", "o1")
	})
}

// TestEviction: an instance that asked for it is removed, and may register again.
func TestEviction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := form(t, 2)
		evict := how()
		evict.Evict = true
		w.put(evict, "o1", "o2", "o3")
		pass(settled)
		w.fail("at first")
		w.set(w.dead, true, "o1")
		pass(2 * settled)
		if got := w.in(store.HealthPassing); !slices.Equal(got, []string{"o2", "o3"}) {
			t.Errorf("%v pass", got)
		}
		stones, err := w.nodes[0].link.Tombstones(t.Context(), store.InstanceKey("a", "o1"))
		if err != nil || len(stones) != 1 || stones[0].Reason.Code != store.Unreachable || stones[0].Reason.Note != errRefused.Error() {
			t.Errorf("%+v, %v", stones, err)
		}
		w.set(w.dead, false, "o1")
		w.put(evict, "o1")
		pass(settled)
		w.fail("it is back")
		if got := w.in(store.HealthPassing); len(got) != 3 {
			t.Errorf("%v pass", got)
		}
		var evicted uint64
		for _, n := range w.nodes {
			evicted += n.runner.Status().Evicted
		}
		if evicted != 1 {
			t.Errorf("%d were removed", evicted)
		}
	})
}

// TestRegistersAndCrashes: an instance that comes, passes no check and comes again under its ID is
// resolved no longer than one that stays.
func TestRegistersAndCrashes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := form(t, 2)
		w.put(how(), "o1")
		pass(settled)
		w.fail("at first")
		w.set(w.dead, true, "o1")
		for range 10 {
			for _, rec := range w.backend.Snapshot().Records {
				if rec.Key.ID == "o1" && rec.Instance.Health == store.HealthPassing { // as a registration leaves it
					if _, err := w.nodes[0].link.Register(t.Context(), *rec, store.Grant{TTL: time.Hour}); err != nil {
						t.Fatal(err)
					}
				}
			}
			pass(5 * time.Second)
		}
		w.fail("it registers every five seconds", "o1")
		w.set(w.dead, false, "o1")
		pass(settled)
		w.fail("it is back")
	})
}

// TestOthersWrite: what somebody writes over a finding is put right, a check that ends is ended,
// and one that changes begins anew.
func TestOthersWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := form(t, 1)
		w.put(how(), "o1", "o2")
		pass(settled)
		w.set(w.dead, true, "o1")
		pass(settled)
		w.fail("dead", "o1")
		change := func(id string, f func(*store.Instance)) {
			if _, err := w.nodes[0].link.Update(t.Context(), store.Ref{Key: store.InstanceKey("a", id)}, store.Reason{},
				func(r *store.Record) error { f(&r.Instance); return nil }); err != nil {
				t.Fatal(err)
			}
		}
		change("o1", func(in *store.Instance) { in.Health, in.Verdict = store.HealthPassing, &store.Verdict{Node: "x"} })
		pass(settled)
		w.fail("somebody let it pass", "o1")
		change("o1", func(in *store.Instance) { in.Check, in.Health, in.Verdict = nil, store.HealthPassing, nil })
		pass(settled)
		w.fail("without a check")
		if n := w.targets()[0]; n != 1 {
			t.Errorf("%d are checked", n)
		}
		change("o2", func(in *store.Instance) { in.Health = store.HealthSuspect })
		pass(settled)
		if got := w.in(store.HealthSuspect); !slices.Equal(got, []string{"o2"}) {
			t.Errorf("%v are suspect, though o2 passes only its check", got)
		}
		w.set(w.dead, true, "o2")
		pass(settled)
		w.fail("suspect and dead", "o2")
	})
}

// TestNetworks: where an instance may be checked is asked for at each check.
func TestNetworks(t *testing.T) {
	var got check.Target
	var networks []netip.Prefix
	limited := true
	r := &Runner{opts: Options{
		Probe: func(_ context.Context, t check.Target) error { got = t; return errRefused },
		Networks: func(identity, service string) ([]netip.Prefix, bool) {
			if identity != "owner" || service != "a" {
				t.Errorf("asked for %s and %s", identity, service)
			}
			return networks, limited
		},
	}}
	target := check.Target{Key: store.InstanceKey("a", "1"), Owner: "owner"}
	if err := r.probe(t.Context(), target); !errors.Is(err, errRefused) || got.Networks == nil || len(got.Networks) != 0 {
		t.Errorf("limited to none: %v, %v", got.Networks, err)
	}
	networks = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	if _ = r.probe(t.Context(), target); !slices.Equal(got.Networks, networks) {
		t.Errorf("limited to %v: %v", networks, got.Networks)
	}
	networks, limited = nil, false
	if _ = r.probe(t.Context(), target); got.Networks != nil {
		t.Errorf("not limited: %v", got.Networks)
	}
}

// TestReleaseAfterDoubt: a failure that was withheld is told again after a check that began when
// the doubt was over, and not after one that had begun before and took long.
func TestReleaseAfterDoubt(t *testing.T) {
	key := store.InstanceKey("a", "1")
	r := New(Options{})
	r.known[key] = &subject{rec: &store.Record{Key: key}, mine: true, found: failing, withheld: true}
	r.doubt.ended = time.Minute
	r.began = r.began.Add(-time.Minute - 10*time.Second)
	at := func(since time.Duration) time.Time { return r.began.Add(since) }
	r.observe(check.Target{Key: key}, at(59*time.Second), errRefused, 0, 0)
	if !r.known[key].withheld {
		t.Error("told again after a check from before the end of the doubt")
	}
	r.observe(check.Target{Key: key}, at(61*time.Second), errRefused, 0, 0)
	if r.known[key].withheld {
		t.Error("not told again after a check that began later")
	}
	r.known[key].withheld = true
	r.observe(check.Target{Key: key}, at(59*time.Second), nil, 0, 0)
	if r.known[key].withheld {
		t.Error("withheld of one that passes")
	}
}
