package client

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// Whatever answers instead of a registry, the error is of no more than one kind, asks to wait
// for a bounded time, and says nothing about an instance unless the registry itself did.
func FuzzAnswer(f *testing.F) {
	f.Add(404, "application/problem+json", "1", `{"code":"not_found","detail":"gone"}`)
	f.Add(410, "application/problem+json", "", `{"code":"lease_lost","reason":"replaced","errors":[{"field":"a","message":"b"}]}`)
	f.Add(404, "text/html", "Fri, 31 Dec 9999 23:59:59 GMT", "<html>")
	f.Add(503, "", "-1", "")
	f.Add(200, "application/problem+json;", "99999999999999999999", `{"code":5}`)
	f.Add(502, "application/json", "0.5", "null")
	f.Fuzz(func(t *testing.T, status int, media, after, body string) {
		resp := &http.Response{StatusCode: status, Header: http.Header{}}
		resp.Header.Set("Content-Type", media)
		resp.Header.Set("Retry-After", after)
		err := answerError("https://registry.example", resp, []byte(body), time.Unix(1_700_000_000, 0))
		if err.RetryAfter < 0 || err.RetryAfter > maxRetryAfter || err.Error() == "" {
			t.Fatalf("%+v", err)
		}
		found := 0
		for _, kind := range []error{ErrInvalid, ErrUnauthenticated, ErrForbidden, ErrNotFound, ErrConflict, ErrLeaseLost, ErrRateLimited, ErrUnavailable} {
			if errors.Is(err, kind) {
				found++
			}
		}
		said := strings.Contains(body, `"code"`) || strings.Contains(body, `\u`) || strings.Contains(strings.ToLower(body), "code")
		if lost := errors.Is(err, ErrNotFound) || errors.Is(err, ErrLeaseLost); found > 1 || lost && !said {
			t.Fatalf("%d %q %q is %+v, of %d kinds", status, media, body, err, found)
		}
	})
}

// An address that is taken is one base URL with a host, and nothing that would be sent along.
func FuzzAddress(f *testing.F) {
	for _, s := range []string{"", "localhost:7000", "https://registry.example", "http://[::1]:80", "ftp://a", "https://user:secret@a", "a:b", "[::1]:1", "https://a/b", "https://a?b", "https://a:", "https://a:0", ":1", "https://a:1#"} {
		f.Add(s, true)
		f.Add(s, false)
	}
	f.Fuzz(func(t *testing.T, address string, secured bool) {
		base, err := parseAddress(address, secured)
		if err != nil {
			return
		}
		u, err := url.Parse(base)
		if err != nil || u.Hostname() == "" || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Scheme != "http" && u.Scheme != "https" {
			t.Fatalf("%q is taken as %q, %v", address, base, err)
		}
		if secured && u.Scheme == "http" && !strings.Contains(address, "://") {
			t.Fatalf("%q is taken as %q, without TLS", address, base)
		}
		if again, err := parseAddress(base, secured); err != nil || again != base {
			t.Fatalf("%q is read back as %q, %v", base, again, err)
		}
	})
}
