package local_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/roster-sd/roster/api"
	"github.com/roster-sd/roster/api/local"
	"github.com/roster-sd/roster/auth"
	"github.com/roster-sd/roster/catalog"
	"github.com/roster-sd/roster/internal/pipenet"
	"github.com/roster-sd/roster/lease"
	"github.com/roster-sd/roster/registry"
	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/store/memory"
)

// daemon is what `roster dev` serves: both surfaces on one port of loopback, to one user.
type daemon struct {
	t      *testing.T
	store  store.Store
	client http.RoundTripper
}

type setup struct {
	ttl  time.Duration // zero: the default
	wrap func(store.Store) store.Store
	cold bool // the store cannot be read yet
}

// url is where the daemon believes to listen. Its connections are pipes, so that a test can
// run in a bubble, whose time passes only while all of it waits.
const url = "http://127.0.0.1:8080"

func start(t *testing.T, s setup) *daemon {
	t.Helper()
	authorizer, err := auth.Policy{}.Compile()
	if err != nil {
		t.Fatal(err)
	}
	var st store.Store = memory.Open(memory.Options{Node: "n1"})
	if s.wrap != nil {
		st = s.wrap(st)
	}
	cat := catalog.New(catalog.Options{Store: st, Encode: api.EncodeInstance})
	leases := lease.DefaultPolicy
	if s.ttl != 0 {
		leases.Min = min(leases.Min, s.ttl)
	}
	reg := registry.New(registry.Options{Store: st, Catalog: cat, Leases: leases, Authorizer: authorizer, Node: "n1"})
	me := registry.Caller{Identity: "local", From: "127.0.0.1"}
	surface := local.New(local.Options{Registry: reg, Caller: me, TTL: s.ttl})
	a := api.New(api.Options{
		Registry: reg,
		Identify: func(*http.Request) (registry.Caller, error) { return me, nil },
		Guard:    panicking(api.LoopbackGuard(8080)),
		Surface:  &api.Surface{Register: surface.Register, Refuse: local.Refuse},
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- cat.Run(ctx) }()
	if !s.cold {
		<-cat.Warm()
	}

	l := pipenet.Listen()
	srv := &http.Server{Handler: a.Handler()}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	base := &http.Transport{DisableCompression: true, DialContext: l.Dial}
	t.Cleanup(func() {
		base.CloseIdleConnections()
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
		<-served
		if err := a.Wait(context.Background()); err != nil {
			t.Error(err)
		}
		cancel()
		<-done
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	return &daemon{t: t, store: st, client: coverage.New(t).Transport(base)}
}

// panics is the header by which a test makes the daemon panic.
const panics = "Test-Panics"

func panicking(guard api.Guard) api.Guard {
	return func(r *http.Request) (string, string) {
		if r.Header.Get(panics) != "" {
			panic("a secret")
		}
		return guard(r)
	}
}

type option func(*http.Request)

func header(name, value string) option {
	return func(r *http.Request) {
		if r.Header.Set(name, value); name == "Host" {
			r.Host = value
		}
	}
}

type reply struct {
	status int
	header http.Header
	body   string
	t      *testing.T
}

// do sends a request, whose body is sent as it stands where it is not empty.
func (d *daemon) do(method, path, body string, opts ...option) reply {
	d.t.Helper()
	req, err := http.NewRequestWithContext(d.t.Context(), method, url+path, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	if body != "" {
		req.Body = io.NopCloser(strings.NewReader(body))
		req.ContentLength = int64(len(body))
		req.Header.Set("Content-Type", "application/json")
	}
	for _, o := range opts {
		o(req)
	}
	res, err := d.client.RoundTrip(req)
	if err != nil {
		d.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return reply{res.StatusCode, res.Header, string(bytes.TrimSpace(text)), d.t}
}

func (r reply) want(status int) reply {
	r.t.Helper()
	if r.status != status {
		r.t.Fatalf("status %d, want %d: %s", r.status, status, r.body)
	}
	return r
}

// is fails the test unless the answer is 200 with just this body.
func (r reply) is(body string) {
	r.t.Helper()
	if r.want(200); r.body != body {
		r.t.Errorf("%s, want %s", r.body, body)
	}
}

// instance is an instance as this surface shows it, with meta as it stands.
type instance struct {
	ID       string
	Name     string
	Host     string
	Port     int
	PID      *int
	Meta     jsontext.Value
	LastSeen int64
}

// instance reads an answer that holds one, nil where it is null.
func (r reply) instance() *instance {
	r.t.Helper()
	r.want(200)
	var v struct {
		OK       bool
		Instance *instance
	}
	if err := json.Unmarshal([]byte(r.body), &v, json.MatchCaseInsensitiveNames(true)); err != nil || !v.OK {
		r.t.Fatalf("%v: %s", err, r.body)
	}
	return v.Instance
}

func (d *daemon) register(body string) *instance {
	d.t.Helper()
	return d.do("POST", "/register", body).instance()
}
