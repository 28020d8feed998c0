package server

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/roster-sd/roster/wire"
)

// TestDrain: not ready, streams ended, long polls answered, what is under way finished,
// and then everything let go of. The package's goroutine check is the rest of this test.
func TestDrain(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	n := serve(t, Options{Config: secure(f)})
	cert := f.client("orders")
	admin := n.plain(n.srv.AdminAddr())
	streams := []*watch{n.as(f, cert, 1).watch(""), n.as(f, cert, 2).watch("?service=orders")}
	poll := n.as(f, cert, 2)
	first := poll.call(200, "GET", "/registry/services/quiet", "", nil, nil)
	polled := make(chan string, 1)
	go func() {
		req, _ := http.NewRequest("GET", poll.base+"/registry/services/quiet?wait=1m", nil)
		req.Header.Set("If-None-Match", first.Header.Get("Etag"))
		resp, err := poll.http.Do(req)
		if err != nil {
			polled <- err.Error()
			return
		}
		resp.Body.Close()
		polled <- resp.Status
	}()
	eventually(t, "all three wait", func() bool { return metric(t, admin.text(200, "/metrics"), "roster_watchers") == 3 })
	conn, finish := halfRequest(t, n, f.trust(cert))

	begun := time.Now()
	n.stop()
	for _, s := range streams {
		<-s.ended
		if text := s.text.String(); !strings.HasSuffix(text, ": the server is stopping\n\n") {
			t.Errorf("a stream over %s ended with %q", s.proto, text)
		}
	}
	if got := <-polled; !strings.HasPrefix(got, "304") {
		t.Errorf("the long poll was answered %s", got)
	}
	// A request is under way, so the admin listener still tells.
	resp, data, err := admin.try("GET", "/ready", "", nil)
	var h wire.Health
	if err != nil || resp.StatusCode != 503 || json.Unmarshal(data, &h) != nil || h.Status != "stopping" {
		t.Errorf("/ready while it stops: %v, %s, %v", resp, data, err)
	}
	admin.text(200, "/health")
	eventually(t, "no new connection is let in", func() bool {
		extra, err := net.Dial("tcp", n.srv.Addr())
		if err == nil {
			extra.Close()
		}
		return err != nil
	})

	if got := finish(); got != 201 {
		t.Errorf("the request under way was answered %d", got)
	}
	conn.Close()
	n.end()
	if took := time.Since(begun); took > patient {
		t.Errorf("it took %s", took)
	}
	if _, _, err := admin.try("GET", "/ready", "", nil); err == nil {
		t.Error("the admin listener answers after the end")
	}
}

// halfRequest begins a registration; finish sends the rest of it and gives the status of
// the answer.
func halfRequest(t *testing.T, n *node, config *tls.Config) (conn *tls.Conn, finish func() int) {
	t.Helper()
	config.NextProtos = []string{"http/1.1"}
	conn, err := tls.Dial("tcp", n.srv.Addr(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patient))
	const body = `{"serviceName":"slow","instanceId":"slow-1","port":1}`
	// The handler runs once it has asked for the body.
	if _, err := fmt.Fprintf(conn, "POST /registry/register HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", len(body)); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, len("HTTP/1.1 100 Continue\r\n\r\n"))
	if _, err := io.ReadFull(conn, line); err != nil || !strings.HasPrefix(string(line), "HTTP/1.1 100") {
		t.Fatalf("%q, %v", line, err)
	}
	return conn, func() int {
		t.Helper()
		if _, err := io.WriteString(conn, body); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var got wire.Registered
		if err := json.NewDecoder(resp.Body).Decode(&got); err != nil {
			t.Fatal(err)
		}
		handedOut.Store(got.Token, true)
		return resp.StatusCode
	}
}

// TestDrainHasAnEnd: who does not finish is cut off when the time is over.
func TestDrainHasAnEnd(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	cfg := secure(f)
	cfg.ShutdownTimeout = 200 * time.Millisecond
	n := serve(t, Options{Config: cfg})
	conn, _ := halfRequest(t, n, f.trust(f.client("orders")))
	begun := time.Now()
	n.end()
	if took := time.Since(begun); took < 200*time.Millisecond || took > patient {
		t.Errorf("it took %s", took)
	}
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("the request was answered")
	}
	n.logged("requests were cut off")
}
