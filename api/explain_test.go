package api_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/catalog/catalogtest"
	"github.com/roster-sd/roster/registry"
	"github.com/roster-sd/roster/wire"
)

const explained = "/registry/explain/orders"

// An explanation of each kind, to the byte.
func TestGoldenExplanations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simulate(t, setup{tokens: registry.TokenPolicy{TTL: time.Hour}})
		token := n.register("orders", "o-1").Token
		let(10 * time.Second)
		n.do("POST", "/registry/heartbeat", ref("orders", "o-1"), withToken(token)).want(200)
		n.do("POST", "/registry/token/rotate", ref("orders", "o-1"), withToken(token)).want(200)
		let(25 * time.Second)
		n.do("POST", "/registry/heartbeat", ref("orders", "o-1"), withToken(token)).want(200)
		n.do("PATCH", "/registry/services/orders/o-1", `{"status":"draining"}`, withToken(token)).want(200)
		golden(t, "explain-live", n.transcript(exchange{method: "GET", path: explained + "/o-1"}))
		let(40 * time.Second)
		n.register("orders", "o-2")
		golden(t, "explain-gone", n.transcript(exchange{method: "GET", path: explained + "/o-1?limit=2"}))
		n.register("orders", "o-2")
		n.register("orders", "o-2")
		golden(t, "explain-service", n.transcript(exchange{method: "GET", path: explained}))
	})
}

// What nothing is known of is not there.
func TestExplainNothing(t *testing.T) {
	n := start(t, setup{})
	n.get(explained).problem(404, wire.CodeNotFound)
	n.get(explained+"/o-1").problem(404, wire.CodeNotFound)
	n.get(explained+"/..", bad).problem(400, wire.CodeInvalid)
	n.get("/registry/explain/-", bad).problem(400, wire.CodeInvalid)
}

// While the backend is out of reach a node tells what it knows, why it keeps what has run out,
// and nothing of what it does not know.
func TestExplainWithoutTheBackend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := catalogtest.New(catalogtest.Options{})
		n := simulate(t, over(b))
		n.lease("orders", "o-1")
		b.Stop()
		let(5 * time.Second)
		x := decode[wire.Explanation](n.get(explained + "/o-1").want(200))
		if !x.Incomplete || x.State != wire.ExplainLive || x.Instance == nil || x.Lease.Left != nil || x.Heartbeats != nil || len(x.Events) != 0 {
			t.Errorf("%+v", x)
		}
		if s := decode[wire.ServiceExplanation](n.get(explained).want(200)); !s.Incomplete || s.Instances != 1 || s.Events != 0 {
			t.Errorf("%+v", s)
		}
		n.get(explained+"/o-2").problem(503, wire.CodeUnavailable)
		n.get("/registry/explain/shop").problem(503, wire.CodeUnavailable)
		let(30 * time.Second)
		b.Continue()
		let(2 * time.Second)
		x = decode[wire.Explanation](n.get(explained + "/o-1").want(200))
		if x.State != wire.ExplainHeld || x.Hold == nil || x.Hold.Because == "" || x.Hold.Left == nil || *x.Hold.Left <= 0 || x.Incomplete {
			t.Errorf("%+v, %+v", x, x.Hold)
		}
	})
}
