package api_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/catalog/catalogtest"
	"github.com/roster-sd/roster/wire"
)

// change sends a PATCH that waits for the watchers, and gives its answer once there is one.
func (n *node) change(body, told, token string) <-chan polled {
	n.t.Helper()
	out, began := make(chan polled, 1), time.Now()
	go func() { // ends with the answer
		res := n.do("PATCH", orders+"/o-1?told="+told, body, withToken(token))
		out <- polled{res, time.Since(began)}
	}()
	synctest.Wait()
	return out
}

func (p polled) told(t *testing.T, want string, atLeast, atMost time.Duration) {
	t.Helper()
	if got := p.want(200).header.Get(wire.HeaderTold); got != want || p.took < atLeast || p.took > atMost {
		t.Errorf("told %q after %v, want %q after %v to %v", got, p.took, want, atLeast, atMost)
	}
}

// With told the answer to a change comes when those who watch have read it, and no later
// than was asked.
func TestPatchTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simulate(t, setup{})
		reg := n.register("orders", "o-1")
		(<-n.change(`{"weight":1}`, "5s", reg.Token)).told(t, "true", 0, 0)
		if got := n.do("PATCH", orders+"/o-1", `{"weight":2}`, withToken(reg.Token)).want(200).header; got[wire.HeaderTold] != nil {
			t.Error("it is said although nobody asked")
		}
		if got := n.do("PATCH", orders+"/o-1?told=0s", `{"weight":3}`, withToken(reg.Token)).want(200).header; got[wire.HeaderTold] != nil {
			t.Error("it is said although nothing was waited for")
		}

		// The pipes of this test hold nothing: what is not read is not written.
		reader := n.watch("/registry/watch?service=orders")
		reader.snapshot()
		poll := n.poll(orders+"?wait=5m&version=9", ifNoneMatch(n.etagOf(orders)))
		let(time.Second)
		answer := n.change(`{"status":"draining"}`, "30s", reg.Token)
		let(3 * time.Second)
		if len(answer) != 0 {
			t.Error("answered before the watcher has read the change")
		}
		if in, _ := reader.put(); in.Status != "draining" {
			t.Errorf("read %+v", in)
		}
		(<-answer).told(t, "true", 3*time.Second, 3*time.Second)
		if len(poll) != 0 {
			t.Error("the long poll was answered with what it filters out")
		}

		answer = n.change(`{"weight":9}`, "2s", reg.Token)
		(<-answer).told(t, "false", 2*time.Second, 2*time.Second)
		reader.put()

		// A server that drains lets nobody wait.
		answer = n.change(`{"weight":10}`, "30s", reg.Token)
		let(time.Second)
		n.api.Drain()
		(<-answer).told(t, "false", time.Second, time.Second)
		<-poll
	})
}

// Where nodes share the backend, the others are given the time that their feeds may lag.
func TestPatchToldOnASharedBackend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := catalogtest.New(catalogtest.Options{})
		n := simulate(t, over(b))
		reg := n.register("orders", "o-1")
		(<-n.change(`{"weight":1}`, "5s", reg.Token)).told(t, "true", 250*time.Millisecond, 300*time.Millisecond)
		(<-n.change(`{"weight":2}`, "100ms", reg.Token)).told(t, "false", 100*time.Millisecond, 200*time.Millisecond)
	})
}

func TestBadTold(t *testing.T) {
	n := start(t, setup{})
	reg := n.register("orders", "o-1")
	for _, value := range []string{"", "5", "-1s", "31s", "soon"} {
		n.refuse(fault{method: "PATCH", path: orders + "/o-1?told=" + value, body: `{"weight":1}`,
			opts: []option{withToken(reg.Token)}, want: "400 invalid_request: told"})
	}
}
