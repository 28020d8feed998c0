package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/roster-sd/roster/wire"
)

// faulty is a registry that answers as a test wants it to.
type faulty struct {
	registered, removed atomic.Int64
	heartbeats          func(items []wire.HeartbeatItem) (status int, results []wire.HeartbeatResult)
	resolve             func(w http.ResponseWriter)
	register            func(w http.ResponseWriter) bool // true: it has answered
	watch               func(w http.ResponseWriter)
}

func (f *faulty) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == "/registry/register":
		if f.register != nil && f.register(w) {
			return
		}
		f.registered.Add(1)
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, `{"instance":{"registeredAt":1},"token":"t","tokenExpiresAt":0,"ttl":60000}`)
	case r.URL.Path == "/registry/heartbeats":
		var in wire.Heartbeats
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		status, results := f.heartbeats(in.Items)
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(wire.HeartbeatResults{Results: results})
	case r.Method == http.MethodDelete:
		f.removed.Add(1)
		w.WriteHeader(http.StatusNoContent)
	case r.URL.Path == "/registry/watch":
		f.watch(w)
	case f.resolve != nil:
		f.resolve(w)
	default: // a change
		fmt.Fprint(w, "{}")
	}
}

func (f *faulty) options(t *testing.T, operation string) Options {
	t.Helper()
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	r := &node{target: Target{Address: s.Listener.Addr().String()}}
	o := r.options(operation)
	o.Metrics, o.Rate = "", 0
	return o
}

// An instance that was renewed and is gone is a false eviction; it is registered again, and
// the run fails.
func TestFalseEvictions(t *testing.T) {
	t.Parallel()
	var once atomic.Bool
	f := &faulty{heartbeats: func(items []wire.HeartbeatItem) (int, []wire.HeartbeatResult) {
		var out []wire.HeartbeatResult
		for range items {
			r := wire.HeartbeatResult{Status: http.StatusOK, TTL: 60_000}
			if !once.Swap(true) {
				r = wire.HeartbeatResult{Status: http.StatusGone, Code: wire.CodeLeaseLost}
			}
			out = append(out, r)
		}
		return http.StatusOK, out
	}}
	got, err := Run(within(t), f.options(t, Heartbeats), nil)
	if !errors.Is(err, ErrFailed) || got.FalseEvictions != 1 || got.LateRenewals != 0 || got.Parts[0].Errors[wire.CodeLeaseLost] != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	if f.registered.Load() != 41 || f.removed.Load() != 40 {
		t.Errorf("registered %d, removed %d", f.registered.Load(), f.removed.Load())
	}
}

func TestLateRenewalsAreNoFalseEvictions(t *testing.T) {
	t.Parallel()
	o := (&node{target: Target{Address: "h:1"}}).options(Heartbeats)
	r := newRun(&o, nil)
	r.evicted(o.TTL - time.Nanosecond)
	r.evicted(o.TTL)
	r.evicted(3 * o.TTL)
	if r.falsely.Load() != 1 || r.late.Load() != 2 {
		t.Errorf("%d false, %d late", r.falsely.Load(), r.late.Load())
	}
}

func TestErrorsAreCountedByCode(t *testing.T) {
	t.Parallel()
	problem := func(status int, code string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			w.WriteHeader(status)
			fmt.Fprintf(w, `{"status":%d,"code":"%s"}`, status, code)
		}
	}
	cut := func(w http.ResponseWriter) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		conn.Close()
	}
	for code, resolve := range map[string]func(http.ResponseWriter){
		wire.CodeUnavailable: problem(503, wire.CodeUnavailable),
		wire.CodeRateLimited: problem(429, wire.CodeRateLimited),
		"status_404":         func(w http.ResponseWriter) { w.WriteHeader(404) },
		codeAnswer:           func(w http.ResponseWriter) { fmt.Fprint(w, `{"serviceName":"another"}`) },
		codeConnection:       cut,
	} {
		got, err := Run(within(t), (&faulty{resolve: resolve}).options(t, Resolve), nil)
		if !errors.Is(err, ErrFailed) || !strings.Contains(err.Error(), code) || got.Parts[0].Errors[code] == 0 {
			t.Errorf("%s: %+v, %v", code, got, err)
		}
	}
}

// A registration is tried again where the registry asks for that, and nowhere else.
func TestRegistrationIsTriedAgain(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	f := &faulty{resolve: func(w http.ResponseWriter) { w.WriteHeader(200) }}
	f.register = func(w http.ResponseWriter) bool {
		if asked.Add(1) != 3 {
			return false
		}
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	}
	o := f.options(t, List)
	o.Duration = 10 * time.Millisecond
	if _, err := Run(within(t), o, nil); err != nil && !errors.Is(err, ErrFailed) || f.registered.Load() != 40 || asked.Load() != 41 {
		t.Errorf("asked %d times, %v", asked.Load(), err)
	}
	refusing := &faulty{register: func(w http.ResponseWriter) bool {
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `{"code":"forbidden"}`)
		return true
	}}
	if _, err := Run(within(t), refusing.options(t, List), nil); err == nil || !strings.Contains(err.Error(), "forbidden") {
		t.Errorf("error %v", err)
	}
}

func TestStreamsThatAreNone(t *testing.T) {
	t.Parallel()
	for want, watch := range map[string]func(http.ResponseWriter){
		"rate_limited": func(w http.ResponseWriter) {
			w.WriteHeader(429)
			fmt.Fprint(w, `{"code":"rate_limited"}`)
		},
		codeAnswer:                func(w http.ResponseWriter) { fmt.Fprint(w, "nothing") },
		"no snapshot first":       func(w http.ResponseWriter) { stream(w, "event: put\ndata: {}\n\n") },
		"watch: unexpected EOF":   func(w http.ResponseWriter) { stream(w, "event: snapshot\ndata: {") },
		"watch: 1 stream ended: ": func(w http.ResponseWriter) { stream(w, "event: snapshot\ndata: {\"instances\":[],\"last\":true}\n\n") },
	} {
		o := (&faulty{watch: watch}).options(t, Watch)
		o.Watchers, o.Duration = 1, 50*time.Millisecond
		if _, err := Run(within(t), o, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// stream sends a text in chunks, and ends.
func stream(w http.ResponseWriter, text string) {
	w.WriteHeader(http.StatusOK)
	_ = http.NewResponseController(w).Flush()
	fmt.Fprint(w, text)
}
