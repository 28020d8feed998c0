package server

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/roster-sd/roster/internal/admit"
	"github.com/roster-sd/roster/wire"
)

// TestRequestsPerSecond: each identity has its own, and is told when to come back.
func TestRequestsPerSecond(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	cfg := secure(f)
	cfg.Limits.RequestsPerSecond = 3
	n := serve(t, Options{Config: cfg})
	greedy, other := n.as(f, f.client("greedy"), 2), n.as(f, f.client("orders"), 2)
	answered, refused := 0, 0
	for range 30 {
		resp, data, err := greedy.try("GET", "/registry/services", "", nil)
		if err != nil {
			t.Fatal(err)
		}
		switch resp.StatusCode {
		case 200:
			answered++
		case 429:
			refused++
			var p wire.Problem
			after, err := strconv.Atoi(resp.Header.Get("Retry-After"))
			if json.Unmarshal(data, &p) != nil || p.Code != wire.CodeRateLimited || err != nil || after != 1 {
				t.Fatalf("refused with %s, Retry-After %q", data, resp.Header.Get("Retry-After"))
			}
		default:
			t.Fatal(resp.Status)
		}
	}
	// The thirty take less than the eight seconds in which all would be answered.
	if answered < 3 || refused == 0 {
		t.Errorf("%d were answered, %d refused", answered, refused)
	}
	for range 3 {
		other.text(200, "/registry/services")
	}
	// Health checks are nobody's quota.
	for range 10 {
		greedy.text(200, "/ready")
	}
	n.limited(limitRequests, refused)
}

// limited checks how often the metrics say that a limit was run into.
func (n *node) limited(limit string, want int) {
	n.t.Helper()
	text := n.plain(n.srv.AdminAddr()).text(200, "/metrics")
	if got := metric(n.t, text, `roster_limited_total{limit="`+limit+`"}`); int(got) != want {
		n.t.Errorf("the limit %s was run into %v times, want %d", limit, got, want)
	}
}

// refusedFor sends a request that must be refused for a quota, and gives the answer.
func (c *caller) refusedFor(method, path string, body any, key string) *http.Response {
	c.t.Helper()
	resp, data, err := c.try(method, path, "", body)
	if err != nil {
		c.t.Fatal(err)
	}
	var p wire.Problem
	after, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
	if resp.StatusCode != 429 || json.Unmarshal(data, &p) != nil || p.Code != wire.CodeRateLimited || !strings.Contains(p.Detail, key) || after < 1 {
		c.t.Errorf("%s %s: %s, Retry-After %d: %s", method, path, resp.Status, after, data)
	}
	return resp
}

// TestConnectionsOfAnIdentity: one too many is told so and closed, over HTTP/1.1 and 2; far
// too many end in the handshake; other identities are free; and one that is closed makes room.
func TestConnectionsOfAnIdentity(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	cfg := secure(f)
	cfg.Limits.Connections = 2
	n := serve(t, Options{Config: cfg})
	cert := f.client("greedy")
	first, second := n.as(f, cert, 1), n.as(f, cert, 2)
	first.text(200, "/registry/services")
	second.text(200, "/registry/services")
	for version := 1; version <= 2; version++ {
		third := n.as(f, cert, version)
		resp := third.refusedFor("GET", "/registry/services", nil, "limits.connections")
		if version == 1 && !resp.Close {
			t.Error("the connection is not to be closed")
		}
		eventually(t, "it is closed", func() bool { return n.srv.gate.Open() == 2 })
	}
	first.text(200, "/registry/services") // on the connection that it has
	n.as(f, f.client("other"), 1).text(200, "/registry/services")
	n.limited(string(admit.PerIdentity), 2)
	n.logged(`"msg":"connection refused","limit":"identity_connections","from":"127.0.0.1"`)

	// Those that ask for nothing, and so are never told, are bounded as well.
	var idle []*raw
	for range 2 {
		idle = append(idle, n.dial(t, f, cert, "h2"))
	}
	eventually(t, "the handshakes are over", func() bool {
		return metric(t, n.plain(n.srv.AdminAddr()).text(200, "/metrics"), `roster_limited_total{limit="identity_connections"}`) == 4
	})
	if err := handshake(t, n.srv.Addr(), f.trust(cert)); err == nil || !strings.Contains(err.Error(), "remote error: tls: ") {
		t.Errorf("one far beyond the limit is told %v", err)
	}
	for _, c := range idle {
		c.Close()
	}
	first.http.CloseIdleConnections()
	eventually(t, "there is room again", func() bool {
		resp, _, err := n.as(f, cert, 1).try("GET", "/registry/services", "", nil)
		return err == nil && resp.StatusCode == 200
	})
}

