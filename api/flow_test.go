package api_test

import (
	"net/http"
	"testing"

	"github.com/roster-sd/roster/wire"
)

// TestLife follows an instance from its registration to its end, as a client sees it.
func TestLife(t *testing.T) {
	n := start(t, setup{})
	res := n.do("POST", "/registry/register", wire.Registration{ServiceName: "orders", Address: "10.0.0.1", Port: 8080,
		Version: "1.2.0", Zone: "a", Tags: []string{"blue"}, Metadata: map[string]string{"team": "payments"}}).want(201)
	reg := decode[wire.Registered](res)
	in := reg.Instance
	if in.InstanceID == "" || in.Status != "up" || in.Health != "passing" || in.Weight != 100 || in.TTL != 30000 ||
		reg.TTL != 30000 || len(reg.Token) != 43 || in.Metadata["team"] != "payments" || in.RegisteredAt == 0 {
		t.Fatalf("registered: %s", res.body)
	}
	ref := wire.InstanceRef{ServiceName: "orders", InstanceID: in.InstanceID}
	path := "/registry/services/orders/" + in.InstanceID

	beat := decode[wire.Heartbeat](n.do("POST", "/registry/heartbeat", ref, withToken(reg.Token)).want(200))
	if beat.TTL != 30000 {
		t.Errorf("heartbeat: %+v", beat)
	}
	n.do("POST", "/registry/heartbeat", ref, header("Authorization", "Bearer "+reg.Token)).want(200)

	if got := decode[wire.Services](n.do("GET", "/registry/services", nil).want(200)); len(got.Services) != 1 ||
		got.Services[0] != (wire.ServiceSummary{ServiceName: "orders", Instances: 1, Up: 1}) {
		t.Errorf("services: %+v", got)
	}
	one := decode[wire.Instance](n.do("GET", path, nil).want(200))
	if one.LastHeartbeat < one.RegisteredAt || one.Revision != in.Revision {
		t.Errorf("instance: %+v", one)
	}
	if got := decode[wire.Instance](n.do("GET", "/registry/resolve/orders", nil).want(200)); got.InstanceID != in.InstanceID {
		t.Errorf("resolve: %+v", got)
	}

	rot := decode[wire.Token](n.do("POST", "/registry/token/rotate", ref, withToken(reg.Token)).want(200))
	n.do("POST", "/registry/heartbeat", ref, withToken(rot.Token)).want(200)
	n.do("POST", "/registry/heartbeat", ref, withToken(reg.Token)).problem(401, wire.CodeUnauthenticated)
	after := decode[wire.Instance](n.do("GET", path, nil).want(200))
	if after.Revision != in.Revision {
		t.Errorf("a rotation changed the revision that clients see: %s, was %s", after.Revision, in.Revision)
	}

	status, weight := "draining", 7
	patched := decode[wire.Instance](n.do("PATCH", path, wire.Patch{Status: &status, Weight: &weight}, withToken(rot.Token)).want(200))
	if patched.Status != "draining" || patched.Weight != 7 {
		t.Errorf("patched: %+v", patched)
	}
	n.do("GET", "/registry/resolve/orders", nil).problem(http.StatusServiceUnavailable, wire.CodeUnavailable)
	n.do("GET", "/registry/resolve/orders?status=draining", nil).want(200)

	n.do("DELETE", path+"?reason=deploy", nil, withToken(rot.Token)).want(204)
	n.do("GET", path, nil).problem(404, wire.CodeNotFound)
	n.do("GET", "/registry/resolve/orders", nil).problem(404, wire.CodeNotFound)
	gone := n.do("POST", "/registry/heartbeat", ref, withToken(rot.Token)).problem(410, wire.CodeLeaseLost)
	if gone.Reason != "deregistered" {
		t.Errorf("reason %q", gone.Reason)
	}
	n.do("POST", "/registry/heartbeat", wire.InstanceRef{ServiceName: "orders", InstanceID: "never"}, withToken(rot.Token)).
		problem(404, wire.CodeNotFound)

	events := decode[wire.Events](n.do("GET", "/registry/events?service=orders", nil).want(200)).Events
	var reasons []string
	for _, ev := range events {
		reasons = append(reasons, ev.Reason)
	}
	last := events[len(events)-1]
	if last.Type != "delete" || last.Note != "deploy" || last.Actor != "orders" || last.Node != "n1" || last.From != "192.0.2.7" {
		t.Errorf("events: %v %+v", reasons, last)
	}
}
