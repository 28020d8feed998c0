package api_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/api"
	"github.com/roster-sd/roster/internal/pipenet"
)

// However many do not read, those who do are told at once of every change.
func TestSilentReadersHoldNoTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simulate(t, setup{})
		for range runtime.GOMAXPROCS(0) + 10 {
			n.watch("/registry/watch") // and read no more than its head
		}
		reads := n.watch("/registry/watch")
		reads.snapshot()
		began := time.Now()
		for i := range 20 {
			n.put("orders", fmt.Sprint("o-", i), nil)
			if in, _ := reads.put(); in.InstanceID != fmt.Sprint("o-", i) {
				t.Fatalf("change %d tells of %s", i, in.InstanceID)
			}
		}
		// Each that is found to be slow costs a little, once.
		if took := time.Since(began); took > time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

// A node that has waited for its streams for long enough cuts them off.
func TestWaitCutsOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simulate(t, setup{})
		for range 5 {
			n.watch("/registry/watch").snapshot()
		}
		n.put("orders", "o-1", nil) // which nobody reads
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		began := time.Now()
		if err := n.api.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		if took := time.Since(began); took != 10*time.Second || n.watchers() != 0 {
			t.Errorf("after %v %d watch", took, n.watchers())
		}
		if err := n.api.Wait(ctx); err != nil {
			t.Errorf("again: %v", err)
		}
	})
}

// What HTTP says of a stream: its answer ends in whole chunks, and its connection after it.
// Whoever is told of requests is told of it when it ends.
func TestStreamIsAnAnswer(t *testing.T) {
	for name, c := range map[string]struct{ version, more string }{
		"HTTP/1.1":                {"1.1", ""},
		"HTTP/1.1, and something": {"1.1", strings.Repeat("x", 1000)},
		"HTTP/1.0":                {"1.0", ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				told := make(chan time.Duration, 1)
				n := simulate(t, setup{api: func(o *api.Options) {
					o.Instrument = func(string, string) func(int, time.Duration) {
						return func(status int, took time.Duration) {
							if status == 200 {
								told <- took
							}
						}
					}
				}})
				conn := n.serveOne()
				go fmt.Fprintf(conn, "GET /registry/watch HTTP/%s\r\nHost: x\r\n%s: orders\r\n\r\n%s", c.version, who, c.more)
				in := bufio.NewReader(conn)
				res, err := http.ReadResponse(in, nil)
				if err != nil {
					t.Fatal(err)
				}
				defer res.Body.Close()
				if res.StatusCode != 200 || !res.Close || res.Header.Get("Date") == "" || res.Header.Get("X-Request-Id") == "" ||
					c.version == "1.1" && (len(res.TransferEncoding) != 1 || res.TransferEncoding[0] != "chunked") {
					t.Errorf("%+v", res)
				}
				time.Sleep(7 * time.Second)
				go n.api.Drain()
				if body, err := io.ReadAll(res.Body); err != nil || !strings.HasSuffix(string(body), ": the server is stopping\n\n") {
					t.Errorf("it ends with %q, %v", body, err)
				}
				if _, err := in.ReadByte(); err != io.EOF {
					t.Errorf("after it: %v", err)
				}
				if took := <-told; took < 7*time.Second {
					t.Errorf("it was told of after %v", took)
				}
			})
		})
	}
}

// serveOne gives a connection to the node without a client.
func (n *node) serveOne() net.Conn {
	n.t.Helper()
	l := pipenet.Listen()
	srv := &http.Server{Handler: n.api.Handler()}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	conn, err := l.Dial(n.t.Context(), "", "")
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() {
		conn.Close()
		if err := srv.Close(); err != nil {
			n.t.Error(err)
		}
		<-served
	})
	return conn
}

// Who talks on a stream, which nobody listens to, is let go in the end.
func TestStreamOfATalker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simulate(t, setup{})
		conn := n.serveOne()
		fmt.Fprintf(conn, "GET /registry/watch HTTP/1.1\r\nHost: x\r\n%s: orders\r\n\r\n", who)
		go func() { _, _ = io.Copy(io.Discard, conn) }() // to its end
		wrote := 0
		for wrote < 1<<20 {
			k, err := conn.Write(make([]byte, 1000))
			if wrote += k; err != nil {
				if !errors.Is(err, io.ErrClosedPipe) && !errors.Is(err, net.ErrClosed) {
					t.Error(err)
				}
				break
			}
		}
		synctest.Wait()
		if wrote < 64<<10 || wrote > 80<<10 || n.watchers() != 0 {
			t.Errorf("after %d bytes %d watch", wrote, n.watchers())
		}
	})
}
