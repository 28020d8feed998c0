package api_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/roster-sd/roster/api"
	"github.com/roster-sd/roster/auth"
	"github.com/roster-sd/roster/catalog"
	"github.com/roster-sd/roster/internal/apicheck"
	"github.com/roster-sd/roster/lease"
	"github.com/roster-sd/roster/registry"
	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/store/memory"
	"github.com/roster-sd/roster/wire"
)

// node is a whole node but for TLS: the identity of a caller is what its request says.
type node struct {
	t       *testing.T
	store   store.Store
	catalog *catalog.Catalog
	api     *api.API
	url     string
	client  *http.Client
	check   *apicheck.Checker
}

// who is the header by which a test says who calls; without it, it is orders.
const who = "Test-Identity"

type setup struct {
	policy auth.Policy
	tokens registry.TokenPolicy
	leases lease.Policy
	wrap   func(store.Store) store.Store
	health func() api.Health
}

func start(t *testing.T, s setup) *node {
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
	log := slog.New(slog.NewTextHandler(testWriter{t}, nil))
	cat := catalog.New(catalog.Options{Store: st, Encode: api.EncodeInstance})
	reg := registry.New(registry.Options{Store: st, Catalog: cat, Leases: s.leases, Authorizer: authorizer,
		Tokens: s.tokens, Node: "n1", Logger: log})
	a := api.New(api.Options{Registry: reg, Health: s.health, Logger: log,
		Identify: func(r *http.Request) (registry.Caller, error) {
			id := r.Header.Get(who)
			if id == "" {
				id = "orders"
			}
			return registry.Caller{Identity: id, From: "192.0.2.7"}, nil
		}})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- cat.Run(ctx) }()
	srv := httptest.NewServer(a.Handler())
	n := &node{t: t, store: st, catalog: cat, api: a, url: srv.URL, check: shared(t)}
	n.client = &http.Client{Transport: n.check.Transport(&http.Transport{DisableCompression: true})}
	t.Cleanup(func() {
		a.Drain()
		n.client.CloseIdleConnections()
		srv.Close()
		cancel()
		<-done
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	select {
	case <-cat.Warm():
	case <-time.After(5 * time.Second):
		t.Fatal("the catalog did not become warm")
	}
	return n
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(b []byte) (int, error) {
	w.t.Logf("%s", strings.TrimSpace(string(b)))
	return len(b), nil
}

// reply is an answer that was read to its end.
type reply struct {
	status int
	header http.Header
	body   []byte
	t      *testing.T
}

// option changes a request before it is sent.
type option func(*http.Request)

func header(name, value string) option { return func(r *http.Request) { r.Header.Set(name, value) } }
func as(identity string) option        { return header(who, identity) }
func withToken(token string) option    { return header(wire.HeaderToken, token) }

// do sends a request. A body that is a string is sent as it stands.
func (n *node) do(method, path string, body any, opts ...option) reply {
	n.t.Helper()
	var r io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		r = strings.NewReader(b)
	default:
		text, err := json.Marshal(b)
		if err != nil {
			n.t.Fatal(err)
		}
		r = strings.NewReader(string(text))
	}
	req, err := http.NewRequest(method, n.url+path, r)
	if err != nil {
		n.t.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, o := range opts {
		o(req)
	}
	res, err := n.client.Do(req)
	if err != nil {
		n.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		n.t.Fatal(err)
	}
	return reply{status: res.StatusCode, header: res.Header, body: text, t: n.t}
}

// want fails the test unless the answer has the status.
func (r reply) want(status int) reply {
	r.t.Helper()
	if r.status != status {
		r.t.Fatalf("status %d, want %d: %s", r.status, status, r.body)
	}
	return r
}

func decode[T any](r reply) T {
	r.t.Helper()
	var v T
	if err := json.Unmarshal(r.body, &v); err != nil {
		r.t.Fatalf("%v: %s", err, r.body)
	}
	return v
}

// problem reads the answer as a problem of the code.
func (r reply) problem(status int, code string) wire.Problem {
	r.t.Helper()
	r.want(status)
	p := decode[wire.Problem](r)
	if p.Code != code {
		r.t.Fatalf("code %q, want %q: %s", p.Code, code, r.body)
	}
	return p
}

// register registers an instance of a service and gives the answer.
func (n *node) register(service, id string, opts ...option) wire.Registered {
	n.t.Helper()
	return decode[wire.Registered](n.do("POST", "/registry/register",
		wire.Registration{ServiceName: service, InstanceID: id, Address: "10.0.0.1", Port: 8080}, opts...))
}
