package client

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/roster-sd/roster/wire"
)

func TestErrorsByCode(t *testing.T) {
	all := []error{
		ErrInvalid, ErrUnauthenticated, ErrForbidden, ErrNotFound, ErrConflict,
		ErrLeaseLost, ErrRateLimited, ErrUnavailable,
	}
	for _, test := range []struct {
		status int
		code   string // empty: the answer is not a problem of the registry's
		want   error  // nil: of no kind
	}{
		{400, wire.CodeInvalid, ErrInvalid},
		{401, wire.CodeUnauthenticated, ErrUnauthenticated},
		{403, wire.CodeForbidden, ErrForbidden},
		{404, wire.CodeNotFound, ErrNotFound},
		{405, wire.CodeMethod, nil},
		{409, wire.CodeConflict, ErrConflict},
		{410, wire.CodeLeaseLost, ErrLeaseLost},
		{413, wire.CodeTooLarge, ErrInvalid},
		{415, wire.CodeMediaType, ErrInvalid},
		{421, wire.CodeMisdirected, nil},
		{429, wire.CodeRateLimited, ErrRateLimited},
		{500, wire.CodeInternal, nil},
		{503, wire.CodeUnavailable, ErrUnavailable},
		{418, wire.CodeNotFound, ErrNotFound}, // the code decides, not the status
		{404, "", nil},                        // says nothing about an instance
		{410, "", nil},
		{400, "", nil},
		{401, "", ErrUnauthenticated},
		{403, "", ErrForbidden},
		{429, "", ErrRateLimited},
		{502, "", ErrUnavailable},
		{503, "", ErrUnavailable},
		{504, "", ErrUnavailable},
	} {
		url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			if test.code == "" {
				w.Header().Set("Content-Type", "text/html")
				w.WriteHeader(test.status)
				_, _ = io.WriteString(w, "<script>")
				return
			}
			problem(w, test.status, `{"title":"T","status":1,"code":"`+test.code+`","detail":"D"}`)
		})
		_, err := reach(t, url).Heartbeat(limited(t), ref, "t")
		var e *Error
		if !errors.As(err, &e) || e.Status != test.status {
			t.Errorf("%d %s: error %v", test.status, test.code, err)
			continue
		}
		for _, kind := range all {
			if errors.Is(err, kind) != (kind == test.want) {
				t.Errorf("%d %q: is %q: %v", test.status, test.code, kind, errors.Is(err, kind))
			}
		}
		if strings.Contains(err.Error(), "<script>") {
			t.Errorf("%d: foreign text in %v", test.status, err)
		}
	}
}

func TestErrorHoldsTheProblem(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "7")
		problem(w, 410, `{"type":"about:blank","title":"Gone","status":410,"code":"lease_lost",
			"detail":"it was removed","reason":"forced","errors":[{"field":"port","message":"is 0"},{"field":"ttl","message":"is -1"}]}`)
	})
	_, err := reach(t, url).Heartbeat(limited(t), ref, "t")
	var e *Error
	if !errors.As(err, &e) {
		t.Fatal(err)
	}
	if e.Title != "Gone" || e.Detail != "it was removed" || e.Reason != "forced" || len(e.Fields) != 2 ||
		e.Fields[1] != (wire.FieldError{Field: "ttl", Message: "is -1"}) || e.RetryAfter != 7*time.Second {
		t.Errorf("error %+v", e)
	}
	const want = "heartbeat orders/orders-1: lease_lost (forced): it was removed: port: is 0; ttl: is -1"
	if err.Error() != want {
		t.Errorf("text %q, want %q", err, want)
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"": 0, "5": 5 * time.Second, "-5": 0, "nonsense": 0, "99999999999999999999": 0,
		"2000000000":                    maxRetryAfter,
		"Fri, 02 Jan 2026 03:04:35 GMT": 30 * time.Second,
		"Fri, 02 Jan 2015 03:04:35 GMT": 0,
	} {
		if got := retryAfter(value, now); got != want {
			t.Errorf("retryAfter(%q) = %v, want %v", value, got, want)
		}
	}
}

func TestDeregisteredBefore(t *testing.T) {
	for reason, want := range map[string]bool{"deregistered": true, "forced": false, "expired": false} {
		url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			problem(w, 410, `{"code":"lease_lost","reason":"`+reason+`"}`)
		})
		if err := reach(t, url).Deregister(limited(t), ref, "t", ""); (err == nil) != want {
			t.Errorf("deregister what is gone as %s: %v", reason, err)
		}
	}
}

func TestNotSent(t *testing.T) {
	c := reach(t, serve(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("sent %s", r.URL) }))
	ctx := limited(t)
	_, list := c.Service(ctx, "", ServiceOptions{})
	_, get := c.Instance(ctx, wire.InstanceRef{ServiceName: "orders"}, ReadOptions{})
	_, resolve := c.Resolve(ctx, "..", ResolveOptions{})
	_, patch := c.Patch(ctx, wire.InstanceRef{ServiceName: "a", InstanceID: "."}, "t", wire.Patch{})
	_, batch := c.Heartbeats(ctx, make([]wire.HeartbeatItem, wire.MaxBatch+1))
	_, watch := c.Watch(ctx, WatchOptions{Services: []string{""}})
	for name, err := range map[string]error{
		"list": list, "get": get, "resolve": resolve, "patch": patch, "batch": batch, "watch": watch,
		"deregister": c.Deregister(ctx, wire.InstanceRef{}, "t", ""),
	} {
		if !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: error %v, want invalid", name, err)
		}
	}
	if results, err := c.Heartbeats(ctx, nil); err != nil || results != nil {
		t.Errorf("an empty batch: %v, %v", results, err)
	}
}

func TestResultError(t *testing.T) {
	if err := ResultError(wire.HeartbeatResult{Status: 200, TTL: 1}); err != nil {
		t.Error(err)
	}
	err := ResultError(wire.HeartbeatResult{Status: 410, Code: wire.CodeLeaseLost, Reason: "replaced"})
	var e *Error
	if !errors.Is(err, ErrLeaseLost) || !errors.As(err, &e) || e.Reason != "replaced" {
		t.Errorf("error %v", err)
	}
}

func TestHealthOfARegistryThatCannotServe(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(503)
		_, _ = io.WriteString(w, `{"status":"degraded","reasons":["backend out of reach for 12 s"]}`)
	})
	h, err := reach(t, url).Ready(limited(t), true)
	if !errors.Is(err, ErrUnavailable) || h.Status != "degraded" || !strings.Contains(err.Error(), "12 s") {
		t.Errorf("health %+v, error %v", h, err)
	}
}
