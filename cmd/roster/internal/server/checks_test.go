//go:build unix

package server

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/roster-sd/roster/check/share"
	"github.com/roster-sd/roster/cmd/roster/internal/config"
	"github.com/roster-sd/roster/internal/etcdtest"
	"github.com/roster-sd/roster/internal/redistest"
	"github.com/roster-sd/roster/internal/tcpproxy"
	"github.com/roster-sd/roster/wire"
)

// patients are instances of one service, each behind a network of its own.
type patients struct {
	t       *testing.T
	proxies map[string]*tcpproxy.Proxy // by instance
}

const inFleet = 24

func admitPatients(t *testing.T) *patients {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/healthz" {
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(server.Close)
	p := &patients{t: t, proxies: map[string]*tcpproxy.Proxy{}}
	for i := range inFleet {
		proxy, err := tcpproxy.New(server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(proxy.Close)
		p.proxies[fmt.Sprintf("o-%d", i)] = proxy
	}
	return p
}

// register registers one, which is removed when it fails if evict.
func (p *patients) register(c *caller, id string, evict bool) {
	p.t.Helper()
	p.registerIn("orders", c, id, evict)
}

func (p *patients) registerIn(service string, c *caller, id string, evict bool) {
	p.t.Helper()
	port := p.proxies[id].Addr()
	_, text, err := net.SplitHostPort(port)
	if err != nil {
		p.t.Fatal(err)
	}
	in := wire.Registration{ServiceName: service, InstanceID: id, Address: "127.0.0.1",
		Check: &wire.Check{Type: wire.CheckHTTP, Path: "/healthz", Interval: 1000, Timeout: 1000, Failures: 3, Successes: 1}}
	if _, err := fmt.Sscan(text, &in.Port); err != nil {
		p.t.Fatal(err)
	}
	if evict {
		in.Check.OnFailure = wire.OnFailureEvict
	}
	var got wire.Registered
	c.insist(201, "POST", "/registry/register", "", in, &got)
	handedOut.Store(got.Token, true)
}

// doctor is a node and who asks it.
type doctor struct {
	*node
	orders *caller
}

// health gives the instances that the node lists, by their health.
func (c *doctor) health() map[string][]string {
	c.t.Helper()
	var list struct{ Instances []wire.Instance }
	c.orders.insist(200, "GET", "/registry/services/orders", "", nil, &list)
	out := map[string][]string{}
	for _, in := range list.Instances {
		out[in.Health] = append(out[in.Health], in.InstanceID)
	}
	for _, ids := range out {
		slices.Sort(ids)
	}
	return out
}

func (c *doctor) status() share.Status {
	st, _ := c.srv.checkStatus()
	return st
}

// TestChecksOnBackends: three nodes on a backend share the checks of a fleet. What dies is found
// out, whichever node has it; a fleet that is cut off from the nodes is not taken down; and
// when a node ends, the others have its part.
func TestChecksOnBackends(t *testing.T) {
	t.Run("redis", func(t *testing.T) {
		t.Parallel()
		server := redistest.Start(t, redistest.Options{})
		testChecks(t, func(c *config.Config) {
			c.Store.Backend, c.Store.Redis.Addresses = config.Redis, []string{server.Addr()}
		})
	})
	t.Run("etcd", func(t *testing.T) {
		t.Parallel()
		server := etcdtest.Start(t, etcdtest.Options{NoFsync: true})
		testChecks(t, func(c *config.Config) {
			c.Store.Backend, c.Store.Etcd.Endpoints = config.Etcd, []string{server.Addr()}
		})
	})
}

func testChecks(t *testing.T, on func(*config.Config)) {
	f := newFolder(t)
	cfg := secure(f)
	on(&cfg)
	cfg.Lease.DefaultTTL = time.Hour // nobody renews
	cfg.Checks.PerAddress = 1000     // all of the fleet is at one address
	cert := f.client("orders")
	var nodes []*doctor
	for _, name := range []string{"a", "b", "c"} {
		cfg.Node = name
		n := serve(t, Options{Config: cfg, checkLoopback: true})
		nodes = append(nodes, &doctor{n, n.as(f, cert, 1)})
	}
	live := nodes
	all := func(what string, is func(*doctor) bool) {
		t.Helper()
		eventually(t, what, func() bool { return !slices.ContainsFunc(live, func(c *doctor) bool { return !is(c) }) })
	}
	shared := func(want int) {
		t.Helper()
		eventually(t, fmt.Sprintf("the %d nodes share %d checks", len(live), want), func() bool {
			sum := 0
			for _, c := range live {
				st := c.status()
				if sum += st.Targets; st.Nodes != len(live) {
					return false
				}
			}
			return sum == want
		})
	}
	p := admitPatients(t)
	for i := range inFleet {
		p.register(nodes[i%3].orders, fmt.Sprintf("o-%d", i), i == 1)
	}
	shared(inFleet)
	all("all pass", func(c *doctor) bool { return len(c.health()["passing"]) == inFleet })

	// One dies, and one that asked to be removed.
	p.proxies["o-0"].Cut(tcpproxy.Reset)
	p.proxies["o-1"].Cut(tcpproxy.Reset)
	all("one fails, and one is gone", func(c *doctor) bool {
		h := c.health()
		return slices.Contains(h["failing"], "o-0") && len(h["failing"])+len(h["passing"]) == inFleet-1
	})
	var events struct{ Events []wire.Event }
	nodes[0].orders.insist(200, "GET", "/registry/events?service=orders&instance=o-1&limit=1", "", nil, &events)
	if ev := events.Events; len(ev) != 1 || ev[0].Reason != "unreachable" || ev[0].Note == "" || ev[0].Node == "" {
		t.Errorf("told of the end: %+v", ev)
	}
	p.proxies["o-0"].Heal()
	p.proxies["o-1"].Heal()
	p.register(nodes[0].orders, "o-1", false)
	all("all pass again", func(c *doctor) bool { return len(c.health()["passing"]) == inFleet })

	// The fleet is out of reach of every node. Each of them has enough of it to doubt itself.
	for _, proxy := range p.proxies {
		proxy.Cut(tcpproxy.Reset)
	}
	all("it doubts itself", func(c *doctor) bool { return c.status().Doubting })
	all("no failure is reported", func(c *doctor) bool { return c.status().Withheld > 2 })
	if h := nodes[0].health(); len(h["passing"]) < inFleet-3 {
		t.Errorf("of a fleet that is cut off %v fail", h["failing"])
	}
	if h := live[0].srv.health(); !slices.ContainsFunc(h.Degraded, func(s string) bool { return strings.Contains(s, "may be cut off") }) {
		t.Errorf("readiness says %v", h.Degraded)
	}
	for _, proxy := range p.proxies {
		proxy.Heal()
	}
	all("it doubts itself no more", func(c *doctor) bool { return !c.status().Doubting && c.status().Withheld == 0 })
	all("all still pass", func(c *doctor) bool { return len(c.health()["passing"]) == inFleet })

	nodes[2].end()
	live = nodes[:2]
	shared(inFleet)
	p.proxies["o-2"].Cut(tcpproxy.Reset)
	all("one fails", func(c *doctor) bool { return slices.Contains(c.health()["failing"], "o-2") })
}

// TestChecksAreOff: where there are to be none a node does none.
func TestChecksAreOff(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	cfg := secure(f)
	cfg.Checks.Enabled = false
	n := serve(t, Options{Config: cfg})
	if _, ok := n.srv.checkStatus(); ok || n.srv.doubts() != "" {
		t.Error("it does checks")
	}
	if text := n.plain(n.srv.AdminAddr()).text(200, "/metrics"); strings.Contains(text, "roster_check_targets") {
		t.Error("it counts checks")
	}
}

// TestCheckCertificates: files that cannot be used are an error at the start, and later leave what
// was read before.
func TestCheckCertificates(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	cfg := secure(f)
	cfg.Checks.CAFile, cfg.Checks.CertFile, cfg.Checks.KeyFile = cfg.TLS.KeyFile, cfg.TLS.CertFile, cfg.TLS.ClientCAFile
	_, err := Open(Options{Config: cfg, Logger: serve(t, Options{Config: secure(f)}).srv.log})
	if err == nil || !strings.Contains(err.Error(), "checks.ca_file") || !strings.Contains(err.Error(), "checks.cert_file") {
		t.Errorf("it starts with %v", err)
	}
	cfg.Checks.CAFile, cfg.Checks.KeyFile = cfg.TLS.ClientCAFile, cfg.TLS.KeyFile
	n := serve(t, Options{Config: cfg})
	before := n.srv.checks.prober.Load()
	if err := n.srv.loadProber(); err != nil || n.srv.checks.prober.Load() == before {
		t.Errorf("read again: %v", err)
	}
	before = n.srv.checks.prober.Load()
	bad := &Server{cfg: cfg, checks: &checks{}}
	bad.cfg.Checks.CAFile = cfg.TLS.KeyFile
	bad.checks.prober.Store(before)
	if err := bad.loadProber(); err == nil || bad.checks.prober.Load() != before {
		t.Errorf("a bad file was taken: %v", err)
	}
}
