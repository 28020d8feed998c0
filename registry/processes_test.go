package registry

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/store/codec"
	"github.com/roster-sd/roster/store/memory"
)

func TestProcessEnds(t *testing.T) {
	local(t, func(n *tenanted) {
		n.m.begins(7)
		n.m.begins(8)
		a := n.begin("a", 7)
		n.begin("b", 7)
		n.begin("c", 8)
		n.begin("d", 0)
		if a.Record.Process != "7.1" {
			n.Errorf("the process of the record is %q", a.Record.Process)
		}
		n.is("a b c d", "7.1 8.1")
		n.m.becomes(7, 0)
		n.is("c d", "8.1")
		want := store.Reason{Code: store.ProcessExited, Note: "process 7 has ended", Node: "n1"}
		if why := n.why("a"); why != want {
			n.Errorf("the reason is %+v, want %+v", why, want)
		}
		// A heartbeat that is late brings nothing back.
		var gone *Error
		if err := n.beat(orders, "a", a.Token); !errors.As(err, &gone) || gone.Code != LeaseLost || gone.Reason != store.ProcessExited {
			n.Errorf("a heartbeat afterwards gave %v", err)
		}
		if log := n.logs.String(); strings.Count(log, "process ended, its instance is removed") != 2 || !strings.Contains(log, "pid=7") {
			n.Errorf("logged:\n%s", log)
		}
	})
}

// A pid that nobody was seen to have is left to its TTL.
func TestProcessNeverSeen(t *testing.T) {
	local(t, func(n *tenanted) {
		if rec := n.begin("a", 12345).Record; rec.Process != "" || rec.Instance.PID != 12345 {
			n.Errorf("process %q, pid %d", rec.Process, rec.Instance.PID)
		}
		n.is("a", "")
		n.m.begins(12345) // who comes later was not meant
		n.m.becomes(12345, 0)
		pass(29 * time.Second)
		n.is("a", "")
		pass(2 * time.Second)
		n.is("", "")
		if why := n.why("a"); why.Code != store.Expired {
			n.Errorf("the reason is %+v", why)
		}
	})
}

func TestProcessPidReused(t *testing.T) {
	local(t, func(n *tenanted) {
		n.m.begins(7)
		n.begin("a", 7)
		n.m.becomes(7, 2)
		n.is("", "")
		n.begin("b", 7)
		n.is("b", "7.2")
	})
}

// Registering again, under whatever process, replaces what is watched.
func TestProcessReplaced(t *testing.T) {
	local(t, func(n *tenanted) {
		n.m.begins(7)
		n.m.begins(8)
		n.begin("a", 7)
		n.begin("a", 7)
		n.is("a", "7.1")
		n.begin("a", 8)
		n.is("a", "8.1")
		n.m.becomes(7, 0)
		n.is("a", "8.1")
		n.begin("a", 0)
		n.is("a", "")
		n.m.becomes(8, 0)
		n.is("a", "")
	})
}

// However an instance leaves, its process is not watched any more; nor is it if an update
// was the last that happened to it.
func TestProcessReleased(t *testing.T) {
	local(t, func(n *tenanted) {
		for pid := 7; pid < 10; pid++ {
			n.m.begins(pid)
		}
		a := n.begin("a", 7).Record
		n.begin("b", 8)
		n.begin("c", 9)
		if _, err := n.Update(n.Context(), Caller{Identity: "orders", Holder: true}, "orders", "c", "", Patch{Weight: ptr(uint16(7))}); err != nil {
			n.Fatal(err)
		}
		n.is("a b c", "7.1 8.1 9.1")
		if _, err := n.store.inner.Deregister(n.Context(), a.Ref(), store.Reason{}); err != nil {
			n.Fatal(err)
		}
		n.is("b c", "8.1 9.1")
		n.m.becomes(9, 0)
		n.is("b", "8.1")
		pass(time.Minute)
		n.is("", "")
	})
}

// One that is registered while its process ends, before or after the end is told, goes too.
func TestProcessDiesDuringRegistration(t *testing.T) {
	local(t, func(n *tenanted) {
		n.m.begins(7)
		n.begin("a", 7)
		in := store.Record{Key: store.InstanceKey("orders", "b"), Process: "7.1", Instance: store.Instance{PID: 7}}
		n.m.becomes(7, 0)
		n.is("", "")
		if _, err := n.store.inner.Register(n.Context(), in, store.Grant{TTL: time.Minute}); err != nil {
			n.Fatal(err)
		}
		n.is("", "")
		if why := n.why("b"); why.Code != store.ProcessExited {
			n.Errorf("the reason is %+v", why)
		}
	})
}

