package api_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/roster-sd/roster/internal/apicheck"
	"github.com/roster-sd/roster/wire"
)

// clients are those of a node, one for each identity.
type clients struct {
	check *apicheck.Checker
	dial  func(identity string) *http.Transport

	mu sync.Mutex
	of map[string]client
}

type client struct {
	base    *http.Transport
	checked http.RoundTripper
}

func newClients(check *apicheck.Checker) *clients {
	return &clients{check: check, of: make(map[string]client)}
}

func (c *clients) get(identity string) http.RoundTripper {
	c.mu.Lock()
	defer c.mu.Unlock()
	known, ok := c.of[identity]
	if !ok {
		base := c.dial(identity)
		known = client{base: base, checked: c.check.Transport(base)}
		c.of[identity] = known
	}
	return known.checked
}

func (c *clients) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, known := range c.of {
		known.base.CloseIdleConnections()
	}
}

// who is the header by which a test says who calls; without it, it is orders.
const who = "Test-Identity"

// option changes a request before it is sent.
type option func(*http.Request)

func header(name, value string) option {
	return func(r *http.Request) {
		if r.Header.Set(name, value); name == "Host" {
			r.Host = value
		}
	}
}

func without(name string) option       { return func(r *http.Request) { r.Header.Del(name) } }
func as(identity string) option        { return header(who, identity) }
func withToken(token string) option    { return header(wire.HeaderToken, token) }
func chunked(r *http.Request)          { r.ContentLength = -1 }
func ifNoneMatch(value string) option  { return header("If-None-Match", value) }
func lastEvent(position string) option { return header("Last-Event-ID", position) }

// rawPath sends the path as it stands, whatever net/url thinks of it.
func rawPath(path string) option { return func(r *http.Request) { r.URL.Opaque = path } }

// request makes a request. A body that is a string is sent as it stands.
func (n *node) request(method, path string, body any, opts ...option) *http.Request {
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
		r = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(n.t.Context(), method, n.url+path, r)
	if err != nil {
		n.t.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set(who, "orders")
	for _, o := range opts {
		o(req)
	}
	return req
}

// send sends a request, and leaves the body of the answer to be read.
func (n *node) send(req *http.Request) (*http.Response, error) {
	return n.clients.get(req.Header.Get(who)).RoundTrip(req)
}

// reply is an answer that was read to its end.
type reply struct {
	status int
	header http.Header
	body   []byte
	t      *testing.T
}

// do sends a request and reads its answer.
func (n *node) do(method, path string, body any, opts ...option) reply {
	n.t.Helper()
	res, err := n.send(n.request(method, path, body, opts...))
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

func (n *node) get(path string, opts ...option) reply {
	n.t.Helper()
	return n.do("GET", path, nil, opts...)
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
	res := n.do("POST", "/registry/register",
		wire.Registration{ServiceName: service, InstanceID: id, Address: "10.0.0.1", Port: 8080}, opts...)
	if res.status != http.StatusCreated && res.status != http.StatusOK {
		n.t.Fatalf("register %s/%s: %d: %s", service, id, res.status, res.body)
	}
	return decode[wire.Registered](res)
}

func ref(service, id string) wire.InstanceRef {
	return wire.InstanceRef{ServiceName: service, InstanceID: id}
}
