package main

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
)

// TestWebPages: a real page in a real browser, on another port, another name or another
// site, or whose name leads to the registry once it is loaded, can read nothing of a local
// registry and change nothing.
func TestWebPages(t *testing.T) {
	t.Parallel()
	a, d := newAttacker(t), newDecoy(t)
	w := newWorld(t)
	_, registry := w.dev()
	rebound := rebinding(t, a, registry)
	before := inhabited(t, registry)
	elsewhere := func(name string) string { return a.page(strings.Replace(a.URL, "127.0.0.1", name, 1), registry) }
	// One browser goes through all pages: it takes longer to start than to attack.
	a.browse(t, a.page(a.URL, d.URL), "MAP evil.example 127.0.0.1, MAP rebound.example 127.0.0.2")

	t.Run("without a defence", func(t *testing.T) { undefended(t, d, a.report(t)) })
	for _, c := range []struct {
		name, page string
		check      func(*testing.T, []finding)
	}{
		{"another port", elsewhere("127.0.0.1"), blind},
		{"another name", elsewhere("localhost"), blind},
		{"another site", elsewhere("evil.example"), blind},
		{"a rebound name", a.page(rebound, ""), misdirected},
	} {
		t.Run(c.name, func(t *testing.T) {
			served, refused := requests(t, registry)
			a.goOn(t, c.page)
			found := a.report(t)
			if len(found) < 90 {
				t.Errorf("only %d attempts were made", len(found))
			}
			c.check(t, found)
			nowServed, nowRefused := requests(t, registry)
			if n := nowRefused - refused; n < 60 {
				t.Errorf("the registry refused %d requests: the others did not reach it", n)
			}
			t.Logf("%d attempts, %d requests refused", len(found), nowRefused-refused)
			if n := nowServed - served; n > 1 { // one of them is ours, of the count before
				t.Errorf("the registry served %d requests", n-1)
			}
			unchanged(t, registry, before)
		})
	}
	a.goOn(t, "")
}

// undefended fails the test unless the page does harm to a server that defends nothing. If
// a browser comes to forbid it an attempt, that is seen here.
func undefended(t *testing.T, d *decoy, found []finding) {
	t.Helper()
	read := 0
	for _, f := range found {
		if f.Read != nil {
			read++
		}
	}
	t.Logf("%d attempts, %d with something to read", len(found), read)
	if read < 25 {
		t.Errorf("%d of %d attempts could read what everybody may read", read, len(found))
	}
	for _, want := range []string{
		"GET /list", "GET /registry/watch", "GET /registry/services", "POST /register text/plain", "POST /registry/register text/plain",
		"POST /register application/x-www-form-urlencoded", "POST /register multipart/form-data", "POST /register application/json",
		"POST /unregister text/plain", "POST /heartbeat", "OPTIONS /registry/services/victim/v-1", "DELETE /registry/services/victim/v-1",
		"PATCH /registry/services/victim/v-1 application/json",
	} {
		if !d.saw(want) {
			t.Errorf("the page did not send %s", want)
		}
	}
}

// blind fails the test if the page could read anything.
func blind(t *testing.T, found []finding) {
	t.Helper()
	for _, f := range found {
		if f.Read != nil {
			t.Errorf("%s could read %.200q", f.Name, *f.Read)
		}
	}
}

// misdirected fails the test if the page could read more than that it is in the wrong
// place. To the browser that answer is of the page's own origin.
func misdirected(t *testing.T, found []finding) {
	t.Helper()
	told := 0
	for _, f := range found {
		switch {
		case f.Read == nil:
		case strings.Contains(*f.Read, "this registry is for this machine only"), *f.Read == "421 ":
			told++
		default:
			t.Errorf("%s could read %.200q", f.Name, *f.Read)
		}
	}
	if told < 40 {
		t.Errorf("%d of %d attempts were told that they are misdirected", told, len(found))
	}
}

// rebinding gives the origin of a name that leads to the attacker for the page, and to the
// registry from then on. That is played by a proxy; browser and registry see what they
// would see. The port must be the registry's own, or it would be refused for that.
func rebinding(t *testing.T, a *attacker, registry string) string {
	t.Helper()
	at, err := url.Parse(registry)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.2:"+at.Port())
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(at)
		r.Out.Host = r.In.Host
	}}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/attack" {
			a.Config.Handler.ServeHTTP(w, r)
			return
		}
		proxy.ServeHTTP(w, r)
	})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(l) // until it is closed
	}()
	t.Cleanup(func() {
		srv.Close()
		<-done
	})
	return "http://rebound.example:" + at.Port()
}

// inhabited registers what the page would like to see and to change, and gives a picture of it.
func inhabited(t *testing.T, registry string) string {
	t.Helper()
	resp, err := single.Post(registry+"/registry/register", "application/json",
		strings.NewReader(`{"serviceName":"victim","instanceId":"v-1","port":3000,"ttl":600000,"metadata":{"secret":"do-not-read"}}`))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusCreated {
		t.Fatal(resp.Status)
	}
	return picture(t, registry)
}

// picture is all that can be seen of a registry: instances with their heartbeats, and
// everything that ever changed.
func picture(t *testing.T, registry string) string {
	t.Helper()
	all := ""
	for _, path := range []string{"/list", "/registry/services/victim", "/registry/events"} {
		status, body := get(registry + path)
		if status != http.StatusOK {
			t.Fatalf("%s: %d %s", path, status, body)
		}
		all += body + "\n"
	}
	return all
}

func unchanged(t *testing.T, registry, before string) {
	t.Helper()
	if now := picture(t, registry); now != before {
		t.Errorf("the registry was\n%sand is\n%s", before, now)
	}
}

// requests counts the requests that the registry has served, and those it has refused.
func requests(t *testing.T, registry string) (served, refused int) {
	t.Helper()
	_, text := get(registry + "/metrics")
	for line := range strings.Lines(text) {
		labels, value, ok := strings.Cut(line, "} ")
		if !ok || !strings.HasPrefix(line, "roster_http_request_seconds_count") {
			continue
		}
		var count int
		if _, err := fmt.Sscan(value, &count); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if strings.HasSuffix(labels, `status="4xx"`) {
			refused += count
		} else {
			served += count
		}
	}
	if served == 0 {
		t.Fatalf("no request is counted in %s", text)
	}
	return served, refused
}
