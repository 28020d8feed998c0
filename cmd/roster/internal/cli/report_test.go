package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/roster-sd/roster/client"
)

func TestReportAndExitCode(t *testing.T) {
	for _, test := range []struct {
		name    string
		status  int
		problem string
		code    int
		want    string
	}{
		{"fields", 400, `{"code":"invalid_request","title":"Bad Request","errors":[{"field":"port","message":"must be 1 to 65535"},{"field":"ttl","message":"must be above 0"}]}`,
			ExitError, "roster: get orders/a: 2 fields are not valid\n  port: must be 1 to 65535\n  ttl: must be above 0\n"},
		{"one field", 400, `{"code":"invalid_request","errors":[{"field":"port","message":"\u001b[2J"}]}`,
			ExitError, "roster: get orders/a: a field is not valid\n  port: \\x1b[2J\n"},
		{"detail", 400, `{"code":"invalid_request","detail":"the body is no JSON"}`,
			ExitError, "roster: get orders/a: the body is no JSON\n"},
		{"unauthenticated", 401, `{"code":"unauthenticated","detail":"the token is not this instance's"}`,
			ExitNotAllowed, "roster: get orders/a: the token is not this instance's\nGive the instance's token with --token or ROSTER_TOKEN. If it has run out, register again.\n"},
		{"forbidden", 403, `{"code":"forbidden","title":"Forbidden"}`,
			ExitNotAllowed, "roster: get orders/a: Forbidden\nThe policies of the registry do not allow this to the identity in your certificate.\n"},
		{"not found", 404, `{"code":"not_found","detail":"orders has no instance a"}`,
			ExitNotFound, "roster: get orders/a: orders has no instance a\nTo see what there is: roster ls.\n"},
		{"conflict", 409, `{"code":"conflict","detail":"a is held by another"}`,
			ExitError, "roster: get orders/a: a is held by another\nChoose another --id, or give the token of the instance that has it with --token.\n"},
		{"expired", 410, `{"code":"lease_lost","reason":"expired","detail":"long"}`,
			ExitNotFound, "roster: get orders/a: the instance is gone: expired\nRegister it again: roster register.\n"},
		{"forced", 410, `{"code":"lease_lost","reason":"forced","detail":"the instance is kept out"}`,
			ExitNotFound, "roster: get orders/a: the instance is kept out\nThat was meant: roster events says by whom.\n"},
		{"rate limited", 429, `{"code":"rate_limited","detail":"too many"}`,
			ExitUnavailable, "roster: get orders/a: too many\nTry again in 7s.\n"},
		{"unavailable", 503, `{"code":"unavailable","detail":"the backend is out of reach"}`,
			ExitUnavailable, "roster: get orders/a: the backend is out of reach\nTry again in 7s.\n"},
		{"internal", 500, `{"code":"internal","title":"Internal Server Error"}`,
			ExitError, "roster: get orders/a: Internal Server Error\n"},
	} {
		w := newWorld(t).at(handle(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/problem+json")
			if test.status == 429 || test.status == 503 {
				w.Header().Set("Retry-After", "7")
			}
			w.WriteHeader(test.status)
			_, _ = w.Write([]byte(test.problem))
		}))
		if code := w.run("get", "orders", "a"); code != test.code || w.err.String() != test.want || w.out.Len() != 0 {
			t.Errorf("%s: exit status %d, messages %q; want %d, %q", test.name, code, &w.err, test.code, test.want)
		}
	}
}

func TestReportOfTheNetwork(t *testing.T) {
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	defer secure.Close()
	plain := handle(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "?", 404) })
	w := newWorld(t)
	for _, test := range []struct {
		address string
		code    int
		want    string
	}{
		{nobody(), ExitUnavailable, "roster dev"},
		{secure.URL, ExitUnavailable, "--ca"},
		{strings.Replace(secure.URL, "https", "http", 1), ExitError, "https://"},
		{strings.Replace(plain, "http", "https", 1), ExitUnavailable, "http://"},
		{plain, ExitError, "https://"},
	} {
		code := w.run("ls", "--address", test.address)
		lines := strings.Split(strings.TrimSpace(w.err.String()), "\n")
		if code != test.code || len(lines) != 2 || !strings.Contains(lines[1], test.want) || !strings.Contains(lines[0], strings.SplitAfter(test.address, "//")[1]) {
			t.Errorf("%s: exit status %d, messages %q; want %d and advice with %q", test.address, code, lines, test.code, test.want)
		}
	}
}

func TestExitCode(t *testing.T) {
	for want, errs := range map[int][]error{
		ExitOK:          {nil, Usage(nil)},
		ExitError:       {errors.New("x"), client.ErrInvalid, client.ErrConflict, context.Canceled},
		ExitUsage:       {ErrUsage, Usage(errors.New("x")), fmt.Errorf("y: %w", Usage(client.ErrNotFound))},
		ExitNotFound:    {client.ErrNotFound, client.ErrLeaseLost, errNotRunning},
		ExitNotAllowed:  {client.ErrUnauthenticated, client.ErrForbidden},
		ExitUnavailable: {client.ErrUnavailable, client.ErrRateLimited, errNoRegistry, context.DeadlineExceeded},
	} {
		for _, err := range errs {
			if got := ExitCode(err); got != want {
				t.Errorf("exit status %d for %v, want %d", got, err, want)
			}
		}
	}
}

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"plain, Ünïcode 漢字": "plain, Ünïcode 漢字",
		"\x1b]0;title\a":    `\x1b]0;title\a`,
		"a\u202eb":          `a\u202eb`,
		"line\nline":        `line\nline`,
		"bad\xffutf":        `bad\ufffdutf`,
		"":                  "",
	} {
		if got := clean(in); got != want {
			t.Errorf("clean(%q) = %q, want %q", in, got, want)
		}
	}
}
