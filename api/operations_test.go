package api_test

import (
	"bytes"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/roster-sd/roster/api"
	"github.com/roster-sd/roster/wire"
)

// What /health and /ready say of the states of a node.
func TestHealth(t *testing.T) {
	var h api.Health
	n := start(t, setup{api: func(o *api.Options) { o.Health = func() api.Health { return h } }})
	for _, c := range []struct {
		name          string
		health        api.Health
		status        string
		ready, strict int
	}{
		{"well", api.Health{Ready: true}, "ok", 200, 200},
		{"starting", api.Health{}, "starting", 503, 503},
		{"stopping", api.Health{Ready: true, Stopping: true}, "stopping", 503, 503},
		{"stopping before it began", api.Health{Stopping: true}, "stopping", 503, 503},
		{"degraded", api.Health{Ready: true, Degraded: []string{"held"}, Held: 3}, "degraded", 200, 503},
		{"degraded and stopping", api.Health{Ready: true, Stopping: true, Degraded: []string{"held"}}, "stopping", 503, 503},
	} {
		h = c.health
		h.Node, h.Backend = "n1", "memory"
		for path, want := range map[string]int{"/health": 200, "/ready": c.ready, "/ready?strict": c.strict, "/ready?strict=false": c.strict} {
			res := n.get(path).want(want)
			got := decode[wire.Health](res)
			if got.Status != c.status || got.Node != "n1" || got.Backend != "memory" || got.Held != c.health.Held ||
				len(got.Reasons) != len(c.health.Degraded) || got.Revision != n.catalog.Revision().String() {
				t.Errorf("%s: %s: %s", c.name, path, res.body)
			}
			if res.header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s: %s may be kept", c.name, path)
			}
		}
	}
}

// Without a word from the node it is ready once the catalog is warm.
func TestReadyByItself(t *testing.T) {
	n := start(t, setup{})
	if h := decode[wire.Health](n.get("/ready?strict").want(200)); h.Status != "ok" {
		t.Errorf("%+v", h)
	}
}

func TestMetricsAreServedWhereGiven(t *testing.T) {
	n := start(t, setup{api: func(o *api.Options) {
		o.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain; version=0.0.4")
			_, _ = io.WriteString(w, "roster_up 1\n")
		})
	}})
	if got := n.get("/metrics").want(200); string(got.body) != "roster_up 1\n" {
		t.Errorf("%q", got.body)
	}
	start(t, setup{}).get("/metrics", bad).problem(404, wire.CodeNotFound)
}

func TestDescriptionIsServed(t *testing.T) {
	n := start(t, setup{})
	for path, want := range map[string][]byte{"/openapi.yaml": api.OpenAPIYAML(), "/openapi.json": api.OpenAPIJSON()} {
		if got := n.get(path).want(200).body; !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes, want %d", path, len(got), len(want))
		}
	}
}

// Each request is observed once, under its route and with the status that went out.
func TestInstrument(t *testing.T) {
	type seen struct {
		method, route string
		status        int
	}
	got := make(chan seen, 10)
	n := start(t, setup{surface: true, api: func(o *api.Options) {
		o.Instrument = func(method, route string) func(int, time.Duration) {
			return func(status int, took time.Duration) {
				if took <= 0 {
					t.Errorf("%s %s took %v", method, route, took)
				}
				got <- seen{method, route, status}
			}
		}
	}})
	for _, c := range []struct {
		method, path string
		body         any
		want         seen
	}{
		{"GET", orders, nil, seen{"GET", "/registry/services/:serviceName", 200}},
		{"GET", orders + "/o-1", nil, seen{"GET", "/registry/services/:serviceName/:instanceId", 404}},
		{"POST", "/registry/register", "{", seen{"POST", "/registry/register", 400}},
		{"POST", "/registry/register", registration(), seen{"POST", "/registry/register", 201}},
		{"GET", "/nothing", nil, seen{"", "", 404}},
		{"PUT", orders, nil, seen{"", "", 405}},
		{"GET", "/list", nil, seen{"", "loopback", 200}},
	} {
		n.do(c.method, c.path, c.body, unchecked)
		if s := <-got; s != c.want {
			t.Errorf("%s %s was observed as %+v, want %+v", c.method, c.path, s, c.want)
		}
	}
}
