package server

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/roster-sd/roster/api/local"
	"github.com/roster-sd/roster/cmd/roster/internal/config"
	"github.com/roster-sd/roster/wire"
)

// loopbackRows has a well-formed request for every route of the loopback surface.
var loopbackRows = map[string]struct{ path, body string }{
	"POST /register":      {"/register", `{"name":"web","port":80,"id":"w-2"}`},
	"POST /heartbeat":     {"/heartbeat", `{"name":"web","id":"w-1"}`},
	"POST /unregister":    {"/unregister", `{"name":"web","id":"w-1"}`},
	"GET /resolve/:name":  {"/resolve/web", ""},
	"GET /list":           {"/list", ""},
	"GET /health":         {"/health", ""},
	"GET /metrics":        {"/metrics", ""},
	"GET /registry/watch": {"/registry/watch", ""},
}

// TestMatrixOfLoopback: every route of roster dev, of both surfaces, as each kind of web page
// and program would call it. What the guard refuses changes nothing and tells nothing.
func TestMatrixOfLoopback(t *testing.T) {
	t.Parallel()
	cfg := config.DevDefault()
	cfg.Listen, cfg.Store.Memory.StateFile = "127.0.0.1:0", ""
	n := serve(t, Options{Config: cfg, Dev: true})
	requests := loopbackRequests(t, n)
	own := n.srv.Addr()
	cells := 0
	for _, as := range []struct {
		name, host, origin, site, media string
		want                            int // 0: it gets through
	}{
		{name: "a program", host: own},
		{name: "by name", host: strings.Replace(own, "127.0.0.1", "localhost", 1)},
		{name: "its own page", host: own, origin: "http://" + own, site: "same-origin"},
		{name: "a rebound name", host: "rebound.example" + own[strings.LastIndexByte(own, ':'):], want: 421},
		{name: "another port", host: "127.0.0.1:1", want: 421},
		{name: "another page", host: own, origin: "https://page.example", want: 403},
		{name: "a sandboxed page", host: own, origin: "null", want: 403},
		{name: "a page on another port", host: own, origin: "http://127.0.0.1:1", want: 403},
		{name: "a link in another page", host: own, site: "cross-site", want: 403},
		{name: "a form", host: own, media: "application/x-www-form-urlencoded", want: 415},
		{name: "plain text", host: own, media: "text/plain", want: 415},
	} {
		for _, r := range requests {
			if as.want == 415 && (r.body == "" || strings.Contains(r.path, "/admin/")) {
				continue // there is no body, or nobody who may send it
			}
			c := n.plain(own)
			c.call(200, "POST", "/register", "", map[string]any{"name": "web", "port": 80, "id": "w-1"}, nil)
			before := n.image()
			req, err := http.NewRequestWithContext(t.Context(), r.method, "http://"+own+r.path, strings.NewReader(r.body))
			if err != nil {
				t.Fatal(err)
			}
			req.Host = as.host
			media := as.media
			if media == "" {
				media = "application/json"
			}
			for name, value := range map[string]string{"Origin": as.origin, "Sec-Fetch-Site": as.site, "Content-Type": media} {
				if value != "" {
					req.Header.Set(name, value)
				}
			}
			resp, err := c.http.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			var head [512]byte
			got, _ := resp.Body.Read(head[:])
			resp.Body.Close()
			c.http.CloseIdleConnections()
			cells++
			// Nobody administers a local registry, which is another 403 than that of the guard.
			guarded := resp.StatusCode == 421 || resp.StatusCode == 415 || strings.Contains(string(head[:got]), "other origins")
			if as.want == 0 && guarded || as.want != 0 && (resp.StatusCode != as.want || !guarded) {
				t.Errorf("%s %s as %s: %s, want %d: %s", r.method, r.path, as.name, resp.Status, as.want, head[:got])
			}
			if as.want != 0 && (n.image() != before || strings.Contains(string(head[:got]), "w-1")) {
				t.Errorf("%s %s as %s is refused, and changes something or tells of it: %s", r.method, r.path, as.name, head[:got])
			}
		}
	}
	t.Logf("%d cells, of %d routes", cells, len(requests))
}

type loopbackRequest struct{ method, path, body string }

