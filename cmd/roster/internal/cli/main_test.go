package cli

import (
	"bytes"
	"context"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/goleak"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestMain makes this binary a local registry for the tests of stop, where the
// environment says so.
func TestMain(m *testing.M) {
	if dir := os.Getenv(daemonVariable); dir != "" {
		daemon(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

// noon is when the tests run: a fixed moment, in milliseconds and as a clock.
const noon = 1772625600000 // 2026-03-04 12:00:00 UTC

func clock() time.Time { return time.UnixMilli(noon).UTC() }

// world is what a command in a test is run in.
type world struct {
	t        *testing.T
	env      map[string]string
	terminal bool
	dir      string // of the discovery file
	ctx      context.Context
	out, err bytes.Buffer
	// seen is closed once the output holds until; for commands that go on for ever.
	seen  chan struct{}
	until string
}

// Write takes the output of a command.
func (w *world) Write(p []byte) (int, error) {
	n, err := w.out.Write(p)
	if w.until != "" && strings.Contains(w.out.String(), w.until) {
		w.until = ""
		close(w.seen)
	}
	return n, err
}

func newWorld(t *testing.T) *world {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return &world{t: t, env: map[string]string{}, dir: t.TempDir(), ctx: ctx}
}

// at makes the world one where the registry is at the address.
func (w *world) at(address string) *world {
	w.env["ROSTER_ADDRESS"] = address
	return w
}

func (w *world) root() *cobra.Command {
	root := &cobra.Command{Use: "roster", SilenceErrors: true, SilenceUsage: true}
	root.AddCommand(Commands(Env{
		Stdin: strings.NewReader(""), Stdout: w, Stderr: &w.err, Terminal: w.terminal,
		Getenv: func(name string) string { return w.env[name] }, Now: clock, TempDir: w.dir,
	})...)
	root.SetOut(&w.out)
	root.SetErr(&w.err)
	return root
}

// run runs a command line and gives its exit status. Output of earlier runs is dropped.
func (w *world) run(args ...string) int {
	w.t.Helper()
	w.out.Reset()
	w.err.Reset()
	root := w.root()
	root.SetArgs(args)
	err := root.ExecuteContext(w.ctx)
	Report(&w.err, err)
	return ExitCode(err)
}

// golden compares what a run printed with a file.
func (w *world) golden(name string) {
	w.t.Helper()
	got := w.out.String()
	if w.err.Len() > 0 {
		got += "--- messages\n" + w.err.String()
	}
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			w.t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		w.t.Fatal(err)
	}
	if got != string(want) {
		w.t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
	}
}

// registry serves canned answers: keys are "METHOD /path", values the JSON. What it is
// asked for and cannot answer fails the test.
func registry(t *testing.T, answers map[string]string) string {
	t.Helper()
	return handle(t, func(w http.ResponseWriter, r *http.Request) {
		body, ok := answers[r.Method+" "+r.URL.RequestURI()]
		if !ok {
			t.Errorf("the registry was asked %s %s", r.Method, r.URL.RequestURI())
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, body)
	})
}

func handle(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func refuse(t *testing.T, status int, problem string) string {
	t.Helper()
	return handle(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, problem)
	})
}

// nobody gives an address where nobody listens.
func nobody() string {
	s := httptest.NewServer(http.NotFoundHandler())
	s.Close()
	return s.URL
}
