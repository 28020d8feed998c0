package apicheck

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// recorder is a test that notes errors instead of failing.
type recorder struct {
	testing.TB
	errors []string
	after  []func()
}

func (r *recorder) Helper()          {}
func (r *recorder) Cleanup(f func()) { r.after = append(r.after, f) }
func (r *recorder) Errorf(format string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}

// send passes a request through a checker to a handler, reads the answer to its end and
// gives what the checker had to say.
func send(t *testing.T, r *http.Request, h http.HandlerFunc) []string {
	t.Helper()
	rec := &recorder{TB: t}
	resp, err := New(rec).Transport(handler(h)).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(resp.Body); err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return rec.errors
}

// handler answers requests without a network.
type handler http.HandlerFunc

func (h handler) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	h(w, r)
	resp := w.Result()
	resp.Request = r
	return resp, nil
}

func request(method, target, body string, headers ...string) *http.Request {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

// answer makes a handler that gives a fixed answer with a good Registry-Revision.
func answer(status int, contentType, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Registry-Revision", "1k9xj3f8a2c4q.42")
		if contentType != "" {
			w.Header().Set("Content-Type", contentType)
		}
		for i := 0; i < len(headers); i += 2 {
			if headers[i+1] == "" {
				w.Header().Del(headers[i])
				continue
			}
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// wants fails unless the errors are none, if want is empty, or one of them contains want.
func wants(t *testing.T, got []string, want string) {
	t.Helper()
	if want == "" {
		if len(got) > 0 {
			t.Errorf("reported: %s", strings.Join(got, "\n"))
		}
		return
	}
	for _, e := range got {
		if strings.Contains(e, want) {
			return
		}
	}
	t.Errorf("not reported: %q; reported: %q", want, got)
}

const (
	good   = `{"serviceName":"auth","instanceId":"a-1","address":"10.0.4.17","port":3001,"weight":100,"status":"up","health":"passing","ttl":30000,"registeredAt":1,"lastHeartbeat":2,"revision":"1k9xj3f8a2c4q.41"}`
	closed = `{"type":"about:blank","title":"Not Found","status":404,"code":"not_found"}`
	asJSON = "application/json; charset=utf-8"
)
