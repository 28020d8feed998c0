package api_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/api"
	"github.com/roster-sd/roster/registry"
	"github.com/roster-sd/roster/wire"
)

// everyRoute gives a good request of each route.
func everyRoute(n *node) []held {
	var out []held
	for _, r := range n.api.Routes() {
		path := strings.NewReplacer(":serviceName", "orders", ":instanceId", "o-1").Replace(r.Path)
		var body any
		if r.Body {
			body = registration()
		}
		out = append(out, held{r.Method + " " + r.Path, r.Method, path, body})
	}
	return out
}

// open tells of the routes that ask nobody who they are.
func open(path string) bool { return !strings.HasPrefix(path, "/registry/") }

// A caller who is nobody is refused on every route of the registry, before anything is read.
func TestNobodyIsRefused(t *testing.T) {
	n := start(t, setup{api: func(o *api.Options) {
		o.Identify = func(*http.Request) (registry.Caller, error) { return registry.Caller{}, errors.New("revoked") }
	}})
	for _, r := range everyRoute(n) {
		if open(r.path) {
			n.do(r.method, r.path, r.body).want(200)
			continue
		}
		n.refuse(fault{name: r.name, method: r.method, path: r.path, body: r.body, want: "401 unauthenticated"})
		n.refuse(fault{name: r.name + " with rubbish", method: r.method, path: r.path + "?%", body: "{", want: "401 unauthenticated"})
	}
}

// slowDown refuses everyone.
type slowDown time.Duration

func (d slowDown) Allow(string) time.Duration { return time.Duration(d) }

// A caller beyond its quota is told when to come again, in whole seconds.
func TestQuota(t *testing.T) {
	n := start(t, setup{api: func(o *api.Options) { o.Limiter = slowDown(1200 * time.Millisecond) }})
	for _, r := range everyRoute(n) {
		if open(r.path) {
			n.do(r.method, r.path, r.body).want(200)
			continue
		}
		n.unchanged(func() {
			res, _ := n.refused(fault{method: r.method, path: r.path, body: r.body, want: "429 rate_limited"})
			if got := res.header.Get("Retry-After"); got != "2" {
				t.Errorf("%s: Retry-After %q", r.name, got)
			}
		})
	}
}

// A handler that panics is a 500 that tells nothing, and the server goes on.
func TestPanics(t *testing.T) {
	n := start(t, setup{api: func(o *api.Options) {
		o.Identify = func(*http.Request) (registry.Caller, error) { panic("a secret") }
	}})
	for _, r := range everyRoute(n) {
		if open(r.path) {
			continue
		}
		p := n.do(r.method, r.path, r.body, withToken(noToken), unchecked).problem(500, wire.CodeInternal)
		if strings.Contains(p.Detail, "secret") {
			t.Errorf("%s tells %q", r.name, p.Detail)
		}
	}
	n.get("/ready").want(200)
}

// What panics after an answer has begun must not look like a whole answer.
func TestPanicWithinAnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		n := simulate(t, setup{api: func(o *api.Options) {
			identify := o.Identify
			o.Identify = func(r *http.Request) (registry.Caller, error) {
				if calls++; calls > 1 { // asked again by the open stream
					panic("within the stream")
				}
				return identify(r)
			}
		}})
		s := n.watch("/registry/watch")
		s.snapshot()
		if f, err := s.frame(); err == nil || err.Error() == "EOF" {
			t.Errorf("the stream ends as if it were whole: %+v, %v", f, err)
		}
	})
}

// The Host and the origin of a request are looked at on every route, those that are none
// included, before anything else.
func TestLoopbackGuard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simulate(t, setup{surface: true, api: func(o *api.Options) {
			o.Guard = api.LoopbackGuard(8080)
			o.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Type", "text/plain") })
			o.Identify = func(*http.Request) (registry.Caller, error) { return registry.Caller{}, errors.New("nobody gets here") }
		}})
		n.url = "http://127.0.0.1:8080"
		routes := append(everyRoute(n), held{"no route", "GET", "/nothing", nil}, held{"no method", "PUT", "/registry/services", nil},
			held{"loopback health", "GET", "/health", nil}, held{"loopback list", "GET", "/list", nil},
			held{"loopback method", "PUT", "/register", nil}, held{"loopback path", "GET", "/resolve/a/b", nil})
		for _, host := range []string{"evil.example", "evil.example:8080", "127.0.0.1", "127.0.0.1:80", "127.0.0.1:8081", "127.0.0.1:8080.", "127.0.0.1.evil.example:8080",
			"localhost", "localhost.:8080", "0.0.0.0:8080", "[::]:8080", "::1:8080", "127.1:8080", "2130706433:8080", "user@127.0.0.1:8080"} {
			for _, r := range routes {
				n.misdirected(r, "421 misdirected", header("Host", host))
			}
		}
		for _, opts := range map[string][]option{
			"another origin":        {header("Origin", "http://evil.example")},
			"another port":          {header("Origin", "http://127.0.0.1:3000")},
			"another scheme":        {header("Origin", "https://127.0.0.1:8080")},
			"no origin at all":      {header("Origin", "null")},
			"an empty one":          {header("Origin", "")},
			"not a URL":             {header("Origin", "http://[")},
			"one of two":            {func(r *http.Request) { r.Header["Origin"] = []string{"http://127.0.0.1:8080", "http://evil.example"} }},
			"a page elsewhere":      {header("Sec-Fetch-Site", "cross-site")},
			"a page next door":      {header("Sec-Fetch-Site", "same-site")},
			"a good one, elsewhere": {header("Origin", "http://127.0.0.1:8080"), header("Sec-Fetch-Site", "cross-site")},
		} {
			for _, r := range routes {
				n.misdirected(r, "403 forbidden", opts...)
			}
		}
		for _, opts := range [][]option{
			nil, {header("Host", "localhost:8080")}, {header("Host", "[::1]:8080")}, {header("Origin", "http://127.0.0.1:8080")},
			{header("Origin", "http://localhost:8080"), header("Sec-Fetch-Site", "same-origin")}, {header("Sec-Fetch-Site", "none")},
		} {
			n.get("/ready", opts...).want(200)
		}
	})
}

// misdirected sends a request that the guard must stop.
func (n *node) misdirected(r held, want string, opts ...option) {
	n.t.Helper()
	res := n.do(r.method, r.path, r.body, append(opts, bad)...)
	if strings.HasPrefix(r.name, "loopback") {
		// In the shape of that surface, to which apicheck holds it; the status is enough.
		if got := fmt.Sprint(res.status); !strings.HasPrefix(want, got) || !strings.HasPrefix(string(res.body), `{"ok":false,"error":"`) {
			n.t.Errorf("%s: %s %s, want %s", r.name, got, res.body, want)
		}
		return
	}
	if got := told(decode[wire.Problem](res)); got != want {
		n.t.Errorf("%s: %s, want %s", r.name, got, want)
	}
}

// On port 80 a Host and an origin name no port.
func TestLoopbackGuardOnPort80(t *testing.T) {
	guard := api.LoopbackGuard(80)
	for host, want := range map[string]string{"127.0.0.1": "", "localhost": "", "[::1]": "", "localhost:80": "", "evil.example": wire.CodeMisdirected, "": wire.CodeMisdirected} {
		if code, _ := guard(&http.Request{Host: host, Header: http.Header{}}); code != want {
			t.Errorf("%q: %q, want %q", host, code, want)
		}
	}
}
