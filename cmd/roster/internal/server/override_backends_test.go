//go:build unix

package server

import (
	"crypto/tls"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/roster-sd/roster/cmd/roster/internal/config"
	"github.com/roster-sd/roster/internal/etcdtest"
	"github.com/roster-sd/roster/internal/redistest"
	"github.com/roster-sd/roster/wire"
)

// realm is nodes on one backend, with an administrator and an owner who call any of them.
type realm struct {
	t           *testing.T
	f           *folder
	cfg         config.Config
	ops, orders *tls.Certificate
}

// governor is a node of a realm and who calls it.
type governor struct {
	*node
	ops, orders *caller
}

func (r *realm) node(name string) *governor {
	r.t.Helper()
	cfg := r.cfg
	cfg.Node = name
	n := serve(r.t, Options{Config: cfg})
	return &governor{n, n.as(r.f, r.ops, 2), n.as(r.f, r.orders, 1)}
}

const overridesOf = "/registry/admin/overrides/orders/"

// insist is call on a backend that a busy machine may make too slow to answer in time: what is
// answered with 503 is asked again. It may have been done, so another good answer is good then.
func (c *caller) insist(want int, method, path, token string, body, out any) {
	c.t.Helper()
	resp, data, err := c.try(method, path, token, body)
	for tries := 0; err == nil && resp.StatusCode == 503 && tries < 20; tries++ {
		time.Sleep(250 * time.Millisecond)
		if resp, data, err = c.try(method, path, token, body); err == nil && want < 300 && (resp.StatusCode < 300 || resp.StatusCode == 404) {
			want = resp.StatusCode
		}
	}
	if err != nil || resp.StatusCode != want {
		c.t.Fatalf("%s %s: %v, %v, want %d: %s", method, path, resp, err, want, data)
	}
	if out != nil && len(data) > 0 {
		if err := json.Unmarshal(data, out); err != nil {
			c.t.Fatalf("%s %s: %v: %s", method, path, err, data)
		}
	}
}

func (g *governor) register(want int, id string) wire.Registered {
	g.t.Helper()
	var got wire.Registered
	g.orders.insist(want, "POST", "/registry/register", "", wire.Registration{ServiceName: "orders", InstanceID: id, Port: 1}, &got)
	handedOut.Store(got.Token, true)
	return got
}

func (g *governor) set(id string, q wire.OverrideRequest) {
	g.t.Helper()
	g.ops.insist(200, "PUT", overridesOf+id, "", q, nil)
}

func (g *governor) lift(id string) {
	g.t.Helper()
	g.ops.insist(204, "DELETE", overridesOf+id, "", nil, nil)
}

// shows waits until the node shows an instance as status, its override's where it has one.
func (g *governor) shows(id, status string) {
	g.t.Helper()
	var in wire.Instance
	eventually(g.t, g.srv.node+" shows "+id+" as "+status, func() bool {
		in = wire.Instance{}
		g.orders.call(200, "GET", "/registry/services/orders/"+id, "", nil, &in)
		return in.State() == status && (in.Override == nil) == (status == "up")
	})
}

// knows waits until the node has as many overrides.
func (g *governor) knows(want int) {
	g.t.Helper()
	eventually(g.t, g.srv.node+" knows its overrides", func() bool {
		var list wire.Overrides
		g.ops.call(200, "GET", "/registry/admin/overrides", "", nil, &list)
		return len(list.Overrides) == want
	})
}

// keptOut checks that the ID is refused, with what the administrator said.
func (g *governor) keptOut(id, reason string) {
	g.t.Helper()
	var p wire.Problem
	g.orders.insist(410, "POST", "/registry/register", "", wire.Registration{ServiceName: "orders", InstanceID: id, Port: 1}, &p)
	if p.Code != wire.CodeLeaseLost || p.Reason != "forced" || !strings.Contains(p.Detail, reason) {
		g.t.Errorf("%s refuses %s with %+v", g.srv.node, id, p)
	}
}