// The end of the old process does not remove the instance of the new one, whose
// registration has not been heard of yet.
func TestProcessFenced(t *testing.T) {
	local(t, func(n *tenanted) {
		n.m.begins(7)
		old := n.begin("a", 7).Record
		n.begin("a", 0)
		if err := n.exited(n.Context(), old); err != nil {
			n.Errorf("exited: %v", err)
		}
		n.is("a", "")
		if log := n.logs.String(); strings.Contains(log, "process ended") {
			n.Errorf("logged:\n%s", log)
		}
	})
}

// What comes back after a restart is judged as it was meant then: gone is gone, another with
// the pid is not it, and who lives is watched again.
func TestProcessAcrossARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := memory.Open(memory.Options{})
		t.Cleanup(func() { st.Close() })
		m := newMachine()
		for pid := 7; pid < 10; pid++ {
			m.begins(pid)
		}
		for id, pid := range map[string]int{"gone": 7, "reused": 8, "alive": 9, "never": 10} {
			rec := store.Record{Key: store.InstanceKey("orders", id), Owner: "orders", Process: m.Identify(pid), Instance: store.Instance{PID: pid}}
			text, err := codec.Append(nil, &codec.Stored{Record: rec})
			if err != nil {
				t.Fatal(err)
			}
			kept, err := codec.Decode(text)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := st.Register(t.Context(), kept.Record, store.Grant{TTL: 30 * time.Second}); err != nil {
				t.Fatal(err)
			}
		}
		m.becomes(7, 0)
		m.becomes(8, 2)
		n := &tenanted{on(t, st, setup{}), m}
		n.opts.Processes = m
		n.is("alive gone never reused", "")
		n.follow()
		n.is("alive never", "9.1")
		for _, id := range []string{"gone", "reused"} {
			if why := n.why(id); why.Code != store.ProcessExited {
				t.Errorf("%s left with %+v", id, why)
			}
		}
		m.becomes(9, 0)
		n.is("never", "")
	})
}

// What happened while the store could not be followed is made up for afterwards.
func TestProcessFeedBreaks(t *testing.T) {
	local(t, func(n *tenanted) {
		for pid := 7; pid < 10; pid++ {
			n.m.begins(pid)
		}
		a := n.begin("a", 7).Record
		n.begin("b", 8)
		end := n.store.outage()
		if _, err := n.store.inner.Deregister(n.Context(), a.Ref(), store.Reason{}); err != nil {
			n.Fatal(err)
		}
		in := store.Record{Key: store.InstanceKey("orders", "c"), Process: n.m.Identify(9)}
		if _, err := n.store.inner.Register(n.Context(), in, store.Grant{TTL: time.Minute}); err != nil {
			n.Fatal(err)
		}
		pass(time.Second)
		n.is("b c", "7.1 8.1")
		end()
		pass(time.Second)
		n.is("b c", "8.1 9.1")
		n.store.fails(&store.Error{Op: "watch", Kind: store.ErrCompacted}, "next")
		n.store.fails(nil, "next")
		n.is("b c", "8.1 9.1")
		n.m.becomes(9, 0)
		n.is("b", "8.1")
	})
}

// A store that refuses the removal is not asked again and again: the TTL does it.
func TestProcessCannotBeRemoved(t *testing.T) {
	local(t, func(n *tenanted) {
		n.m.begins(7)
		n.m.begins(8)
		n.begin("a", 7)
		n.begin("b", 8)
		n.store.fails(down("deregister"), "deregister")
		n.m.becomes(7, 0)
		n.is("a b", "8.1")
		n.store.fails(nil, "deregister")
		if log := n.logs.String(); !strings.Contains(log, "WARN process ended, its instance stays until its lease ends") {
			n.Errorf("logged:\n%s", log)
		}
		n.m.becomes(8, 0)
		n.is("a", "")
		pass(31 * time.Second)
		n.is("", "")
	})
}

// Without processes to watch there is nothing to do, and nothing is kept of a pid.
func TestProcessesNotWatched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &tenanted{one(t, setup{}), newMachine()}
		n.m.begins(7)
		if err := n.FollowProcesses(t.Context()); err != nil {
			t.Error(err)
		}
		if rec := n.begin("a", 7).Record; rec.Process != "" {
			t.Errorf("the process of the record is %q", rec.Process)
		}
	})
}
