package server

import (
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/roster-sd/roster/cmd/roster/internal/config"
	"github.com/roster-sd/roster/wire"
)

// TestRequestIDs: what is refused is found by one name in the answer, in the log and in the audit
// log: the client's own, or one made here. The first part of what is served asks for no identity.
func TestRequestIDs(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	cfg := secure(f)
	cfg.Log.Audit = filepath.Join(t.TempDir(), "audit.log")
	cfg.Limits.Connections = 2
	cfg.Auth.Policies = []config.PolicyRule{{Identity: "spiffe://example.org/orders", Register: []string{"orders"}, Discover: []string{"*"}}}
	n := serve(t, Options{Config: cfg})
	cert := f.client("orders")
	orders := n.as(f, cert, 1)
	ask := func(c *caller, want int, method, path, given string) (id string) {
		t.Helper()
		var body io.Reader
		if method == "POST" {
			body = strings.NewReader(`{"serviceName":"users","port":1}`)
		}
		req, err := http.NewRequest(method, c.base+path, body)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		if given != "" {
			req.Header.Set(wire.HeaderRequestID, given)
		}
		resp, err := c.http.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		_, _ = io.Copy(io.Discard, resp.Body)
		if resp.StatusCode != want {
			t.Fatalf("%s %s: %s, want %d", method, path, resp.Status, want)
		}
		return resp.Header.Get(wire.HeaderRequestID)
	}
	told := map[string]string{ // by ID, the kind of the audit log
		ask(orders, 403, "POST", "/registry/register", "given-by-client"): "denied",
		ask(orders, 403, "POST", "/registry/register", "not a good one"):  "denied",
	}
	if told["given-by-client"] == "" || len(told) != 2 {
		t.Errorf("answered as %v", told)
	}
	second, third := n.as(f, cert, 1), n.as(f, cert, 1)
	ask(second, 200, "GET", "/registry/services", "")
	told[ask(third, 429, "GET", "/registry/services", "one-too-many")] = "rate_limited"
	f.revoke("orders")
	n.srv.Reload()
	told[ask(orders, 401, "GET", "/ready", "")] = "certificate_refused"
	told[ask(orders, 401, "GET", "/registry/services", "revoked")] = "certificate_refused"
	n.end()

	audited := map[string]string{}
	for _, e := range trail(t, cfg.Log.Audit) {
		if id, ok := e["request"].(string); ok {
			audited[id], _ = e["kind"].(string)
		}
	}
	logged := map[string]bool{}
	for line := range strings.Lines(n.log.String()) {
		var e map[string]any
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		if id, ok := e["request"].(string); ok {
			logged[id] = true
		}
	}
	for id, kind := range told {
		// A connection too many has a line of its own in the log, of the connection.
		if audited[id] != kind || logged[id] != (kind != "rate_limited") {
			t.Errorf("%q is %q in the audit log, want %q; in the log: %v", id, audited[id], kind, logged[id])
		}
	}
	if len(told) != 5 {
		t.Errorf("answered as %v", told)
	}
}
