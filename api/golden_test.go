package api_test

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/roster-sd/roster/api"
	"github.com/roster-sd/roster/auth"
	"github.com/roster-sd/roster/registry"
	"github.com/roster-sd/roster/wire"
)

var update = flag.Bool("update", false, "write the golden files anew")

// exchange is one request, as a golden file shows it.
type exchange struct {
	name         string
	method, path string
	body         string
	token        string
	opts         []option
}

// transcript gives a request and its answer as text, without what differs from run to run.
func (n *node) transcript(x exchange) string {
	n.t.Helper()
	var out bytes.Buffer
	fmt.Fprintf(&out, "%s %s\n", x.method, x.path)
	opts := x.opts
	var body any
	if x.token != "" {
		fmt.Fprintf(&out, "%s: %s\n", wire.HeaderToken, x.token)
		opts = append(opts, withToken(x.token))
	}
	if x.body != "" {
		body = x.body
		fmt.Fprintf(&out, "\n%s\n", x.body)
	}
	res := n.do(x.method, x.path, body, opts...)
	fmt.Fprintf(&out, "\n%d %s\n", res.status, http.StatusText(res.status))
	writeHeader(&out, res.header)
	if len(res.body) > 0 {
		fmt.Fprintf(&out, "\n%s\n", res.body)
	}
	return n.steady(out.String())
}

func writeHeader(out *bytes.Buffer, h http.Header) {
	for _, name := range slices.Sorted(maps.Keys(h)) {
		if name != "Date" && name != "Content-Length" {
			fmt.Fprintf(out, "%s: %s\n", name, strings.Join(h[name], ", "))
		}
	}
}

var (
	secret = regexp.MustCompile(`[A-Za-z0-9_-]{43}`)
	named  = regexp.MustCompile(`(X-Request-Id: |"requestId":")[A-Z2-7]{26}`)
)

// steady replaces the epoch, tokens, requests' IDs and the process by their names. The time is that of the
// bubble, which is the same in every run.
func (n *node) steady(text string) string {
	epoch, _, _ := strings.Cut(n.catalog.Revision().String(), ".")
	text = strings.ReplaceAll(text, epoch+".", "EPOCH.")
	text = secret.ReplaceAllString(text, "TOKEN")
	text = named.ReplaceAllString(text, "${1}REQUEST")
	return strings.ReplaceAll(text, `"pid":`+strconv.Itoa(os.Getpid()), `"pid":PID`)
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is not what was sent before; -update if that is meant\n--- got\n%s\n--- want\n%s", file, got, want)
	}
}

// everything is allowed to everyone.
var everything = auth.Policy{Rules: []auth.Rule{{Identity: "*", Register: []string{"*"}, Discover: []string{"*"}, Admin: true}}}

