package client

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/api"
	"github.com/roster-sd/roster/auth"
	"github.com/roster-sd/roster/catalog"
	"github.com/roster-sd/roster/lease"
	"github.com/roster-sd/roster/registry"
	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/store/memory"
	"github.com/roster-sd/roster/wire"
)

// rig is a real registry in memory, reached over pipes, in the bubble of a test. It is an
// http.RoundTripper that can lose requests and answers on the way.
type rig struct {
	t    *testing.T
	opts rigOptions
	base *http.Transport

	mu   sync.Mutex
	node *node
	down map[string]bool // hosts that refuse connections; "*": all
	// lose says of the answer to a call that it gets lost; nil: none does.
	lose  func(path string, n int) bool
	fake  map[string]string // answers that do not come from the registry
	count map[string]int
	times map[string][]time.Time
}

type rigOptions struct {
	tokens registry.TokenPolicy
	// unverified: as on plain HTTP nothing proves who calls.
	unverified bool
	policy     auth.Policy
}

// node is one run of the registry.
type node struct {
	store   store.Store
	catalog *catalog.Catalog
	reg     *registry.Registry
	handler http.Handler
	stop    func()
	pipes   *pipes
}

func newRig(t *testing.T, opts rigOptions) *rig {
	g := &rig{t: t, opts: opts, down: map[string]bool{}, count: map[string]int{}, times: map[string][]time.Time{}}
	g.base = &http.Transport{DialContext: g.dial}
	g.start()
	t.Cleanup(func() {
		g.base.CloseIdleConnections()
		g.halt()
	})
	return g
}

// run starts a registry that has no past.
func run(t *testing.T, opts rigOptions, identify func(*http.Request) (registry.Caller, error)) *node {
	authorizer, err := opts.policy.Compile()
	if err != nil {
		t.Fatal(err)
	}
	st := memory.Open(memory.Options{Node: "n1"})
	cat := catalog.New(catalog.Options{Store: st, Encode: api.EncodeInstance})
	reg := registry.New(registry.Options{Store: st, Catalog: cat, Leases: lease.DefaultPolicy, Authorizer: authorizer,
		Tokens: opts.tokens, Node: "n1"})
	a := api.New(api.Options{Registry: reg, Logger: slog.New(slog.DiscardHandler), Identify: identify})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- cat.Run(ctx) }()
	<-cat.Warm()
	return &node{store: st, catalog: cat, reg: reg, handler: a.Handler(), stop: func() {
		if err := a.Wait(context.Background()); err != nil {
			t.Error(err)
		}
		cancel()
		<-done
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	}}
}

func (g *rig) start() {
	n := run(g.t, g.opts, func(r *http.Request) (registry.Caller, error) {
		who, _, _ := strings.Cut(r.Host, ".")
		return registry.Caller{Identity: who, Unverified: g.opts.unverified, From: "192.0.2.7"}, nil
	})
	n.pipes = &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
	srv := &http.Server{Handler: n.handler}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(n.pipes) }()
	stop := n.stop
	n.stop = func() {
		_ = srv.Close()
		<-served
		stop()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.node = n
}

// halt stops the registry; what it knew is gone.
func (g *rig) halt() {
	g.mu.Lock()
	n := g.node
	g.node = nil
	g.mu.Unlock()
	if n != nil {
		n.stop()
	}
}

func (g *rig) dial(ctx context.Context, _, address string) (net.Conn, error) {
	g.mu.Lock()
	n, down := g.node, g.down["*"] || g.down[address]
	g.mu.Unlock()
	if n == nil || down {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	}
	return n.pipes.dial(ctx)
}

// cut makes hosts refuse connections, and closes those that stand.
func (g *rig) cut(down bool, hosts ...string) {
	g.mu.Lock()
	for _, h := range hosts {
		g.down[h] = down
	}
	n := g.node
	g.mu.Unlock()
	if down && n != nil {
		n.pipes.cut()
	}
	g.base.CloseIdleConnections()
}

func (g *rig) RoundTrip(req *http.Request) (*http.Response, error) {
	path := req.Method + " " + strings.TrimPrefix(req.URL.Path, "/registry/")
	g.mu.Lock()
	g.count[path]++
	g.times[path] = append(g.times[path], time.Now())
	n, lose := g.count[path], g.lose
	fake, ok := g.fake[path]
	g.mu.Unlock()
	if ok {
		return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(fake)), Request: req}, nil
	}
	resp, err := g.base.RoundTrip(req)
	if err == nil && lose != nil && lose(path, n) {
		resp.Body.Close()
		return nil, io.ErrUnexpectedEOF
	}
	return resp, err
}

// calls gives how many calls of a kind there were.
func (g *rig) calls(path string) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.count[path]
}

// losing makes answers get lost; nil ends that.
func (g *rig) losing(lose func(path string, n int) bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.lose = lose
}

// client gives a client that calls itself by the identity.
func (g *rig) client(identity string) *Client {
	g.t.Helper()
	c, err := New(Options{
		InOrder:    true,
		Addresses:  []string{"http://" + identity + ".one:80", "http://" + identity + ".two:80"},
		HTTPClient: &http.Client{Transport: g},
	})
	if err != nil {
		g.t.Fatal(err)
	}
	return c
}

// keep registers an instance, which is closed with the test at the latest.
func (g *rig) keep(c *Client, in wire.Registration) *Registration {
	g.t.Helper()
	r, err := c.Register(g.t.Context(), in, RegisterOptions{})
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { _ = r.Close() })
	return r
}

// listed gives the instances of a service as the registry lists them, by ID and status.
func (g *rig) listed(service string) string {
	g.t.Helper()
	out, err := g.client("reader").Service(g.t.Context(), service, ServiceOptions{})
	if err != nil {
		g.t.Fatal(err)
	}
	var ids []string
	for _, in := range out.Instances {
		ids = append(ids, in.InstanceID+":"+in.Status)
	}
	return strings.Join(ids, " ")
}

func (g *rig) want(service, want string) {
	g.t.Helper()
	if got := g.listed(service); got != want {
		g.t.Errorf("%s lists %q, want %q", service, got, want)
	}
}

func (g *rig) state(r *Registration, want State) {
	g.t.Helper()
	if got := r.State(); got != want {
		g.t.Errorf("the state is %v (%v), want %v", got, r.Err(), want)
	}
}

func pass(d time.Duration) {
	time.Sleep(d) // of the bubble's time
	synctest.Wait()
}

// pipes is a listener without a network.
type pipes struct {
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
	mu     sync.Mutex
	open   []net.Conn
}

func (p *pipes) dial(ctx context.Context) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case p.conns <- there:
		p.mu.Lock()
		defer p.mu.Unlock()
		p.open = append(p.open, here, there)
		return here, nil
	case <-p.closed:
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pipes) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.open {
		_ = c.Close()
	}
	p.open = nil
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.IPAddr{} }

// ends fails the test where an error is not of the kind.
func ends(t *testing.T, err, kind error) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Errorf("error %v, want %v", err, kind)
	}
}
