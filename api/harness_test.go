package api_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/roster-sd/roster/api"
	"github.com/roster-sd/roster/api/local"
	"github.com/roster-sd/roster/auth"
	"github.com/roster-sd/roster/catalog"
	"github.com/roster-sd/roster/internal/apicheck"
	"github.com/roster-sd/roster/internal/pipenet"
	"github.com/roster-sd/roster/internal/testlog"
	"github.com/roster-sd/roster/lease"
	"github.com/roster-sd/roster/registry"
	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/store/memory"
)

// node is a whole node: what it serves, and the clients of it.
type node struct {
	t       *testing.T
	store   store.Store
	catalog *catalog.Catalog
	reg     *registry.Registry
	api     *api.API
	url     string
	check   *apicheck.Checker
	clients *clients
}

// setup says how a node differs from the usual one.
type setup struct {
	policy  auth.Policy
	tokens  registry.TokenPolicy
	leases  lease.Policy
	wrap    func(store.Store) store.Store
	catalog func(*catalog.Options)
	api     func(*api.Options)
	cold    bool // the store cannot be read yet
	surface bool // with the loopback surface, whose leases are of 15 s
}

// start serves a node over mutual TLS: an identity is what a certificate says.
func start(t *testing.T, s setup) *node {
	t.Helper()
	n := assemble(t, s, func(r *http.Request) (string, error) {
		return auth.IdentityOf(r.TLS.PeerCertificates[0], nil)
	})
	srv := httptest.NewUnstartedServer(n.api.Handler())
	srv.TLS = serverTLS(t)
	srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) // clients come and go as they like
	srv.StartTLS()
	n.url = srv.URL
	n.clients.dial = func(identity string) *http.Transport {
		return &http.Transport{DisableCompression: true, TLSClientConfig: clientTLS(t, identity)}
	}
	t.Cleanup(func() {
		n.api.Drain()
		n.clients.close()
		srv.Close()
		n.wait()
	})
	return n
}

// simulate serves a node over pipes in the bubble of the test, whose time passes only while
// all of it waits. An identity is what the request says.
func simulate(t *testing.T, s setup) *node {
	t.Helper()
	n := assemble(t, s, func(r *http.Request) (string, error) { return r.Header.Get(who), nil })
	l := pipenet.Listen()
	srv := &http.Server{Handler: n.api.Handler()}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	n.url = "http://roster.test"
	n.clients.dial = func(identity string) *http.Transport {
		return &http.Transport{DisableCompression: true, DialContext: l.Dial}
	}
	t.Cleanup(func() {
		n.api.Drain()
		n.clients.close()
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
		<-served
		n.wait()
	})
	return n
}

// wait waits for the streams that the server does not know of.
func (n *node) wait() {
	n.t.Helper()
	if err := n.api.Wait(context.Background()); err != nil {
		n.t.Error(err)
	}
}

// assemble wires a node that serves nobody yet.
func assemble(t *testing.T, s setup, identity func(*http.Request) (string, error)) *node {
	t.Helper()
	if s.leases == (lease.Policy{}) {
		s.leases = lease.DefaultPolicy
	}
	authorizer, err := s.policy.Compile()
	if err != nil {
		t.Fatal(err)
	}
	var st store.Store = memory.Open(memory.Options{Node: "n1"})
	if s.wrap != nil {
		st = s.wrap(st)
	}
	log := slog.New(slog.NewTextHandler(testlog.New(t), nil))
	follow := catalog.Options{Store: st, Encode: api.EncodeInstance}
	if s.catalog != nil {
		s.catalog(&follow)
	}
	cat := catalog.New(follow)
	reg := registry.New(registry.Options{Store: st, Catalog: cat, Leases: s.leases, Authorizer: authorizer,
		Tokens: s.tokens, Node: "n1", Logger: log})
	opts := api.Options{Registry: reg, Logger: log, Identify: func(r *http.Request) (registry.Caller, error) {
		id, err := identity(r)
		return registry.Caller{Identity: id, From: "192.0.2.7"}, err
	}}
	if s.surface {
		surface := local.New(local.Options{Registry: reg, Caller: registry.Caller{Identity: "local"}})
		opts.Surface = &api.Surface{Register: surface.Register, Refuse: local.Refuse}
	}
	if s.api != nil {
		s.api(&opts)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 2)
	go func() { done <- cat.Run(ctx) }()
	go func() { done <- reg.FollowOverrides(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-done
		<-done
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	if !s.cold {
		select {
		case <-cat.Warm():
		case <-time.After(time.Minute):
			t.Fatal("the catalog did not become warm")
		}
	}
	check := shared(t)
	return &node{t: t, store: st, catalog: cat, reg: reg, api: api.New(opts), check: check, clients: newClients(check)}
}

// in gives the node for a part of the test.
func (n *node) in(t *testing.T) *node {
	part := *n
	part.t = t
	return &part
}
