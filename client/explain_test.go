package client

import (
	"errors"
	"io"
	"net/http"
	"reflect"
	"testing"

	"github.com/roster-sd/roster/wire"
)

// TestExplainOnEach asks every address, and one that does not answer costs only its answer.
func TestExplainOnEach(t *testing.T) {
	answers := func(node string) string {
		return serve(t, func(w http.ResponseWriter, r *http.Request) {
			switch r.Method + " " + r.URL.RequestURI() {
			case "GET /registry/explain/orders/o-1@eu+west:1?limit=5":
				_, _ = io.WriteString(w, `{"serviceName":"orders","node":"`+node+`","heartbeats":{"last":1,"largestGap":2,"ofTTL":0.5},"events":[{"reason":"updated","changes":[{"field":"status","to":"up"}]}]}`)
			case "GET /registry/explain/orders":
				_, _ = io.WriteString(w, `{"serviceName":"orders","node":"`+node+`","late":[{"instanceId":"i","ofTTL":0.8}]}`)
			default:
				t.Errorf("asked %s %s", r.Method, r.URL.RequestURI())
			}
		})
	}
	gone := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", wire.ContentTypeProblem)
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `{"status":404,"code":"not_found","detail":"nothing"}`)
	})
	one, two, ref := answers("n1"), answers("n2"), wire.InstanceRef{ServiceName: "orders", InstanceID: "o-1@eu+west:1"}
	c := reach(t, one, "http://127.0.0.1:1", gone, two)
	got := c.ExplainOnEach(limited(t), ref, ExplainOptions{Limit: 5})
	if len(got) != 4 {
		t.Fatalf("%d answers", len(got))
	}
	for i, want := range map[int]string{0: "n1", 3: "n2"} {
		a := got[i]
		x := wire.Explanation{ServiceName: "orders", Node: want, Heartbeats: &wire.Rhythm{Last: 1, LargestGap: 2, OfTTL: 0.5},
			Events: []wire.ToldEvent{{Event: wire.Event{Reason: "updated"}, Changes: []wire.Changed{{Field: "status", To: "up"}}}}}
		if a.Err != nil || a.Address != c.Addresses()[i] || !reflect.DeepEqual(a.Value, x) {
			t.Errorf("%d: %+v", i, a)
		}
	}
	if err := got[1].Err; !errors.Is(err, ErrUnavailable) || got[1].Address != "http://127.0.0.1:1" {
		t.Errorf("nobody: %v", err)
	}
	if err := got[2].Err; !errors.Is(err, ErrNotFound) || err.Error()[:len("explain orders/o-1")] != "explain orders/o-1" {
		t.Errorf("not found: %v", err)
	}

	services := reach(t, one).ExplainServiceOnEach(limited(t), "orders", ExplainOptions{})
	if len(services) != 1 || services[0].Err != nil || services[0].Value.Late[0].OfTTL != 0.8 {
		t.Errorf("%+v", services)
	}
	if x, err := c.Explain(limited(t), ref, ExplainOptions{Limit: 5}); err != nil || x.Node != "n1" {
		t.Errorf("%+v, %v", x, err)
	}
	if x, err := c.ExplainService(limited(t), "orders", ExplainOptions{}); err != nil || x.Node != "n1" {
		t.Errorf("%+v, %v", x, err)
	}
	for _, a := range c.ExplainOnEach(limited(t), wire.InstanceRef{ServiceName: "orders", InstanceID: ".."}, ExplainOptions{}) {
		if !errors.Is(a.Err, ErrInvalid) {
			t.Errorf("a bad name: %v", a.Err)
		}
	}
	if _, err := c.ExplainService(limited(t), "", ExplainOptions{}); !errors.Is(err, ErrInvalid) {
		t.Errorf("no name: %v", err)
	}
}
