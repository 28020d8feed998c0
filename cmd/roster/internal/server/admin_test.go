package server

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/roster-sd/roster/wire"
)

// TestAdminOnLoopback: everything, in plain HTTP, and none of the API.
func TestAdminOnLoopback(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	n := serve(t, Options{Config: secure(f)})
	c := n.plain(n.srv.AdminAddr())
	for _, path := range []string{"/health", "/ready", "/ready?strict"} {
		var h wire.Health
		if err := json.Unmarshal([]byte(c.text(200, path)), &h); err != nil || h.Status != "ok" || h.Node != "n1" || h.Backend != "memory" || h.Revision == "" {
			t.Errorf("%s: %+v, %v", path, h, err)
		}
	}
	if text := c.text(200, "/metrics"); metric(t, text, `roster_build_info{version="test"}`) != 1 || !strings.Contains(text, "\ngo_goroutines ") {
		t.Error("the metrics tell nothing of the build or of Go")
	}
	if text := c.text(200, "/debug/pprof/"); !strings.Contains(text, "goroutine") {
		t.Errorf("pprof says %s", text)
	}
	c.text(200, "/debug/pprof/heap?debug=1")
	c.text(200, "/debug/pprof/cmdline")
	for _, path := range []string{"/", "/registry/services", "/openapi.yaml", "/list"} {
		c.text(404, path)
	}
	c.call(405, "POST", "/health", "", map[string]int{}, nil)

	// The API's listener has health and readiness, for who has a certificate, and no more.
	api := n.as(f, f.client("orders"), 2)
	api.text(200, "/health")
	api.text(200, "/ready")
	api.text(200, "/openapi.yaml")
	api.text(404, "/metrics")
	api.text(404, "/debug/pprof/")
}

// TestAdminOffLoopback: mutual TLS unless plain is asked for; no pprof either way.
func TestAdminOffLoopback(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	cert := f.client("prometheus")

	cfg := secure(f)
	cfg.Admin.Listen = "0.0.0.0:0"
	n := serve(t, Options{Config: cfg})
	address := "127.0.0.1" + n.srv.AdminAddr()[strings.LastIndexByte(n.srv.AdminAddr(), ':'):]
	if err := handshake(t, address, f.trust(nil)); err == nil {
		t.Error("who has no certificate is let in")
	}
	if text := n.plain(address).text(400, "/metrics"); !strings.Contains(text, "HTTPS") {
		t.Errorf("over plain HTTP it says %s", text)
	}
	c := n.as(f, cert, 2)
	c.base = "https://" + address
	if text := c.text(200, "/metrics"); metric(t, text, "roster_services") != 0 {
		t.Error("the metrics tell of services")
	}
	c.text(200, "/ready")
	c.text(404, "/debug/pprof/")
	f.revoke("prometheus")
	n.logged(`"msg":"TLS files reloaded"`)
	if err := handshake(t, address, f.trust(cert)); err == nil {
		t.Error("who was revoked is let in")
	}

	cfg.Admin.Plain = true
	plain := serve(t, Options{Config: cfg})
	p := plain.plain("127.0.0.1" + plain.srv.AdminAddr()[strings.LastIndexByte(plain.srv.AdminAddr(), ':'):])
	p.text(200, "/metrics")
	p.text(404, "/debug/pprof/")
}

// TestAdminRefusesWebPages: a page that a rebound name leads to the loopback listener
// must not read profiles, however the name is spelt.
func TestAdminRefusesWebPages(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	n := serve(t, Options{Config: secure(f)})
	for _, path := range []string{"/metrics", "/ready", "/debug/pprof/cmdline"} {
		for host, want := range map[string]int{"evil.example": 403, "localhost:1": 200} {
			req, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+n.srv.AdminAddr()+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Host = host
			resp, err := http.DefaultTransport.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != want {
				t.Errorf("%s as %s: %d, want %d", path, host, resp.StatusCode, want)
			}
		}
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
}
