package server

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/roster-sd/roster/cmd/roster/internal/config"
	"github.com/roster-sd/roster/internal/testlog"
)

// patient is how long a test waits for what should be there at once: the machine may be
// busy with other things.
const patient = time.Minute

var (
	everyLog  transcript
	handedOut sync.Map // tokens
)

// node is a server that runs, on ports that were free.
type node struct {
	t    *testing.T
	srv  *Server
	log  *transcript
	stop context.CancelFunc
	done chan struct{}
	err  error // of Run, once it is done
}

// serve opens and runs a server, to the end of the test.
func serve(t *testing.T, opts Options) *node {
	t.Helper()
	n := &node{t: t, log: &transcript{}, done: make(chan struct{})}
	opts.Logger, opts.Version = slog.New(slog.NewJSONHandler(io.MultiWriter(n.log, &everyLog), &slog.HandlerOptions{Level: slog.LevelDebug})), "test"
	srv, err := Open(opts)
	if err != nil {
		t.Fatal(err)
	}
	n.srv = srv
	ctx, stop := context.WithCancel(context.Background())
	n.stop = stop
	go func() {
		defer close(n.done)
		n.err = srv.Run(ctx)
	}()
	t.Cleanup(func() {
		n.end()
		if t.Failed() {
			t.Logf("log:\n%s", testlog.Last(n.log.String()))
		}
	})
	eventually(t, "the node is ready", srv.catalog.IsWarm)
	return n
}

// end stops the server and waits for it.
func (n *node) end() {
	n.t.Helper()
	n.stop()
	select {
	case <-n.done:
	case <-time.After(patient):
		n.t.Fatal("the server does not stop")
	}
	if n.err != nil {
		n.t.Errorf("Run: %v", n.err)
	}
}

// free is the default configuration on ports that are free.
func free() config.Config {
	cfg := config.Default()
	cfg.Node = "n1"
	cfg.Listen, cfg.Admin.Listen = "127.0.0.1:0", "127.0.0.1:0"
	return cfg
}

// secure is a configuration with the certificates of the folder.
func secure(f *folder) config.Config {
	cfg := free()
	cfg.TLS = f.configuration()
	return cfg
}

// eventually asks again and again until it is so.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	deadline := time.After(patient)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not within %s: %s", patient, what)
		}
	}
}

// logged waits for a line of the log.
func (n *node) logged(what string) {
	n.t.Helper()
	eventually(n.t, "the log has "+what, func() bool { return strings.Contains(n.log.String(), what) })
}

// transcript is a buffer that is read while it is written.
type transcript struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *transcript) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *transcript) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
