package api

import (
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/roster-sd/roster/registry"
	"github.com/roster-sd/roster/wire"
)

func FuzzQuestion(f *testing.F) {
	for _, s := range append(decoderSeeds, `{"identity":"spiffe://example.org/web","action":"register","serviceName":"orders"}`,
		`{"identity":"a","action":"admin"}`, `{"identity":"","action":"own","serviceName":".."}`, `{"identity":1,"action":null,"serviceName":[]}`) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		q, err := readQuestion(posted(body))
		if err != nil {
			refusedWell(t, err, body)
			return
		}
		text := encoded(t, wire.PolicyQuestion{Identity: q.Identity, Action: q.Action, ServiceName: q.Service})
		if again, err := readQuestion(posted(text)); err != nil || again != q {
			t.Fatalf("%s: %+v is read back as %+v, %v", body, q, again, err)
		}
	})
}

func FuzzOverride(f *testing.F) {
	for _, s := range append(decoderSeeds, `{"status":"out_of_service","reason":"it lies","for":3600000}`, `{"keepOut":true}`,
		`{"status":"gone","reason":"\n","for":0}`, `{"for":9223372036854775807}`, `{"for":-1}`, `{"keepOut":"yes","status":1,"for":"1h"}`) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		q, err := readOverride(posted(body))
		if err != nil {
			refusedWell(t, err, body)
			return
		}
		if q.Check() != nil {
			return
		}
		if q.For < time.Second || q.For > registry.MaxOverride {
			t.Fatalf("%s: stands for %s", body, q.For)
		}
		text := encoded(t, wire.OverrideRequest{Status: q.Status, KeepOut: q.KeepOut, Reason: q.Reason, For: q.For.Milliseconds()})
		if again, err := readOverride(posted(text)); err != nil || again != q {
			t.Fatalf("%s: %+v is read back as %+v, %v", body, q, again, err)
		}
	})
}

// What the guard lets pass names this machine by an address or a name of loopback, with the
// port that it listens on, and comes from no other page.
func FuzzGuard(f *testing.F) {
	f.Add("127.0.0.1:7000", "", "")
	f.Add("localhost:7000", "http://localhost:7000", "same-origin")
	f.Add("[::1]:7000", "http://[::1]:7000", "none")
	for _, host := range []string{"", ":", "127.0.0.1", "rebound.example:7000", "127.0.0.1:7000.evil.example", "localhost:7000@evil.example", "[::1", "::1:7000", "LOCALHOST:7000", "127.1:7000", "0x7f.1:7000"} {
		f.Add(host, "null", "cross-site")
	}
	f.Add("127.0.0.1:7000", "http://127.0.0.1:7000.evil.example", "")
	f.Add("127.0.0.1:7000", "http://evil.example/http://127.0.0.1:7000", "same-site")
	guard := LoopbackGuard(7000)
	ours := []string{"127.0.0.1:7000", "localhost:7000", "[::1]:7000"}
	f.Fuzz(func(t *testing.T, host, origin, site string) {
		r := &http.Request{Host: host, Header: http.Header{}}
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		if site != "" {
			r.Header.Set("Sec-Fetch-Site", site)
		}
		code, detail := guard(r)
		if code != "" {
			if code != wire.CodeMisdirected && code != wire.CodeForbidden || detail == "" {
				t.Fatalf("%q, %q, %q: refused with %s %q", host, origin, site, code, detail)
			}
			return
		}
		if name, port, err := net.SplitHostPort(host); err != nil || port != "7000" || !slices.Contains(loopbackNames, name) {
			t.Fatalf("the Host %q passes", host)
		}
		if origin != "" {
			rest, ok := strings.CutPrefix(strings.ToLower(origin), "http://")
			rest, _, _ = strings.Cut(rest, "/")
			rest, _, _ = strings.Cut(rest, "?")
			rest, _, _ = strings.Cut(rest, "#")
			if _, after, user := strings.Cut(rest, "@"); user {
				rest = after
			}
			if !ok || !slices.Contains(ours, rest) {
				t.Fatalf("the Origin %q passes", origin)
			}
		}
		if site != "" && site != "same-origin" && site != "none" {
			t.Fatalf("Sec-Fetch-Site: %q passes", site)
		}
	})
}