// loopbackRequests gives a request for every route of both surfaces.
func loopbackRequests(t *testing.T, n *node) []loopbackRequest {
	t.Helper()
	var list []loopbackRequest
	native := map[string]*row{}
	for i := range matrixRows {
		native[matrixRows[i].route] = &matrixRows[i]
	}
	engine := gin.New()
	local.New(local.Options{Registry: n.srv.registry}).Register(engine)
	routes := map[string]bool{}
	for _, r := range engine.Routes() {
		routes[r.Method+" "+r.Path] = true
	}
	for _, r := range n.srv.api.Routes() {
		routes[r.Method+" "+r.Path] = true
	}
	web := &target{service: "web", id: "w-1"}
	for route := range routes {
		method, path, _ := strings.Cut(route, " ")
		if row, ok := loopbackRows[route]; ok {
			list = append(list, loopbackRequest{method, row.path, row.body})
			continue
		}
		r := native[route]
		if r == nil {
			t.Errorf("%s has no row in loopbackRows or matrixRows: add one, with a request that its handler takes", route)
			continue
		}
		c := &cell{localIdentity, web, noToken}
		req := loopbackRequest{method: method, path: path}
		if r.path != nil {
			req.path = r.path(c)
		}
		if r.body != nil {
			req.body = string(marshalJSON(t, r.body(c, 1, "")))
		}
		list = append(list, req)
	}
	return list
}

// adminPatterns are the routes of the admin listener, as its handler is written.
var adminPatterns = regexp.MustCompile(`mux\.Handle(?:Func)?\("(?:GET )?([^"]+)"`)

// TestMatrixOfAdmin: every route of the admin listener: on loopback for programs of the
// machine and not for web pages; off it with a good certificate, and without profiles.
func TestMatrixOfAdmin(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	source, err := os.ReadFile("listen.go")
	if err != nil {
		t.Fatal(err)
	}
	onlyLoopback := map[string]bool{"/metrics": false, "/health": false, "/ready": false, "/debug/pprof/": true, "/debug/pprof/cmdline": true,
		"/debug/pprof/profile": true, "/debug/pprof/symbol": true, "/debug/pprof/trace": true}
	found := adminPatterns.FindAllStringSubmatch(string(source), -1)
	for _, m := range found {
		if _, ok := onlyLoopback[m[1]]; !ok {
			t.Errorf("the admin listener's %s has no row in TestMatrixOfAdmin: say there whether it is served off loopback", m[1])
		}
	}
	if len(found) < len(onlyLoopback) {
		t.Fatalf("only %d routes were found in listen.go", len(found))
	}

	near := serve(t, Options{Config: secure(f)})
	cfg := secure(f)
	cfg.Admin.Listen = "0.0.0.0:0"
	far := serve(t, Options{Config: cfg})
	address := "127.0.0.1" + far.srv.AdminAddr()[strings.LastIndexByte(far.srv.AdminAddr(), ':'):]
	as := func(cert *tls.Certificate) *caller {
		c := far.as(f, cert, 1)
		c.base = "https://" + address
		return c
	}
	revoked := f.client("thief")
	other := newFolder(t)
	strangers := map[string]*tls.Certificate{
		"nobody": nil, "wrong authority": other.client("prometheus"), "two URIs": f.sign(uris(spiffe("a"), spiffe("b"))),
		"CN only": f.sign(commonName("prometheus")), "expired": f.sign(func(c *x509.Certificate) {
			uris(spiffe("prometheus"))(c)
			c.NotAfter = time.Now().Add(-time.Minute)
		}),
	}
	open, good := as(revoked), as(f.client("prometheus"))
	open.text(200, "/metrics")
	for path, onlyHere := range onlyLoopback {
		probe := path
		if strings.HasSuffix(path, "/profile") || strings.HasSuffix(path, "/trace") {
			probe += "?seconds=0.01"
			if strings.HasSuffix(path, "/profile") {
				probe = path + "?seconds=1"
			}
		}
		if !strings.HasSuffix(path, "/profile") { // two profiles at once are refused, and another test may take one
			near.plain(near.srv.AdminAddr()).text(200, probe)
		}
		req, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+near.srv.AdminAddr()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = "rebound.example"
		if resp, err := near.plain(near.srv.AdminAddr()).http.Do(req); err != nil || resp.StatusCode != 403 {
			t.Errorf("%s as a rebound name: %v, %v", path, resp, err)
		} else {
			resp.Body.Close()
		}
		want := 200
		if onlyHere {
			want = 404
		}
		good.text(want, path)
		for name, cert := range strangers {
			if resp, _, err := as(cert).try("GET", path, "", nil); err == nil {
				t.Errorf("%s off loopback as %s: %s", path, name, resp.Status)
			}
		}
	}
	f.revoke("thief")
	far.logged(`"msg":"TLS files reloaded"`)
	for path := range onlyLoopback {
		if text := open.text(401, path); strings.Contains(text, "roster_") {
			t.Errorf("%s tells the revoked one %s", path, text)
		}
		if resp, _, err := as(revoked).try("GET", path, "", nil); err == nil {
			t.Errorf("%s as the revoked one, who connects again: %s", path, resp.Status)
		}
	}
	good.text(200, "/metrics")
	var p wire.Problem
	open.call(401, "GET", "/ready", "", nil, nil)
	decodeJSON(t, []byte(open.text(401, "/ready")), &p)
	if p.Code != wire.CodeUnauthenticated {
		t.Errorf("the revoked one is told %+v", p)
	}
}