// One answer of every operation, to the byte.
func TestGoldenAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simulate(t, setup{surface: true, policy: everything, tokens: registry.TokenPolicy{TTL: 3_600_000_000_000}, api: func(o *api.Options) {
			o.Health = func() api.Health { return api.Health{Ready: true, Node: "n1", Backend: "memory"} }
		}})
		full := `{"serviceName":"auth","instanceId":"auth-1","address":"10.0.4.17","port":3001,"protocol":"http","version":"2.4.1","env":"production",` +
			`"zone":"eu-west-1a","role":"primary","weight":50,"tags":["public","canary"],"metadata":{"team":"identity","note":"<é>"},"status":"up","pid":4711,"ttl":30000}`
		n.register("auth", "auth-0")
		var token string
		for _, x := range []exchange{
			{name: "register", method: "POST", path: "/registry/register", body: full},
			{name: "heartbeat", method: "POST", path: "/registry/heartbeat", body: `{"serviceName":"auth","instanceId":"auth-1"}`, token: "TOKEN"},
			{name: "heartbeats", method: "POST", path: "/registry/heartbeats",
				body: `{"items":[{"serviceName":"auth","instanceId":"auth-1","token":"TOKEN"},{"serviceName":"auth","instanceId":"never","token":"TOKEN"},{"serviceName":"auth","instanceId":"auth-1","token":"x"},{"serviceName":"-","instanceId":"","token":""}]}`},
			{name: "list-services", method: "GET", path: "/registry/services"},
			{name: "get-service", method: "GET", path: "/registry/services/auth?limit=1"},
			{name: "get-service-empty", method: "GET", path: "/registry/services/nobody"},
			{name: "get-instance", method: "GET", path: "/registry/services/auth/auth-1"},
			{name: "resolve", method: "GET", path: "/registry/resolve/auth?zone=eu-west-1a"},
			{name: "update-instance", method: "PATCH", path: "/registry/services/auth/auth-1", body: `{"status":"draining","metadata":{"note":null}}`, token: "TOKEN"},
			{name: "rotate-token", method: "POST", path: "/registry/token/rotate", body: `{"serviceName":"auth","instanceId":"auth-1"}`, token: "TOKEN"},
			{name: "deregister", method: "DELETE", path: "/registry/services/auth/auth-1?reason=scale+down", token: "TOKEN"},
			{name: "list-events", method: "GET", path: "/registry/events?service=auth"},
			{name: "dump", method: "GET", path: "/registry/admin/dump"},
			{name: "check-policy", method: "POST", path: "/registry/admin/policies/check", body: `{"identity":"web","action":"register","serviceName":"auth"}`},
			{name: "check-policy-admin", method: "POST", path: "/registry/admin/policies/check", body: `{"identity":"","action":"admin"}`, opts: []option{bad}},
			{name: "ready", method: "GET", path: "/ready"},
			{name: "problem-invalid", method: "POST", path: "/registry/register", body: `{"serviceName":"-","port":0,"mood":1}`, opts: []option{bad}},
			{name: "problem-lease-lost", method: "POST", path: "/registry/heartbeat", body: `{"serviceName":"auth","instanceId":"auth-1"}`, token: "TOKEN"},
			{name: "problem-not-found", method: "GET", path: "/registry/resolve/nobody"},
			{name: "problem-method", method: "PUT", path: "/registry/services", opts: []option{bad}},
			{name: "local-register", method: "POST", path: "/register",
				body: `{"name":"auth","port":3001,"pid":12345,"id":"127.0.0.1:3001:839212","meta":{"routes":["/login"],"beta":true}}`},
			{name: "local-heartbeat", method: "POST", path: "/heartbeat", body: `{"name":"auth","id":"127.0.0.1:3001:839212"}`},
			{name: "local-heartbeat-unknown", method: "POST", path: "/heartbeat", body: `{"name":"auth","id":"nobody"}`},
			{name: "local-resolve", method: "GET", path: "/resolve/auth"},
			{name: "local-resolve-unknown", method: "GET", path: "/resolve/nobody"},
			{name: "local-list", method: "GET", path: "/list"},
			{name: "local-unregister", method: "POST", path: "/unregister", body: `{"name":"auth","port":3001}`},
			{name: "local-health", method: "GET", path: "/health"},
			{name: "local-invalid", method: "POST", path: "/register", body: `{"name":"-","port":"80"}`, opts: []option{bad}},
		} {
			x.body, x.token = strings.ReplaceAll(x.body, "TOKEN", token), strings.ReplaceAll(x.token, "TOKEN", token)
			text := n.transcript(x)
			golden(t, x.name, text)
			if x.name == "register" { // the one answer that later requests need
				token = decode[wire.Registered](n.do("POST", "/registry/register", full).want(200)).Token
			}
		}
	})
	synctest.Test(t, func(t *testing.T) {
		n := simulate(t, setup{api: func(o *api.Options) {
			o.Health = func() api.Health {
				return api.Health{Ready: true, Node: "n1", Backend: "memory", Held: 3, Degraded: []string{"instances are held"}}
			}
		}})
		golden(t, "health", n.transcript(exchange{method: "GET", path: "/health"}))
	})
}

// A stream of every event, to the byte.
func TestGoldenStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simulate(t, setup{})
		n.do("POST", "/registry/register", `{"serviceName":"auth","instanceId":"auth-0","address":"10.0.0.1","port":8080,"ttl":12000}`).want(201)
		s := n.watch("/registry/watch?service=auth&status=up")
		var out bytes.Buffer
		fmt.Fprintf(&out, "GET /registry/watch?service=auth&status=up\n\n200 OK\n")
		writeHeader(&out, s.header)
		fmt.Fprintln(&out)
		take := func() {
			for {
				line, err := s.lines.ReadString('\n')
				if err != nil {
					return
				}
				if out.WriteString(line); line == "\n" {
					return
				}
			}
		}
		take()
		token := n.register("auth", "auth-1").Token
		take()
		n.do("PATCH", "/registry/services/auth/auth-1", `{"status":"draining"}`, withToken(token)).want(200)
		take()
		n.do("PATCH", "/registry/services/auth/auth-1", `{"status":"up"}`, withToken(token)).want(200)
		take()
		n.do("DELETE", "/registry/services/auth/auth-1?reason=scale+down", nil, withToken(token)).want(204)
		take()
		take() // after 10 s, a comment
		take() // after 12 s, auth-0 expires
		n.api.Drain()
		take()
		golden(t, "watch", n.steady(out.String()))
	})
}
