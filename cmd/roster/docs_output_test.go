package main

import (
	"context"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/roster-sd/roster/api"
	"github.com/roster-sd/roster/auth"
	"github.com/roster-sd/roster/catalog"
	"github.com/roster-sd/roster/check/share"
	"github.com/roster-sd/roster/internal/metrics"
	"github.com/roster-sd/roster/lease"
	"github.com/roster-sd/roster/registry"
	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/store/memory"
)

// everyMetric gives the type of each of Roster's own metrics, of a node on which all that
// is counted has happened once.
func everyMetric(t *testing.T) map[string]string {
	t.Helper()
	s := memory.Open(memory.Options{})
	t.Cleanup(func() { s.Close() })
	c := catalog.New(catalog.Options{Store: s, Encode: api.EncodeInstance})
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	t.Cleanup(func() { stop(); <-ended })
	r := registry.New(registry.Options{Store: s, Catalog: c, Leases: lease.DefaultPolicy, Authorizer: &auth.Authorizer{}})
	_, err := r.Register(ctx, registry.Caller{Identity: "a", From: "192.0.2.1"},
		registry.Registration{Service: "a", Instance: store.Instance{Port: 1, Weight: 1, Status: store.StatusUp}})
	if err != nil {
		t.Fatal(err)
	}
	m := metrics.New("v")
	m.Follow(metrics.Sources{Catalog: c, Registry: r, Leases: s.Leases, Held: s.Held, CertificateExpiry: time.Now,
		StateFile: s.StateFile, Connections: func() int { return 1 }, Slowed: func() int { return 0 },
		Checks: func() share.Status { return share.Status{} }})
	m.Instrument("GET", "/")(200, time.Millisecond)
	m.Call("get", time.Millisecond, nil)
	m.Reload(nil)
	m.Limited("requests")
	m.Checked(nil, time.Millisecond, 0)
	out := httptest.NewRecorder()
	m.Handler().ServeHTTP(out, httptest.NewRequest("GET", "/metrics", nil))
	types := map[string]string{}
	for _, line := range regexp.MustCompile(`(?m)^# TYPE (roster_\w+) (\w+)$`).FindAllStringSubmatch(out.Body.String(), -1) {
		types[line[1]] = line[2]
	}
	return types
}

var (
	metricName = regexp.MustCompile(`\broster_[a-z0-9_]*[a-z0-9]`)
	ofSeries   = regexp.MustCompile(`_(bucket|sum|count)$`)
)

// TestDocumentMetrics: every metric in a document is one of a node's, and the table of
// metrics has them all, with their types.
func TestDocumentMetrics(t *testing.T) {
	t.Parallel()
	types := everyMetric(t)
	for _, p := range documents(t) {
		for _, name := range metricName.FindAllString(p.text, -1) {
			if base := ofSeries.ReplaceAllString(name, ""); types[name] == "" && types[base] != "histogram" {
				t.Errorf("%s: there is no metric %s", p.name, name)
			}
		}
	}
	operations := document(t, "docs/operations.md")
	told := map[string]bool{}
	for _, row := range rows(t, operations, "## Metrics") {
		name := strings.Trim(strings.TrimSpace(row[0]), "`")
		told[name] = true
		if kind := strings.TrimSpace(row[1]); types[name] != kind {
			t.Errorf("%s: %s is a %q, and not a %s", operations.name, name, types[name], kind)
		}
	}
	for name := range types {
		if !told[name] {
			t.Errorf("%s does not tell of %s", operations.name, name)
		}
	}
}

// logged finds the message of a call that logs at level info or above. Levels that are
// chosen when logging come as a variable.
var logged = regexp.MustCompile(`\.(?:(?:Info|Warn|Error)\(|(?:LogAttrs|LogRefusal|tellRefusal)\([^"\n]*, ?)"([^"\n]+)"`)

// TestDocumentMessages: the table of log messages has every message that the server can
// log, and no other.
func TestDocumentMessages(t *testing.T) {
	t.Parallel()
	inSource := map[string]string{}
	for _, name := range projectFiles(t) {
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") ||
			strings.HasPrefix(name, "internal/bench/") || strings.HasPrefix(name, "store/storetest/") {
			continue
		}
		for _, m := range logged.FindAllStringSubmatch(read(t, name), -1) {
			inSource[m[1]] = name
		}
	}
	operations := document(t, "docs/operations.md")
	told := map[string]bool{}
	for _, row := range rows(t, operations, "## Logs") {
		for _, message := range spans(row[0]) {
			told[message] = true
			if inSource[message] == "" {
				t.Errorf("%s: nothing logs %q", operations.name, message)
			}
		}
	}
	for message, name := range inSource {
		if !told[message] {
			t.Errorf("%s does not tell of %q, which %s logs", operations.name, message, name)
		}
	}
}