// TestOverridesOnBackends: an administrator's word on the backends that nodes share, from end to
// end: set on one node and seen on the other, it outlives a registration, ends when it is lifted
// and by itself, keeps out what was removed, and is there again after the loss of all data, also
// for a node that comes later.
func TestOverridesOnBackends(t *testing.T) {
	t.Run("redis", func(t *testing.T) {
		t.Parallel()
		server := redistest.Start(t, redistest.Options{})
		testOverrides(t, func(c *config.Config) {
			c.Store.Backend, c.Store.Redis.Addresses = config.Redis, []string{server.Addr()}
		}, func() { server.Restart(false) })
	})
	t.Run("etcd", func(t *testing.T) {
		t.Parallel()
		server := etcdtest.Start(t, etcdtest.Options{NoFsync: true})
		testOverrides(t, func(c *config.Config) {
			c.Store.Backend, c.Store.Etcd.Endpoints = config.Etcd, []string{server.Addr()}
		}, func() { server.Restart(false) })
	})
}

func testOverrides(t *testing.T, on func(*config.Config), lose func()) {
	f := newFolder(t)
	cfg := secure(f)
	on(&cfg)
	cfg.Lease.DefaultTTL = time.Hour // nobody renews
	cfg.Auth.Policies = []config.PolicyRule{
		{Identity: "spiffe://example.org/orders", Register: []string{"*"}, Discover: []string{"*"}},
		{Identity: "spiffe://example.org/ops", Admin: true},
	}
	r := &realm{t, f, cfg, f.client("ops"), f.client("orders")}
	a, b := r.node("a"), r.node("b")

	// Set on one node, seen on the other, and no registration takes it away.
	a.register(201, "o-1")
	b.register(201, "o-2")
	a.set("o-1", wire.OverrideRequest{Status: "out_of_service", Reason: "it leaks", For: 3_600_000})
	b.shows("o-1", "out_of_service")
	for range 4 {
		var in wire.Instance
		if b.orders.call(200, "GET", "/registry/resolve/orders", "", nil, &in); in.InstanceID != "o-2" {
			t.Errorf("resolved %s", in.InstanceID)
		}
	}
	mine := b.register(200, "o-1")
	if mine.Instance.Override == nil || mine.Instance.Override.Reason != "it leaks" {
		t.Errorf("after a registration: %+v", mine.Instance.Override)
	}
	a.shows("o-1", "out_of_service")

	// Lifted on the other node.
	b.knows(1)
	b.lift("o-1")
	a.shows("o-1", "up")
	b.shows("o-1", "up")

	// It ends by itself. A stream tells all that was, also to who looks late.
	stream := b.as(f, r.orders, 1).watch("?service=orders")
	a.set("o-2", wire.OverrideRequest{Status: "draining", Reason: "for a moment", For: 4000})
	told := func(what string) {
		t.Helper()
		eventually(t, "b's watcher is told: "+what, func() bool { return strings.Contains(stream.text.String(), what) })
	}
	told(`"reason":"for a moment"`)
	a.knows(0)
	b.knows(0)
	a.shows("o-2", "up")
	b.shows("o-2", "up")

	// Removed, it stays out on both, until that is lifted.
	a.ops.insist(204, "DELETE", "/registry/services/orders/o-1?reason=stuck", "", nil, nil)
	told(`"reason":"forced"`)
	b.knows(1)
	b.keptOut("o-1", "stuck")
	a.keptOut("o-1", "stuck")
	ref := wire.InstanceRef{ServiceName: "orders", InstanceID: "o-1"}
	b.orders.insist(410, "POST", "/registry/heartbeat", mine.Token, ref, nil)
	b.lift("o-1")
	a.register(201, "o-1")

	// The backend loses everything: what was said still stands, for who comes later too.
	b.set("o-3", wire.OverrideRequest{KeepOut: true, Reason: "never again", For: 3_600_000})
	a.knows(1)
	lose()
	c := r.node("c")
	c.knows(1)
	c.keptOut("o-3", "never again")
	a.knows(1)
}
