package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/roster-sd/roster/internal/devfile"
)

// slowRequest begins a registration and keeps its last byte back.
func slowRequest(t *testing.T, url string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patient))
	if _, err := fmt.Fprintf(conn, "POST /registry/register HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n",
		conn.RemoteAddr(), len(slowBody)); err != nil {
		t.Fatal(err)
	}
	// The handler is reading once it has asked for the body.
	line := make([]byte, len("HTTP/1.1 100 Continue\r\n\r\n"))
	if _, err := io.ReadFull(conn, line); err != nil || !strings.HasPrefix(string(line), "HTTP/1.1 100") {
		t.Fatalf("%q, %v", line, err)
	}
	if _, err := io.WriteString(conn, slowBody[:len(slowBody)-1]); err != nil {
		t.Fatal(err)
	}
	return conn
}

const slowBody = `{"serviceName":"slow","instanceId":"slow-1","port":1}`

// TestOrderlyEnd: upon SIGTERM streams end, long polls are answered, what is under way is
// finished, and nothing of it takes long.
func TestOrderlyEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, url := w.dev()

	// A stream, read to its end.
	streamed := make(chan string, 1)
	open := make(chan struct{})
	go func() {
		resp, err := http.Get(url + "/registry/watch")
		if err != nil {
			close(open)
			streamed <- err.Error()
			return
		}
		defer resp.Body.Close()
		first := make([]byte, 1)
		_, _ = io.ReadFull(resp.Body, first) // an error shows in the next read
		close(open)
		rest, err := io.ReadAll(resp.Body)
		streamed <- fmt.Sprintf("%s%s, %v", first, rest, err)
	}()
	<-open

	// A long poll of a list that does not change.
	status, body := get(url + "/registry/services/quiet")
	if status != http.StatusOK {
		t.Fatal(status, body)
	}
	polled := make(chan string, 1)
	go func() {
		req, _ := http.NewRequest(http.MethodGet, url+"/registry/services/quiet?wait=1m", nil)
		req.Header.Set("If-None-Match", "*")
		resp, err := single.Transport.RoundTrip(req)
		if err != nil {
			polled <- err.Error()
			return
		}
		resp.Body.Close()
		polled <- resp.Status
	}()
	eventually(t, "both wait", func() bool {
		_, text := get(url + "/metrics")
		return strings.Contains(text, "\nroster_watchers 2\n")
	})
	conn := slowRequest(t, url)

	begun := time.Now()
	p.signal(syscall.SIGTERM)
	if text := <-streamed; !strings.HasPrefix(text, "event: snapshot") || !strings.HasSuffix(text, ": the server is stopping\n\n, <nil>") {
		t.Errorf("the stream ended with %q", text)
	}
	if text := <-polled; !strings.HasPrefix(text, "304") {
		t.Errorf("the long poll was answered %q", text)
	}
	if !p.running() {
		t.Fatal("it did not wait for the request under way")
	}
	eventually(t, "it takes no new connections", func() bool {
		extra, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err == nil {
			extra.Close()
		}
		return err != nil
	})
	if _, err := io.WriteString(conn, slowBody[len(slowBody)-1:]); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || resp.StatusCode != http.StatusCreated {
		t.Fatalf("the request under way: %v, %v", resp, err)
	}
	answer, _ := io.ReadAll(resp.Body)
	if !strings.Contains(string(answer), `"slow-1"`) {
		t.Errorf("the request under way was answered %q", answer)
	}
	resp.Body.Close()
	if code := p.wait(); code != 0 {
		t.Errorf("exit status %d", code)
	}
	if took := time.Since(begun); took > patient {
		t.Errorf("it took %s", took)
	}
	for _, want := range []string{`"msg":"shutting down"`, `"msg":"stopped"`} {
		if !strings.Contains(p.err.String(), want) {
			t.Errorf("the log does not have %s", want)
		}
	}
}

// TestEndOfAStubbornRequest: one that does not end is cut off when the time is over.
func TestEndOfAStubbornRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.env = append(w.env, "ROSTER_SHUTDOWN_TIMEOUT=1s")
	p, url := w.dev()
	conn := slowRequest(t, url)
	begun := time.Now()
	p.signal(syscall.SIGTERM)
	if code := p.wait(); code != 0 {
		t.Errorf("exit status %d", code)
	}
	if took := time.Since(begun); took < 900*time.Millisecond || took > patient {
		t.Errorf("it took %s", took)
	}
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("the request was answered")
	}
	if !strings.Contains(p.err.String(), "requests were cut off") {
		t.Error("the log does not say that requests were cut off")
	}
}

// TestStoppedIsSeenFirst: the discovery file of a registry that is stopped is gone before it
// takes no more connections. Whoever lost it while the file is there would start another one.
func TestStoppedIsSeenFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, url := w.dev()
	conn := slowRequest(t, url) // for a long end
	p.signal(syscall.SIGTERM)
	eventually(t, "it takes no new connections", func() bool {
		extra, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err == nil {
			extra.Close()
		}
		return err != nil
	})
	if info, _, err := devfile.Read(w.temp); !errors.Is(err, devfile.ErrNotFound) {
		t.Errorf("the discovery file leads to %+v, %v", info, err)
	}
	if held, err := devfile.Held(w.temp); err != nil || !held || !p.running() {
		t.Errorf("it is over already: lock held %t, %v", held, err)
	}
	if _, err := io.WriteString(conn, slowBody[len(slowBody)-1:]); err != nil {
		t.Fatal(err)
	}
	if code := p.wait(); code != 0 {
		t.Errorf("exit status %d", code)
	}
	if left := w.files(); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
