package server

import (
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestErrorLog: what net/http has to say is told for what it is worth.
func TestErrorLog(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"http: TLS handshake error from 127.0.0.1:1: tls: client didn't provide a certificate\n":       `level=WARN msg="TLS handshake failed" from=127.0.0.1:1 error="tls: client didn't provide a certificate"`,
		"http: TLS handshake error from [::1]:1: remote error: tls: bad certificate\n":                 `level=WARN msg="TLS handshake failed" from=[::1]:1 error="remote error: tls: bad certificate"`,
		"http: TLS handshake error from 127.0.0.1:1: EOF\n":                                            `level=DEBUG msg="TLS handshake failed" from=127.0.0.1:1 error=EOF`,
		"http: TLS handshake error from 127.0.0.1:1: read tcp 127.0.0.1:2->127.0.0.1:1: i/o timeout\n": `level=DEBUG msg="TLS handshake failed" from=127.0.0.1:1 error="read tcp 127.0.0.1:2->127.0.0.1:1: i/o timeout"`,
		"http: Accept error: too many open files; retrying in 1s\n":                                    `level=ERROR msg="http: Accept error: too many open files; retrying in 1s"`,
		"http: panic serving 127.0.0.1:1: x\n":                                                         `level=ERROR msg="http: panic serving 127.0.0.1:1: x"`,
		"http: superfluous response.WriteHeader call\n":                                                `level=DEBUG msg="http: superfluous response.WriteHeader call"`,
	} {
		var out transcript
		refused := 0
		newErrorLog(plainLog(&out), func(string, string) { refused++ }).Print(text)
		if got := strings.TrimSpace(out.String()); got != want {
			t.Errorf("%q is logged as %s, want %s", text, got, want)
		}
		if (refused == 1) != strings.Contains(want, `WARN msg="TLS`) {
			t.Errorf("%q counts as %d refusals", text, refused)
		}
	}
}

// TestErrorLogIsNoFlood: whoever can connect can be refused as often as they like.
func TestErrorLogIsNoFlood(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out transcript
		refused := 0
		l := newErrorLog(plainLog(&out), func(string, string) { refused++ })
		for range 3 {
			for range 1000 {
				l.Print("http: TLS handshake error from 127.0.0.1:1: tls: no")
			}
			time.Sleep(time.Second)
		}
		if got := strings.Count(out.String(), "level=WARN"); got != 3*refusalsPerSecond {
			t.Errorf("%d warnings in three seconds, want %d", got, 3*refusalsPerSecond)
		}
		if refused != 3000 {
			t.Errorf("%d refusals were counted, want all 3000", refused)
		}
	})
}

func plainLog(out *transcript) *slog.Logger {
	return slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}}))
}
