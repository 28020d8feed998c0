package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/registry"
	"github.com/roster-sd/roster/wire"
)

// registryAt serves a real registry without a past on a loopback port until the test, or the
// function that it gives, ends it.
func registryAt(t *testing.T) (url string, stop func()) {
	t.Helper()
	n := run(t, rigOptions{}, func(*http.Request) (registry.Caller, error) {
		return registry.Caller{Identity: "local", Unverified: true, From: "127.0.0.1"}, nil
	})
	srv := httptest.NewServer(n.handler)
	var stopped atomic.Bool
	stop = func() {
		if !stopped.Swap(true) {
			n.stop()
			srv.CloseClientConnections()
			srv.Close()
		}
	}
	t.Cleanup(stop)
	return srv.URL, stop
}

// instance serves a service and registers it.
func instance(t *testing.T, c *Client, service, id string, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	announce(t, c, service, id, s.URL)
	return s
}

func announce(t *testing.T, c *Client, service, id, at string) {
	t.Helper()
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	port, _ := strconv.Atoi(u.Port())
	r, err := c.Register(limited(t), wire.Registration{ServiceName: service, InstanceID: id, Address: u.Hostname(), Port: port}, RegisterOptions{NoPID: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
}

func via(t *testing.T, tr *Transport) *http.Client {
	t.Cleanup(tr.Close)
	return &http.Client{Transport: tr, Timeout: 20 * time.Second}
}

// echo answers with its name, the Host it was asked for, and the body.
func echo(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s %s", name, r.Host, r.URL.RequestURI(), body)
	}
}

func text(t *testing.T, resp *http.Response, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestTransport(t *testing.T) {
	at, _ := registryAt(t)
	c := reach(t, at)
	one := instance(t, c, "auth-service", "1", echo("one"))
	instance(t, c, "auth-service", "2", echo("two"))
	h := via(t, &Transport{Client: c})

	seen := map[string]int{}
	for range 4 {
		resp, err := h.Get("http://auth-service/path?q=1")
		got := text(t, resp, err)
		name, rest, _ := strings.Cut(got, " ")
		if seen[name]++; rest != "auth-service /path?q=1 " || resp.Request.URL.Host != "auth-service" {
			t.Errorf("%s was sent %q, and the answer says %s", name, rest, resp.Request.URL)
		}
	}
	if seen["one"] != 2 || seen["two"] != 2 {
		t.Errorf("not in turn: %v", seen)
	}
	req, _ := http.NewRequestWithContext(limited(t), "GET", "http://auth-service/", nil)
	req.Host = "other.example"
	resp, err := h.Do(req)
	if got := text(t, resp, err); !strings.Contains(got, "other.example") {
		t.Errorf("the Host asked for is not sent: %s", got)
	}

	// One is gone, and the registry does not know: no request fails, bodies included.
	one.CloseClientConnections()
	one.Close()
	h.CloseIdleConnections() // on one that ends just now nobody can tell what was delivered
	for i := range 20 {
		resp, err := h.Post("http://auth-service/", "text/plain", strings.NewReader(fmt.Sprint("body ", i)))
		if got := text(t, resp, err); got != fmt.Sprint("two auth-service / body ", i) {
			t.Errorf("got %q", got)
		}
	}
}

// What was delivered is not sent again by us: it may have had its effect.
func TestTransportDoesNotRepeat(t *testing.T) {
	at, _ := registryAt(t)
	c := reach(t, at)
	var calls atomic.Int32
	for _, id := range []string{"1", "2"} {
		instance(t, c, "pay", id, func(w http.ResponseWriter, _ *http.Request) {
			calls.Add(1)
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				_ = conn.Close()
			}
		})
	}
	h := via(t, &Transport{Client: c})
	if resp, err := h.Post("http://pay/", "text/plain", strings.NewReader("10")); err == nil {
		resp.Body.Close()
		t.Error("no error")
	}
	if calls.Load() != 1 {
		t.Errorf("sent %d times", calls.Load())
	}
}

func TestTransportWithoutAnInstance(t *testing.T) {
	at, stop := registryAt(t)
	c := reach(t, at)
	h := via(t, &Transport{Client: c})
	_, err := h.Get("http://auth-service/")
	if !errors.Is(err, ErrNoInstance) || !strings.Contains(err.Error(), "auth-service") {
		t.Errorf("error %v", err)
	}
	announce(t, c, "auth-service", "1", dead(t))
	begun := time.Now()
	for time.Since(begun) < 10*time.Second {
		if _, err = h.Get("http://auth-service/"); !errors.Is(err, ErrNoInstance) {
			break
		}
	}
	if err == nil || !strings.Contains(err.Error(), "registered at 127.0.0.1") {
		t.Errorf("nobody is there: %v", err)
	}
	for _, host := range []string{"example.org", "auth:80", "localhost", "[::1]", "127.0.0.1"} {
		if _, err := h.Get("http://" + host + "/"); err == nil || !strings.Contains(err.Error(), "Fallback") {
			t.Errorf("%s: error %v", host, err)
		}
	}
	stop()
	late := via(t, &Transport{Client: c, Wait: 10 * time.Millisecond})
	_, err = late.Get("http://auth-service/")
	ends(t, err, context.DeadlineExceeded)
	none := &Transport{}
	if _, err := via(t, none).Get("http://a/"); err == nil || !strings.Contains(err.Error(), "no Client") {
		t.Errorf("error %v", err)
	}
	none.Close()
	_, err = (&http.Client{Transport: none}).Get("http://a/")
	ends(t, err, ErrClosed)
}

func TestTransportFallback(t *testing.T) {
	at, _ := registryAt(t)
	c := reach(t, at)
	instance(t, c, "known", "1", echo("known"))
	elsewhere := serve(t, echo("elsewhere"))
	base := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		if host, _, _ := net.SplitHostPort(address); host == "unknown" || host == "example.org" {
			address = strings.TrimPrefix(elsewhere, "http://")
		}
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}}
	h := via(t, &Transport{Client: c, Base: base, Fallback: true})
	for target, want := range map[string]string{"http://known/": "known", "http://unknown/": "elsewhere", "http://example.org/": "elsewhere", elsewhere: "elsewhere"} {
		resp, err := h.Get(target)
		if got := text(t, resp, err); !strings.HasPrefix(got, want+" ") {
			t.Errorf("%s went to %q", target, got)
		}
	}
}

