package server

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/roster-sd/roster/cmd/roster/internal/config"
	"github.com/roster-sd/roster/wire"
)

// trail reads the lines of an audit log, each of which must be an object.
func trail(t *testing.T, name string) []map[string]any {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var out []map[string]any
	for line := range strings.Lines(string(data)) {
		var e map[string]any
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		out = append(out, e)
	}
	return out
}

// TestAuditLog: who was let do what, and who was refused, from the start to the stop of a node,
// in the file and, of the refusals, in what administrators are told; and nothing secret.
func TestAuditLog(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	cfg := secure(f)
	cfg.Log.Audit = filepath.Join(t.TempDir(), "audit.log")
	cfg.Log.Level = "error" // which has no say in this
	cfg.Auth.Policies = []config.PolicyRule{
		{Identity: "spiffe://example.org/orders", Register: []string{"orders"}, Discover: []string{"*"}},
		{Identity: "spiffe://example.org/rival", Register: []string{"orders"}},
		{Identity: "spiffe://example.org/ops", Admin: true},
	}
	n := serve(t, Options{Config: cfg})
	orders, rival, ops := n.as(f, f.client("orders"), 2), n.as(f, f.client("rival"), 1), n.as(f, f.client("ops"), 2)
	secrets := []string{"sesame-of-the-metadata", strings.Repeat("Ab1", 14) + "A"}
	var mine wire.Registered
	orders.call(201, "POST", "/registry/register", "", wire.Registration{ServiceName: "orders", InstanceID: "o-1", Port: 1,
		Metadata: map[string]string{"word": secrets[0]}}, &mine)
	handedOut.Store(mine.Token, true)
	secrets = append(secrets, mine.Token)
	ref := wire.InstanceRef{ServiceName: "orders", InstanceID: "o-1"}
	for range 3 {
		orders.heartbeat(200, "orders", "o-1", mine.Token)
		orders.text(200, "/registry/services/orders")
	}
	orders.register(403, "users", "u-1", "")
	rival.register(409, "orders", "o-1", mine.Token)
	rival.heartbeat(401, "orders", "o-1", mine.Token)
	orders.heartbeat(401, "orders", "o-1", mine.Token+"x")
	var fresh wire.Token
	orders.call(200, "POST", "/registry/token/rotate", mine.Token, ref, &fresh)
	handedOut.Store(fresh.Token, true)
	secrets = append(secrets, fresh.Token)
	orders.heartbeat(200, "orders", "o-1", fresh.Token)
	orders.heartbeat(401, "orders", "o-1", mine.Token)
	orders.call(204, "DELETE", "/registry/services/orders/o-1?reason="+secrets[1], fresh.Token, nil, nil)
	if err := handshake(t, n.srv.Addr(), f.trust(nil)); err == nil {
		t.Error("a client without a certificate is let in")
	}
	// Logrotate moves the file and tells; what comes next is in a new one.
	eventually(t, "the handshake is told of", func() bool { return strings.Contains(string(f.bytes(cfg.Log.Audit)), "handshake_refused") })
	if err := os.Rename(cfg.Log.Audit, cfg.Log.Audit+".1"); err != nil {
		t.Fatal(err)
	}
	f.revoke("rival")
	n.srv.Reload()
	rival.text(401, "/registry/services")
	eventually(t, "the file is made anew", func() bool { _, err := os.Stat(cfg.Log.Audit); return err == nil })

	var denials wire.Denials
	ops.call(200, "GET", "/registry/admin/denials", "", nil, &denials)
	var told []string
	for _, d := range denials.Denials {
		told = append(told, d.Kind+" "+d.Identity)
	}
	const trust = "spiffe://example.org/"
	for _, want := range []string{"denied " + trust + "orders", "takeover_refused " + trust + "rival", "token_refused " + trust + "rival",
		"token_refused " + trust + "orders", "handshake_refused ", "certificate_refused " + trust + "rival"} {
		if !slices.Contains(told, want) {
			t.Errorf("the denials %q lack %q", told, want)
		}
	}
	text := n.plain(n.srv.AdminAddr()).text(200, "/metrics")
	if metric(t, text, "roster_audit_events_total") < 10 || metric(t, text, "roster_audit_lost_total") != 0 || metric(t, text, "roster_audit_failing") != 0 {
		t.Error("the metrics do not tell of the audit log")
	}
	n.end()

	list := append(trail(t, cfg.Log.Audit+".1"), trail(t, cfg.Log.Audit)...)
	var kinds []string
	for _, e := range list {
		kind, _ := e["kind"].(string)
		who, _ := e["identity"].(string)
		why, _ := e["why"].(string)
		if kind != "token_refused" {
			why = ""
		}
		kinds = append(kinds, strings.TrimRight(kind+" "+strings.TrimPrefix(who, trust)+" "+why, " "))
		if e["node"] != "n1" || e["time"] == nil || e["level"] != nil {
			t.Errorf("%v", e)
		}
	}
	// Handshakes and reloads come by other ways than requests, and so at any place.
	kinds = slices.DeleteFunc(kinds, func(k string) bool { return k == "handshake_refused" || k == "tls_reloaded" })
	want := []string{"start", "register orders", "denied orders", "takeover_refused rival", "token_refused rival the instance is another identity's",
		"token_refused orders malformed", "rotate orders", "token_refused orders dead, or never of this instance", "deregister orders",
		"certificate_refused rival", "admin_read ops", "stop"}
	if !slices.Equal(kinds, want) {
		t.Errorf("the log tells of\n  %s\nwant\n  %s", strings.Join(kinds, "\n  "), strings.Join(want, "\n  "))
	}
	all := string(f.bytes(cfg.Log.Audit+".1")) + string(f.bytes(cfg.Log.Audit))
	for _, secret := range secrets {
		if strings.Contains(all, secret) {
			t.Errorf("the log holds %s", secret)
		}
	}
	if !strings.Contains(all, `"note":"[masked]"`) || !strings.Contains(all, `"rule_index":0,"rule":"auth.policies[0] allows it to \"spiffe://example.org/orders\""`) {
		t.Errorf("the log is\n%s", all)
	}
}

// bytes reads a file that is there.
func (f *folder) bytes(name string) []byte {
	f.t.Helper()
	data, err := os.ReadFile(name)
	f.must(nil, err)
	return data
}

// TestAuditLogOnStandardError: beside the log, and whatever the level of that.
func TestAuditLogOnStandardError(t *testing.T) {
	t.Parallel()
	cfg := free()
	cfg.Log.Audit = "stderr"
	var out transcript
	n := serve(t, Options{Config: cfg, Insecure: true, Stderr: &out})
	n.plain(n.srv.Addr()).register(201, "orders", "o-1", "")
	n.end()
	if got := out.String(); !strings.Contains(got, `"kind":"start"`) || !strings.Contains(got, `"kind":"register","outcome":"allowed","node":"n1","identity":"anonymous"`) ||
		!strings.HasSuffix(got, "\"kind\":\"stop\",\"node\":\"n1\"}\n") {
		t.Errorf("%s", got)
	}
}
