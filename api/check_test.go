package api_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/wire"
)

// finds writes what a check found, as the nodes do.
func (n *node) finds(id, why string) {
	n.t.Helper()
	rec, err := n.store.Update(context.Background(), store.Ref{Key: store.InstanceKey("orders", id)}, store.Reason{}, func(x *store.Record) error {
		x.Instance.Health = store.HealthPassing
		if why != "" {
			x.Instance.Health = store.HealthFailing
		}
		x.Instance.Verdict = &store.Verdict{Why: why, Node: "n1", Since: 946684800000}
		return nil
	})
	if err == nil {
		err = n.catalog.Wait(context.Background(), rec.Revision)
	}
	if err != nil {
		n.t.Fatal(err)
	}
}

// A check is stored and shown with all that it is, and with what it found.
func TestCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simulate(t, setup{})
		whole := wire.Check{Type: "http", Path: "/healthz", Interval: 5000, Timeout: 1000, Failures: 1, Successes: 4, OnFailure: "evict"}
		for _, tt := range []struct {
			body string
			want wire.Check
		}{
			{`{"type":"tcp"}`, wire.Check{Type: "tcp", Interval: 10_000, Timeout: 2000, Failures: 3, Successes: 2, OnFailure: "mark"}},
			{`{"type":"http"}`, wire.Check{Type: "http", Path: "/", Interval: 10_000, Timeout: 2000, Failures: 3, Successes: 2, OnFailure: "mark"}},
			{`{"type":"grpc","interval":1000}`, wire.Check{Type: "grpc", Interval: 1000, Timeout: 1000, Failures: 3, Successes: 2, OnFailure: "mark"}},
			{`{"type":"http","path":"/healthz","interval":5000,"timeout":1000,"failures":1,"successes":4,"onFailure":"evict"}`, whole},
		} {
			res := n.do("POST", "/registry/register", registration("check:"+tt.body))
			if in := decode[wire.Registered](res).Instance; in.Check == nil || *in.Check != tt.want || in.Health != "failing" || *in.Verdict != (wire.Verdict{Why: "not checked yet"}) {
				t.Errorf("%s: %s", tt.body, res.body)
			}
		}
		w := n.watch("/registry/watch?service=orders")
		w.snapshot()
		n.get("/registry/resolve/orders").want(503)
		n.finds("o-1", "")
		if in, _ := w.put(); in.Health != "passing" || in.Verdict == nil || *in.Verdict != (wire.Verdict{Node: "n1", Since: 946684800000}) {
			t.Errorf("it passes: %+v, %+v", in, in.Verdict)
		}
		n.get("/registry/resolve/orders").want(200)
		n.finds("o-1", "answered 503")
		if in, _ := w.put(); in.Health != "failing" || *in.Verdict != (wire.Verdict{Why: "answered 503", Node: "n1", Since: 946684800000}) || *in.Check != whole {
			t.Errorf("it fails: %+v, %+v", in, in.Verdict)
		}
		n.get("/registry/resolve/orders").want(503)
		if in := decode[wire.Instance](n.get(orders + "/o-1").want(200)); in.Health != "failing" {
			t.Errorf("it is not listed: %+v", in)
		}
		n.register("orders", "o-1")
		if in, _ := w.put(); in.Health != "passing" || in.Check != nil || in.Verdict != nil {
			t.Errorf("registered without a check: %+v", in)
		}
	})
}

// While nearly all of a service fail their checks a resolve answers, and says so in a header.
func TestDegraded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simulate(t, setup{})
		for i := range 3 {
			id := fmt.Sprint("o-", i)
			n.do("POST", "/registry/register", registration(`instanceId:"`+id+`"`, `check:{"type":"tcp"}`)).want(201)
			n.finds(id, "connection refused")
		}
		for _, query := range []string{"", "?consistent=true", "?strategy=weighted&status=up"} {
			res := n.get("/registry/resolve/orders" + query).want(200)
			if got := res.header.Get(wire.HeaderDegraded); got != "true" {
				t.Errorf("%s: %s: %q", query, wire.HeaderDegraded, got)
			}
		}
		for _, query := range []string{"", "?consistent=true"} {
			if list := decode[wire.Services](n.get("/registry/services" + query).want(200)); list.Services[0] != (wire.ServiceSummary{ServiceName: "orders", Instances: 3, Up: 3, Degraded: true}) {
				t.Errorf("%s: %+v", query, list)
			}
		}
		n.finds("o-1", "")
		res := n.get("/registry/resolve/orders").want(200)
		if got := res.header.Get(wire.HeaderDegraded); got != "" || decode[wire.Instance](res).InstanceID != "o-1" {
			t.Errorf("one is back: %s: %q, %s", wire.HeaderDegraded, got, res.body)
		}
	})
}
