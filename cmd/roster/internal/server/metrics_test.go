package server

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/roster-sd/roster/wire"
)

// metric gives the value of a series in the text format.
func metric(t *testing.T, text, series string) float64 {
	t.Helper()
	v, ok := lookUp(text, series)
	if !ok {
		t.Errorf("there is no series %s", series)
	}
	return v
}

func lookUp(text, series string) (float64, bool) {
	for line := range strings.Lines(text) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), "} ")
		name += "}"
		if !ok {
			name, value, _ = strings.Cut(strings.TrimSpace(line), " ")
		}
		if name == series {
			v, err := strconv.ParseFloat(value, 64)
			return v, err == nil
		}
	}
	return 0, false
}

// TestMetrics: after a small scenario every figure is what happened.
func TestMetrics(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	cfg := secure(f)
	cfg.Lease.MinTTL = 100 * time.Millisecond
	n := serve(t, Options{Config: cfg})
	c, admin := n.as(f, f.client("orders"), 2), n.plain(n.srv.AdminAddr())

	mine := c.register(201, "orders", "o-1", "")
	for range 3 {
		c.heartbeat(200, "orders", "o-1", mine.Token)
	}
	c.heartbeat(401, "orders", "o-1", strings.Repeat("A", 43))
	c.heartbeat(404, "orders", "nobody", strings.Repeat("A", 43))
	var fresh wire.Token
	c.call(200, "POST", "/registry/token/rotate", mine.Token, wire.InstanceRef{ServiceName: "orders", InstanceID: "o-1"}, &fresh)
	handedOut.Store(fresh.Token, true)
	for range 2 {
		c.text(200, "/registry/resolve/orders")
	}
	c.text(404, "/registry/resolve/nobody")
	c.text(404, "/nowhere/at/all")
	w := n.as(f, f.client("watcher"), 2).watch("")
	ttl := int64(100)
	var brief wire.Registered
	c.call(201, "POST", "/registry/register", "", wire.Registration{ServiceName: "brief", InstanceID: "b-1", Port: 1, TTL: &ttl}, &brief)
	handedOut.Store(brief.Token, true)
	eventually(t, "the brief one has expired", func() bool { return strings.Contains(w.text.String(), `"reason":"expired"`) })
	c.heartbeat(410, "brief", "b-1", brief.Token)

	text := admin.text(200, "/metrics")
	for series, want := range map[string]float64{
		"roster_leases_granted_total":                                 2,
		"roster_leases_renewed_total":                                 3,
		"roster_leases_expired_total":                                 1,
		"roster_tokens_rotated_total":                                 1,
		"roster_resolves_total":                                       3,
		"roster_leases":                                               1,
		"roster_services":                                             1,
		"roster_watchers":                                             1,
		"roster_watchers_resynced_total":                              0,
		"roster_catalog_resyncs_total":                                0,
		"roster_catalog_age_seconds":                                  0,
		"roster_instances_held":                                       0,
		"roster_pauses_total":                                         0,
		"roster_denied_total":                                         0,
		"roster_tls_handshakes_refused_total":                         0,
		`roster_build_info{version="test"}`:                           1,
		`roster_instances{service="orders"}`:                          1,
		`roster_store_call_seconds_count{op="register",outcome="ok"}`: 2,
		`roster_http_request_seconds_count{method="POST",route="/registry/register",status="2xx"}`:            2,
		`roster_http_request_seconds_count{method="POST",route="/registry/heartbeat",status="2xx"}`:           3,
		`roster_http_request_seconds_count{method="POST",route="/registry/heartbeat",status="4xx"}`:           3,
		`roster_http_request_seconds_count{method="GET",route="/registry/resolve/:serviceName",status="2xx"}`: 2,
		`roster_http_request_seconds_count{method="",route="unknown",status="4xx"}`:                           1,
	} {
		if got := metric(t, text, series); got != want {
			t.Errorf("%s is %v, want %v", series, got, want)
		}
	}
	if got := metric(t, text, `roster_store_call_seconds_count{op="renew",outcome="ok"}`); got < 3 {
		t.Errorf("%v calls to renew", got)
	}
	if got := metric(t, text, `roster_http_request_seconds_sum{method="POST",route="/registry/heartbeat",status="2xx"}`); got <= 0 || got > 10 {
		t.Errorf("three heartbeats took %v seconds", got)
	}
	if _, ok := lookUp(text, `roster_instances{service="brief"}`); ok {
		t.Error("a service without an instance has a series")
	}
	if end := metric(t, text, "roster_tls_certificate_expiry_seconds"); time.Until(time.Unix(int64(end), 0)) < 24*time.Hour {
		t.Errorf("the certificate runs out at %v", end)
	}
	if strings.Contains(text, "/nowhere") || strings.Contains(text, "spiffe://") {
		t.Error("the metrics have labels that callers choose")
	}
}

// TestMetricsOfManyServices: the names of services are callers' to choose, so how many are
// labels is bounded; the largest are.
func TestMetricsOfManyServices(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	n := serve(t, Options{Config: secure(f)})
	c, admin := n.as(f, f.client("orders"), 2), n.plain(n.srv.AdminAddr())
	const services = 150
	for i := range services {
		c.register(201, fmt.Sprintf("service-%03d", i), "a", "")
	}
	for _, id := range []string{"b", "c"} {
		c.register(201, "service-149", id, "")
	}
	text := admin.text(200, "/metrics")
	series, sum := 0, 0.0
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "roster_instances{") {
			series++
			v, _ := lookUp(line, line[:strings.Index(line, "} ")+1])
			sum += v
		}
	}
	if series != 101 || sum != services+2 {
		t.Errorf("%d series of %v instances, want 101 of %d", series, sum, services+2)
	}
	if got := metric(t, text, `roster_instances{service="service-149"}`); got != 3 {
		t.Errorf("the largest service has %v instances, want 3", got)
	}
	if got := metric(t, text, `roster_instances{service="(other)"}`); got != services-100 {
		t.Errorf("%v instances of other services, want %d", got, services-100)
	}
	if got := metric(t, text, "roster_services"); got != services {
		t.Errorf("%v services", got)
	}
}
