package api_test

import (
	"net/http/httptest"
	"testing"

	"github.com/roster-sd/roster/api"
	"github.com/roster-sd/roster/wire"
)

func TestLoopbackGuardRules(t *testing.T) {
	const pass = ""
	cases := []struct {
		name, host, origin, site string
		here, anywhere           string // the code of a guard of port 7000, and of one of any port
	}{
		{"address", "127.0.0.1:7000", "", "", pass, pass},
		{"name", "localhost:7000", "", "", pass, pass},
		{"IPv6", "[::1]:7000", "", "", pass, pass},
		{"other port", "127.0.0.1:7001", "", "", wire.CodeMisdirected, pass},
		{"no port", "localhost", "", "", wire.CodeMisdirected, pass},
		{"rebinding", "evil.example:7000", "", "", wire.CodeMisdirected, wire.CodeMisdirected},
		{"looks like ours", "127.0.0.1.evil.example:7000", "", "", wire.CodeMisdirected, wire.CodeMisdirected},
		{"empty", "", "", "", wire.CodeMisdirected, wire.CodeMisdirected},
		{"own origin", "localhost:7000", "http://localhost:7000", "same-origin", pass, pass},
		{"other origin", "localhost:7000", "https://evil.example", "", wire.CodeForbidden, wire.CodeForbidden},
		{"another port's origin", "localhost:7000", "http://localhost:3000", "", wire.CodeForbidden, wire.CodeForbidden},
		{"null origin", "localhost:7000", "null", "", wire.CodeForbidden, wire.CodeForbidden},
		{"a page elsewhere reads", "localhost:7000", "", "cross-site", wire.CodeForbidden, wire.CodeForbidden},
		{"a page of another port reads", "localhost:7000", "", "same-site", wire.CodeForbidden, wire.CodeForbidden},
	}
	here, anywhere := api.LoopbackGuard(7000), api.LoopbackGuard(api.AnyPort)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/list", nil)
			r.Host = c.host
			if c.origin != "" {
				r.Header.Set("Origin", c.origin)
			}
			if c.site != "" {
				r.Header.Set("Sec-Fetch-Site", c.site)
			}
			if code, _ := here(r); code != c.here {
				t.Errorf("port 7000: %q, want %q", code, c.here)
			}
			if code, _ := anywhere(r); code != c.anywhere {
				t.Errorf("any port: %q, want %q", code, c.anywhere)
			}
		})
	}
}