// The key chooses, and whoever has the key of an instance that refuses goes to one other.
func TestTransportByKey(t *testing.T) {
	at, _ := registryAt(t)
	c := reach(t, at)
	servers := map[string]*httptest.Server{}
	for _, id := range []string{"1", "2", "3"} {
		servers[id] = instance(t, c, "cart", id, echo(id))
	}
	h := via(t, &Transport{Client: c, Resolver: ResolverOptions{Strategy: Hash}, Key: func(r *http.Request) string { return r.Header.Get("User") }})
	ask := func(user string) string {
		req, _ := http.NewRequestWithContext(limited(t), "GET", "http://cart/", nil)
		req.Header.Set("User", user)
		resp, err := h.Do(req)
		name, _, _ := strings.Cut(text(t, resp, err), " ")
		return name
	}
	first := ask("u")
	others := map[string]string{}
	for i := range 10 {
		if ask("u") != first {
			t.Fatal("the key moved")
		}
		others[fmt.Sprint(i)] = ask(fmt.Sprint(i))
	}
	servers[first].CloseClientConnections()
	servers[first].Close()
	h.CloseIdleConnections()
	second := ask("u")
	for user, before := range others {
		if got := ask(user); before != first && got != before {
			t.Errorf("%s moved from %s to %s", user, before, got)
		}
	}
	if second == first || ask("u") != second {
		t.Errorf("u went from %s to %s to %s", first, second, ask("u"))
	}
}

// Services that nobody asks for are let go, by their number and by their time.
func TestTransportLetsGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, rigOptions{})
		tr := &Transport{Client: g.client("a"), Services: 3, Idle: 10 * time.Minute}
		defer tr.Close()
		watchers := func() int { synctest.Wait(); return g.node.catalog.Stats().Subscribers }
		ask := func(service string) {
			t.Helper()
			_, err := (&http.Client{Transport: tr}).Get("http://" + service + "/")
			ends(t, err, ErrNoInstance)
		}
		for i := range 10 {
			ask(fmt.Sprint("s", i))
			pass(time.Second)
			ask("busy")
		}
		if n := watchers(); n != 3 {
			t.Errorf("%d services are followed, want 3", n)
		}
		for range 5 {
			pass(5 * time.Minute)
			ask("busy")
		}
		if n := watchers(); n != 1 {
			t.Errorf("%d services are followed, want the busy one", n)
		}
		pass(25 * time.Minute)
		if n := watchers(); n != 0 {
			t.Errorf("%d services are followed when all are idle", n)
		}
		if ask("busy"); watchers() != 1 {
			t.Error("it is not followed again")
		}
		tr.Close()
		tr.Close()
		if n := watchers(); n != 0 {
			t.Errorf("%d services are followed after Close", n)
		}
	})
}
