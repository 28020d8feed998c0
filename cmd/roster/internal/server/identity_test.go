package server

import (
	"fmt"
	"strings"
	"testing"

	"github.com/roster-sd/roster/wire"
)

// TestMutualTLS: an instance's life under mutual TLS, over both versions of HTTP.
func TestMutualTLS(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	orders := f.client("orders")
	n := serve(t, Options{Config: secure(f)})
	for _, version := range []int{1, 2} {
		t.Run(fmt.Sprintf("HTTP %d", version), func(t *testing.T) {
			service := fmt.Sprintf("orders-%d", version)
			c, watcher := n.as(f, orders, version), n.as(f, orders, version)
			c.t, watcher.t = t, t
			w := watcher.watch("?service=" + service)
			if want := map[int]string{1: "HTTP/1.1", 2: "HTTP/2.0"}[version]; w.proto != want {
				t.Errorf("the protocol is %s, want %s", w.proto, want)
			}
			mine := c.register(201, service, "o-1", "")
			if mine.TokenExpiresAt <= mine.Instance.RegisteredAt || mine.TTL != 30_000 || mine.Instance.Address != "127.0.0.1" {
				t.Errorf("registered: TTL %d, token until %d, at %s", mine.TTL, mine.TokenExpiresAt, mine.Instance.Address)
			}
			c.heartbeat(200, service, "o-1", mine.Token)
			var fresh wire.Token
			c.call(200, "POST", "/registry/token/rotate", mine.Token, wire.InstanceRef{ServiceName: service, InstanceID: "o-1"}, &fresh)
			handedOut.Store(fresh.Token, true)
			c.heartbeat(200, service, "o-1", mine.Token) // good until the new one is used
			c.heartbeat(200, service, "o-1", fresh.Token)
			c.heartbeat(401, service, "o-1", mine.Token)
			c.call(204, "DELETE", "/registry/services/"+service+"/o-1", fresh.Token, nil, nil)
			eventually(t, "the watch tells of both ends of it", func() bool {
				text := w.text.String()
				return strings.Count(text, "event: put\n") == 1 && strings.Count(text, "event: delete\n") == 1
			})
			if text := w.text.String(); !strings.Contains(text, `"actor":"spiffe://example.org/orders"`) || strings.Contains(text, fresh.Token) {
				t.Errorf("the watch says %s", text)
			}
		})
	}
}

// TestIdentityIsBound: what one identity registered, another can neither take over nor
// touch, not even with the token.
func TestIdentityIsBound(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	n := serve(t, Options{Config: secure(f)})
	owner, thief := n.as(f, f.client("orders"), 2), n.as(f, f.client("thief"), 2)
	mine := owner.register(201, "orders", "o-1", "")
	ref := wire.InstanceRef{ServiceName: "orders", InstanceID: "o-1"}
	const path = "/registry/services/orders/o-1"

	for _, token := range []string{"", mine.Token} {
		if token == "" {
			thief.register(409, "orders", "o-1", token)
		}
		thief.call(401, "POST", "/registry/heartbeat", token, ref, nil)
		thief.call(401, "POST", "/registry/token/rotate", token, ref, nil)
		thief.call(401, "PATCH", path, token, map[string]any{"weight": 1}, nil)
		thief.call(401, "DELETE", path, token, nil, nil)
	}
	var results wire.HeartbeatResults
	batch := wire.Heartbeats{Items: []wire.HeartbeatItem{{ServiceName: "orders", InstanceID: "o-1", Token: mine.Token}}}
	thief.call(200, "POST", "/registry/heartbeats", "", batch, &results)
	if results.Results[0].Status != 401 {
		t.Errorf("a batch of another identity: %+v", results.Results)
	}
	// Nobody but the owner has moved anything.
	var in wire.Instance
	owner.call(200, "GET", path, "", nil, &in)
	if in.Revision != mine.Instance.Revision || in.Weight != 100 {
		t.Errorf("the instance has changed: %+v", in)
	}
	owner.heartbeat(200, "orders", "o-1", mine.Token)

	// The identity alone is enough to take over what is its own.
	next := owner.register(200, "orders", "o-1", "")
	if next.Token == mine.Token {
		t.Error("the token is the old one")
	}
	owner.heartbeat(410, "orders", "o-1", mine.Token)
	owner.heartbeat(200, "orders", "o-1", next.Token)
	n.logged(`"msg":"takeover refused"`)
}

// TestInsecure: over plain HTTP nothing proves who calls, so only the token takes over.
func TestInsecure(t *testing.T) {
	t.Parallel()
	cfg := free()
	cfg.Admin.Listen = ""
	n := serve(t, Options{Config: cfg, Insecure: true})
	if n.srv.AdminAddr() != "" {
		t.Errorf("there is an admin listener at %s", n.srv.AdminAddr())
	}
	one, two := n.plain(n.srv.Addr()), n.plain(n.srv.Addr())
	mine := one.register(201, "orders", "o-1", "")
	two.register(409, "orders", "o-1", "")
	one.register(409, "orders", "o-1", "")
	two.heartbeat(401, "orders", "o-1", "")
	next := two.register(200, "orders", "o-1", mine.Token)
	one.heartbeat(410, "orders", "o-1", mine.Token)
	one.heartbeat(200, "orders", "o-1", next.Token)
	n.logged(`"identity":"anonymous"`)
	n.logged(`"level":"WARN","msg":"plain HTTP`)
	one.call(404, "GET", "/list", "", nil, nil)    // the loopback surface is that of dev
	one.call(404, "GET", "/metrics", "", nil, nil) // and so is everything on one port
	one.call(403, "GET", "/registry/admin/dump", "", nil, nil)
}
