package server

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// usage is what a process has open and holds.
type usage struct {
	descriptors, goroutines int
	heap                    int64 // bytes in use
}

func measure() usage {
	runtime.GC()
	runtime.GC() // what was in a pool goes with the second
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	u := usage{goroutines: runtime.NumGoroutine(), heap: int64(m.HeapAlloc + m.StackInuse)}
	if open, err := os.ReadDir("/proc/self/fd"); err == nil {
		u.descriptors = len(open) - 1 // without that of the folder
	}
	return u
}

func (u usage) String() string {
	return fmt.Sprintf("%d descriptors, %d goroutines, %.1f MiB", u.descriptors, u.goroutines, float64(u.heap)/(1<<20))
}

// returned waits until what was taken since has been given back, but for a little.
func returned(t *testing.T, before usage) {
	t.Helper()
	var now usage
	defer func() { t.Logf("before %s; after %s", before, now) }()
	eventually(t, "descriptors, goroutines and memory are back", func() bool {
		now = measure()
		return now.descriptors <= before.descriptors+5 && now.goroutines <= before.goroutines+10 && now.heap <= before.heap+24<<20
	})
}

// heart beats for an instance until it is stopped, and fails the test if a beat is not
// answered with 200 in time.
type heart struct {
	t       *testing.T
	stop    context.CancelFunc
	done    sync.WaitGroup
	beats   int
	slowest time.Duration

	mu   sync.Mutex
	took []time.Duration // since the last lap
}

// beating registers an instance and keeps it alive on connections of its own.
func (n *node) beating(c *caller) *heart {
	n.t.Helper()
	mine := c.register(201, "victim", "v-1", "")
	ctx, stop := context.WithCancel(context.Background())
	h := &heart{t: n.t, stop: stop}
	h.done.Go(func() {
		for ctx.Err() == nil {
			begun := time.Now()
			resp, data, err := c.tryAgain("POST", "/registry/heartbeat", mine.Token, map[string]string{"serviceName": "victim", "instanceId": "v-1"})
			if err != nil || resp.StatusCode != 200 {
				n.t.Errorf("heartbeat %d: %v, %s", h.beats, err, data)
				return
			}
			h.beats++
			took := time.Since(begun)
			h.slowest = max(h.slowest, took)
			h.mu.Lock()
			h.took = append(h.took, took)
			h.mu.Unlock()
			select {
			case <-ctx.Done():
			case <-time.After(5 * time.Millisecond):
			}
		}
	})
	n.t.Cleanup(func() { stop(); h.done.Wait() })
	return h
}

// lap gives how long all but one in a hundred beats took since the last lap, 0 if there was none.
func (h *heart) lap() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	took := h.took
	if h.took = nil; len(took) == 0 {
		return 0
	}
	slices.Sort(took)
	return took[len(took)*99/100]
}

// since is how many beats there were since the last lap.
func (h *heart) since() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.took)
}

// end stops the heart: it must have beaten meanwhile, with no beat slower than within.
func (h *heart) end(within time.Duration) {
	h.t.Helper()
	h.stop()
	h.done.Wait()
	if h.beats < 3 || h.slowest > within {
		h.t.Errorf("%d heartbeats were answered, the slowest after %s", h.beats, h.slowest)
	}
	h.t.Logf("%d heartbeats meanwhile, the slowest after %s", h.beats, h.slowest.Round(time.Millisecond))
}

// attempts is how often a test tries what a slow machine may make too late for the limits that
// it is about: a request has to be there 5 s after its connection was accepted.
const attempts = 5

// tryAgain is try on another connection where one is cut because the machine was too slow for
// its limits; any answer counts.
func (c *caller) tryAgain(method, path, token string, body any) (resp *http.Response, data []byte, err error) {
	for range attempts {
		if resp, data, err = c.try(method, path, token, body); err == nil {
			break
		}
	}
	return resp, data, err
}

// raw is a connection on which a test writes what it likes.
type raw struct {
	t *testing.T
	net.Conn
	in *bufio.Reader
}

// dial opens a connection with a certificate, which is closed at the end of the test.
func (n *node) dial(t *testing.T, f *folder, cert *tls.Certificate, protocol string) *raw {
	t.Helper()
	config := f.trust(cert)
	config.NextProtos = []string{protocol}
	var conn net.Conn
	var err error
	for range attempts {
		if conn, err = (&tls.Dialer{NetDialer: &net.Dialer{Timeout: patient}, Config: config}).DialContext(t.Context(), "tcp", n.srv.Addr()); err == nil {
			break
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(2 * patient))
	return &raw{t, conn, bufio.NewReader(conn)}
}

func (c *raw) send(text string) bool {
	_, err := io.WriteString(c, text)
	return err == nil
}

// status reads the first line of an answer, empty if the connection ended before.
func (c *raw) status() string {
	line, err := c.in.ReadString('\n')
	if err != nil && line == "" {
		return ""
	}
	_, status, _ := strings.Cut(strings.TrimSpace(line), " ")
	return status
}

// drip sends a text byte by byte until the other side ends the connection or the text is
// over, and tells for how long that went.
func (c *raw) drip(text string, pause time.Duration) time.Duration {
	defer c.Close()
	begun := time.Now()
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		_, _ = io.Copy(io.Discard, c.in) // to its end, whatever it is
	}()
	for i := range len(text) {
		if !c.send(text[i : i+1]) {
			break
		}
		select {
		case <-gone:
			return time.Since(begun)
		case <-time.After(pause):
		}
	}
	c.Close()
	<-gone
	return time.Since(begun)
}
