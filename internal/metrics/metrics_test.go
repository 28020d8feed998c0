package metrics

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/roster-sd/roster/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func page(t *testing.T, m *Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	text, err := io.ReadAll(w.Result().Body)
	if err != nil || w.Code != http.StatusOK {
		t.Fatalf("%d, %v", w.Code, err)
	}
	return string(text)
}

func has(t *testing.T, text string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("there is no line %s", line)
		}
	}
}

// TestRequests: by class of status, and nothing for what never happened.
func TestRequests(t *testing.T) {
	m := New("v1")
	observe := m.Instrument("GET", "/a/:b")
	m.Instrument("GET", "/never")
	unknown := m.Instrument("", "")
	for _, status := range []int{200, 204, 304, 404, 429, 503, 101, 0, 999, -1} {
		observe(status, time.Millisecond)
	}
	unknown(404, time.Second)
	text := page(t, m)
	const series = `roster_http_request_seconds_count{method="GET",route="/a/:b",status=`
	has(t, text, series+`"1xx"} 1`, series+`"2xx"} 2`, series+`"3xx"} 1`, series+`"4xx"} 2`, series+`"5xx"} 1`, series+`"other"} 3`,
		`roster_http_request_seconds_count{method="",route="unknown",status="4xx"} 1`,
		`roster_http_request_seconds_bucket{method="GET",route="/a/:b",status="2xx",le="0.0005"} 0`,
		`roster_http_request_seconds_bucket{method="GET",route="/a/:b",status="2xx",le="0.001"} 2`,
		`roster_build_info{version="v1"} 1`)
	if strings.Contains(text, "/never") {
		t.Error("a route that was never asked for has a series")
	}
}

// TestCalls: the outcome of a call to the backend is one of five.
func TestCalls(t *testing.T) {
	m := New("")
	for want, errs := range map[string][]error{
		"ok":          {nil},
		"unavailable": {store.ErrUnavailable, fmt.Errorf("x: %w", store.ErrClosed)},
		"canceled":    {context.Canceled, fmt.Errorf("x: %w", context.DeadlineExceeded)},
		"refused": {store.ErrNotFound, store.ErrLeaseLost, store.ErrConflict, store.ErrCompacted, fmt.Errorf("x: %w", store.ErrInvalid),
			// What the function given to Update returned: a fault of the caller's.
			errors.New("x"), fmt.Errorf("x: %w", errors.New("y"))},
		"error": {&store.Error{Kind: store.ErrUnsupported}, fmt.Errorf("x: %w", &store.Error{Kind: errors.New("x")})},
	} {
		for _, err := range errs {
			if got := outcomes[outcome(err)]; got != want {
				t.Errorf("the outcome of %v is %s, want %s", err, got, want)
			}
			m.Call("get", time.Millisecond, err)
		}
		has(t, page(t, m), fmt.Sprintf(`roster_store_call_seconds_count{op="get",outcome=%q} %d`, want, len(errs)))
	}
}

// TestCounters counts what is told one by one.
func TestCounters(t *testing.T) {
	m := New("")
	m.Reload(nil)
	m.Reload(nil)
	m.Reload(errors.New("x"))
	m.Pause()
	m.HandshakeRefused()
	has(t, page(t, m), `roster_tls_reloads_total{outcome="ok"} 2`, `roster_tls_reloads_total{outcome="failed"} 1`,
		"roster_pauses_total 1", "roster_tls_handshakes_refused_total 1")
}

// TestNodesDoNotMeet: two in one process have metrics of their own.
func TestNodesDoNotMeet(t *testing.T) {
	a, b := New("a"), New("b")
	a.Pause()
	has(t, page(t, b), "roster_pauses_total 0", `roster_build_info{version="b"} 1`)
}
