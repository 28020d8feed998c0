package logging

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// formats are all the ways in which a line can be written.
var formats = map[string]Options{
	"json":   {Level: "debug", Format: JSON},
	"text":   {Level: "debug", Format: Text},
	"colour": {Level: "debug", Format: Text, Terminal: true},
}

type answer struct {
	Service string `json:"service"`
	Token   string `json:"token"`
	Nested  []struct {
		Secret string
	}
}

type valuer struct{ secret string }

func (v valuer) LogValue() slog.Value {
	return slog.GroupValue(slog.String("password", v.secret), slog.String("kept", "visible"))
}

type named string

// TestNeverASecret logs a random token, and a secret of another form, in every way that a
// caller could and looks for it in what was written. "visible" is what must survive.
func TestNeverASecret(t *testing.T) {
	raw := make([]byte, 32)
	rand.Read(raw)
	// The suffix makes sure of capitals, small letters and a digit.
	token := base64.RawURLEncoding.EncodeToString(raw)[:40] + "aZ7"
	t.Run("token", func(t *testing.T) {
		neverASecret(t, token, map[string]func(l *slog.Logger){
			"bare value":  func(l *slog.Logger) { l.Info("visible", "detail", token) },
			"bare error":  func(l *slog.Logger) { l.Info("visible", "err", errors.New("odd value "+token)) },
			"in a path":   func(l *slog.Logger) { l.Info("visible", "path", "/registry/"+token+"/x") },
			"two of them": func(l *slog.Logger) { l.Info("visible", "detail", token+" "+token) },
			"stringer":    func(l *slog.Logger) { l.Info("visible", "s", stringer{token}) },
		})
	})
	t.Run("other secret", func(t *testing.T) { neverASecret(t, "opaque-"+strings.ToLower(rand.Text()), nil) })
}

type stringer struct{ s string }

func (s stringer) String() string { return "says " + s.s }

func neverASecret(t *testing.T, token string, more map[string]func(l *slog.Logger)) {
	t.Setenv("NO_COLOR", "")
	h := http.Header{"Authorization": {"Bearer " + token}, "X-Instance-Token": {token}, "Accept": {"visible"}}
	u, err := url.Parse("https://admin:" + token + "@visible/registry?token=" + token)
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]func(l *slog.Logger){
		"token":           func(l *slog.Logger) { l.Info("visible", "token", token) },
		"upper case":      func(l *slog.Logger) { l.Info("visible", "TOKEN", token) },
		"header name":     func(l *slog.Logger) { l.Info("visible", "X-Instance-Token", token) },
		"header, lower":   func(l *slog.Logger) { l.Info("visible", "x-instance-token", token) },
		"authorization":   func(l *slog.Logger) { l.Info("visible", "authorization", "Bearer "+token) },
		"password":        func(l *slog.Logger) { l.Info("visible", "password", "hunter2-"+token) },
		"redis_password":  func(l *slog.Logger) { l.Info("visible", "redis_password", token) },
		"secret":          func(l *slog.Logger) { l.Info("visible", "secret", []byte(token)) },
		"plural":          func(l *slog.Logger) { l.Info("visible", "tokens", []string{token, token}) },
		"camel case":      func(l *slog.Logger) { l.Info("visible", "newToken", token) },
		"named type":      func(l *slog.Logger) { l.Info("visible", "value", named("token="+token)) },
		"With":            func(l *slog.Logger) { l.With("token", token).Info("visible") },
		"group":           func(l *slog.Logger) { l.Info("visible", slog.Group("request", "token", token)) },
		"group called so": func(l *slog.Logger) { l.Info("visible", slog.Group("token", "value", token)) },
		"WithGroup":       func(l *slog.Logger) { l.WithGroup("token").Info("visible", "value", token) },
		"struct":          func(l *slog.Logger) { l.Info("visible", "answer", answer{Token: token}) },
		"pointer":         func(l *slog.Logger) { l.Info("visible", "answer", &answer{Token: token}) },
		"nested struct":   func(l *slog.Logger) { l.Info("visible", "a", answer{Nested: []struct{ Secret string }{{token}}}) },
		"map":             func(l *slog.Logger) { l.Info("visible", "m", map[string]any{"a": map[string]string{"token": token}}) },
		"header map":      func(l *slog.Logger) { l.Info("request", "header", h) },
		"LogValuer":       func(l *slog.Logger) { l.Info("x", "who", valuer{token}) },
		"URL":             func(l *slog.Logger) { l.Info("x", "url", u) },
		"URL as a string": func(l *slog.Logger) { l.Info("x", "url", u.String()) },
		"error":           func(l *slog.Logger) { l.Info("visible", "err", fmt.Errorf("send Bearer %s", token)) },
		"error with JSON": func(l *slog.Logger) { l.Info("visible", "err", fmt.Errorf(`body {"token":"%s"}`, token)) },
		"error with %q":   func(l *slog.Logger) { l.Info("visible", "err", fmt.Errorf("body %q", `{"token":"`+token+`"}`)) },
		"message":         func(l *slog.Logger) { l.Info("visible token=" + token) },
		"message, header": func(l *slog.Logger) { l.Info("visible X-Instance-Token: " + token) },
		"every level":     func(l *slog.Logger) { l.Debug("visible", "token", token); l.Error("visible", "token", token) },
		"attrs of context": func(l *slog.Logger) {
			l.LogAttrs(context.Background(), slog.LevelWarn, "visible", slog.String("token", token))
		},
	}
	maps.Copy(tests, more)
	for name, log := range tests {
		for format, options := range formats {
			t.Run(name+"/"+format, func(t *testing.T) {
				var buf bytes.Buffer
				log(mustNew(t, &buf, options))
				out := buf.String()
				if strings.Contains(out, token) || strings.Contains(out, token[:12]) || strings.Contains(out, "hunter2") {
					t.Errorf("the secret was written: %s", out)
				}
				if !strings.Contains(out, "masked") || !strings.Contains(out, "visible") {
					t.Errorf("want the mask and what is no secret: %s", out)
				}
			})
		}
	}
}

