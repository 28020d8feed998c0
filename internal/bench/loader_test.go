package bench

import (
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/roster-sd/roster/internal/bench/rawclient"
)

// target is a test server as the load sees it; its process is this one.
func target(s *httptest.Server) Target {
	t := Target{Name: ServerRoster, Address: s.Listener.Addr().String(), PID: os.Getpid()}
	if s.TLS != nil {
		t.TLS = s.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
		t.TLS.ServerName = "example.com"
		t.TLS.MinVersion = tls.VersionTLS13
	}
	return t
}

// oneLoad asks for /x and wants a body of five bytes that holds want.
func oneLoad(want string) *Load {
	return &Load{Requests: []Request{{Bytes: rawclient.Get("h", "/x"), Contains: []byte(want)}}, MinBody: 5, MaxBody: 5}
}

func TestMeasureCounts(t *testing.T) {
	for name, start := range map[string]func(http.Handler) *httptest.Server{"http": httptest.NewServer, "tls": httptest.NewTLSServer} {
		var asked atomic.Int64
		s := start(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			asked.Add(1)
			io.WriteString(w, "hello")
		}))
		got, err := Measure(t.Context(), target(s), oneLoad("ell"), 4, 50*time.Millisecond)
		s.Close()
		if err != nil || got.Errors != 0 {
			t.Fatalf("%s: %v, %+v", name, err, got)
		}
		// The warm-up is asked for too, and not counted.
		if got.Requests == 0 || got.Requests >= asked.Load() {
			t.Errorf("%s: counted %d of %d", name, got.Requests, asked.Load())
		}
		if got.Seconds < 0.05 || got.RequestsPerSecond*got.Seconds < float64(got.Requests)*0.999 {
			t.Errorf("%s: %+v", name, got)
		}
		if got.P50Micros <= 0 || got.P99Micros < got.P50Micros {
			t.Errorf("%s: p50 %v, p99 %v", name, got.P50Micros, got.P99Micros)
		}
	}
}

func TestMeasureReportsWrongAnswers(t *testing.T) {
	for name, tc := range map[string]struct {
		handler http.HandlerFunc
		want    string
	}{
		"status":   {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", 503) }, "status 503"},
		"short":    {func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hell") }, "body of 4 bytes"},
		"long":     {func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello!") }, "body of 6 bytes"},
		"contents": {func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "olleh") }, "body without"},
		"hang-up":  {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "read answer"},
	} {
		s := httptest.NewServer(tc.handler)
		got, err := Measure(t.Context(), target(s), oneLoad("hello"), 3, 20*time.Millisecond)
		s.Close()
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got.Errors != 3 || !strings.Contains(got.FirstError, tc.want) {
			t.Errorf("%s: %d errors, the first %q, want 3 with %q", name, got.Errors, got.FirstError, tc.want)
		}
	}
}

func TestMeasureWithoutServer(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	gone := target(s)
	s.Close()
	if _, err := Measure(t.Context(), gone, oneLoad(""), 2, 20*time.Millisecond); err == nil {
		t.Error("no error")
	}
}

// Each connection starts at another request, and together they send them all.
func TestWorkersShareTheRequests(t *testing.T) {
	var (
		mu   sync.Mutex
		seen = map[string]int{}
	)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		seen[r.URL.Path]++
		mu.Unlock()
		io.WriteString(w, r.URL.Path)
	}))
	defer s.Close()
	load := &Load{MinBody: 2, MaxBody: 2}
	for _, path := range []string{"/0", "/1", "/2", "/3", "/4", "/5", "/6"} {
		load.Requests = append(load.Requests, Request{Bytes: rawclient.Get("h", path), Contains: []byte(path)})
	}
	workers, err := dial(t.Context(), target(s), load, 3)
	if err != nil {
		t.Fatal(err)
	}
	defer hangUp(workers)
	for _, w := range workers {
		for range load.Requests {
			if err := w.exchange(); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, r := range load.Requests {
		if n := seen[string(r.Contains)]; n != 3 {
			t.Errorf("%s was sent %d times, want 3", r.Contains, n)
		}
	}
}

func TestOnlySamplesAreReadThrough(t *testing.T) {
	load := oneLoad("hello")
	if err := load.check(&load.Requests[0], rawclient.Reply{Status: 200, Body: []byte("olleh")}, false); err != nil {
		t.Errorf("outside the sample: %v", err)
	}
	if err := load.check(&load.Requests[0], rawclient.Reply{Status: 200, Body: []byte("olleh")}, true); !errors.Is(err, errWrongAnswer) {
		t.Errorf("in the sample: %v", err)
	}
}

// Each request with a number has one of its own, wherever it stands, and the others stay
// as they are.
func TestNumbersAreDistinct(t *testing.T) {
	raw := []byte("POST /" + noNumber + " and " + noNumber)
	load := &Load{}
	req := &Request{Bytes: raw, Numbers: numbered(raw)}
	var buf []byte
	for _, want := range []string{"POST /0000000001 and 0000000001", "POST /0000000002 and 0000000002"} {
		if buf = load.number(req, buf); string(buf) != want {
			t.Errorf("%q, want %q", buf, want)
		}
	}
	if string(req.Bytes) != string(raw) {
		t.Errorf("the request itself became %q", req.Bytes)
	}
	plain := &Request{Bytes: []byte("GET /")}
	if got := load.number(plain, buf); &got[0] != &plain.Bytes[0] {
		t.Error("a request without numbers was copied")
	}
}