// TestAddressConnections: one too many from an address is closed before the handshake.
func TestAddressConnections(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	cfg := secure(f)
	cfg.Limits.AddressConnections = 1
	n := serve(t, Options{Config: cfg})
	c := n.as(f, f.client("orders"), 1)
	c.text(200, "/ready")
	if _, _, err := n.as(f, f.client("other"), 1).try("GET", "/ready", "", nil); err == nil {
		t.Error("a second connection from the address is served")
	}
	c.text(200, "/ready")
	n.limited(string(admit.PerAddress), 1)
	n.logged(`"msg":"connection refused","limit":"address_connections","from":"127.0.0.1"`)
}

// TestAddressRate: an address opens no more connections in a second than it may.
func TestAddressRate(t *testing.T) {
	t.Parallel()
	cfg := free()
	cfg.Limits.AddressConnectsPerSecond = 2
	n := serve(t, Options{Config: cfg, Insecure: true})
	refused := 0
	for range 50 { // in much less than the 24 s that this takes at that rate
		if _, _, err := n.plain(n.srv.Addr()).try("GET", "/ready", "", nil); err != nil {
			refused++
		}
	}
	if refused == 0 || refused > 48 {
		t.Errorf("%d of 50 connections at once were refused", refused)
	}
	n.limited(string(admit.PerSecond), refused)
}

// TestInstanceQuota and what it says; the rules are tested in package registry.
func TestInstanceQuota(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	cfg := secure(f)
	cfg.Limits.Instances = 2
	n := serve(t, Options{Config: cfg})
	c := n.as(f, f.client("orders"), 2)
	c.register(201, "orders", "o-1", "")
	c.register(201, "orders", "o-2", "")
	c.refusedFor("POST", "/registry/register", wire.Registration{ServiceName: "billing", InstanceID: "b", Port: 1}, "limits.instances")
	c.register(200, "orders", "o-2", "")
	n.as(f, f.client("other"), 2).register(201, "orders", "o-3", "")
	n.limited(limitInstances, 1)
}

// TestWatcherQuota: open streams count; the rest is tested in package api.
func TestWatcherQuota(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	cfg := secure(f)
	cfg.Limits.Watchers = 1
	n := serve(t, Options{Config: cfg})
	cert := f.client("orders")
	n.as(f, cert, 2).watch("")
	c := n.as(f, cert, 2)
	c.refusedFor("GET", "/registry/watch", nil, "limits.watchers")
	c.text(200, "/registry/services")
	n.as(f, f.client("other"), 2).watch("")
	n.limited(limitWatchers, 1)
}

// TestConnectionsWithin: what connections leave of the descriptors.
func TestConnectionsWithin(t *testing.T) {
	t.Parallel()
	for descriptors, want := range map[int]int{0: 0, 100: 50, 256: 128, 1024: 896, 20_000: 18_976, 1 << 20: 1<<20 - 1024} {
		if got := connectionsWithin(descriptors); got != want {
			t.Errorf("of %d descriptors %d are for connections, want %d", descriptors, got, want)
		}
	}
}

// TestSparing: a line a second, with how many were left out.
func TestSparing(t *testing.T) {
	t.Parallel()
	var x sparing
	now := time.Now()
	for i, step := range []struct {
		at   time.Duration
		more int
		ok   bool
	}{{0, 0, true}, {time.Millisecond, 0, false}, {999 * time.Millisecond, 0, false}, {time.Second, 2, true}, {5 * time.Second, 0, true}} {
		if more, ok := x.tell(now.Add(step.at)); more != step.more || ok != step.ok {
			t.Errorf("step %d: %d, %v", i, more, ok)
		}
	}
}