// TestKept holds the guard to what it is for: names and values that only resemble
// secrets stay readable.
func TestKept(t *testing.T) {
	t.Setenv("NO_COLOR", "")
	tests := []struct {
		key   string
		value any
		want  string
	}{
		{"tokenExpiresAt", int64(1763748000000), "1763748000000"},
		{"token_ttl", "1h0m0s", "1h0m0s"},
		{"tokens", 17, "17"},
		{"password_file", "/run/secrets/redis", "/run/secrets/redis"},
		{"err", errors.New("verify token: expired"), "verify token: expired"},
		{"err", errors.New("unknown token"), "unknown token"},
		{"identity", "spiffe://example.org/orders", "spiffe://example.org/orders"},
		{"instance", "auth-service-7f3k2m9q", "auth-service-7f3k2m9q"},
		{"digest", strings.Repeat("0f", 32), strings.Repeat("0f", 32)},
		{"service", strings.Repeat("a", 43), strings.Repeat("a", 43)},
		{"counts", map[string]any{"tokens": 9007199254740993}, "9007199254740993"},
		{"nothing", nil, "nothing"},
		{"header", http.Header(nil), "header"},
		{"err", (*url.Error)(nil), "err"},
	}
	for _, tt := range tests {
		for format, options := range formats {
			var buf bytes.Buffer
			mustNew(t, &buf, options).Info("x", tt.key, tt.value)
			if out := buf.String(); !strings.Contains(out, tt.want) || strings.Contains(out, "masked") {
				t.Errorf("%s, %s=%v: %q is missing or masked in %s", format, tt.key, tt.value, tt.want, out)
			}
		}
	}
	var buf bytes.Buffer
	mustNew(t, &buf, Options{Format: JSON}).Info("x", "token", "")
	if !strings.Contains(buf.String(), `"token":""`) {
		t.Errorf("that a token is missing is hidden: %s", &buf)
	}
}

// TestTerminalCommands writes what would clear a screen or forge a line.
func TestTerminalCommands(t *testing.T) {
	evil := []any{
		"\x1b[2J\x1b]0;owned\x07", "\\x1b[2J", "a \\x1b[2J", "\\\\x1b[2J", "a\nlevel=INFO forged", "\u009b2J",
		"\u202etxt.exe", errors.New("\x1b[2J"), []byte("\x1b[2J\r"), struct{ A string }{"\x1b[2J"},
		map[string]string{"a": "\x1b[2J\n"}, named("\x1b[2J"), "\xff\x1b[2J",
	}
	for format, options := range formats {
		for _, v := range evil {
			t.Setenv("NO_COLOR", "")
			var plain, buf bytes.Buffer
			mustNew(t, &plain, options).Info("x", "k", "v")
			mustNew(t, &buf, options).Info("x", "k", v)
			if format == "colour" {
				mustNew(t, &plain, options).Info("message x")
				mustNew(t, &buf, options).Info(fmt.Sprintf("message %s", v))
			}
			if got, want := strings.Count(buf.String(), "\x1b"), strings.Count(plain.String(), "\x1b"); got != want {
				t.Errorf("%s: %q brought %d escapes of its own: %q", format, v, got-want, buf.String())
			}
			if got, want := strings.Count(buf.String(), "\n"), strings.Count(plain.String(), "\n"); got != want {
				t.Errorf("%s: %q made %d lines of %d: %q", format, v, got, want, buf.String())
			}
			if format != "json" && strings.ContainsAny(buf.String(), "\a\r\u009b\u202e") {
				t.Errorf("%s: %q left a control character: %q", format, v, buf.String())
			}
		}
	}
}

func BenchmarkGuard(b *testing.B) {
	l := mustNew(b, discard{}, Options{Format: JSON})
	b.ReportAllocs()
	for b.Loop() {
		l.Info("evicted", "service", "auth-service", "instance", "auth-service-7f3k2m9q", "reason", "expired", "late_ms", 12)
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
