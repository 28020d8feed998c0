package devstart

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/roster-sd/roster/internal/devfile"
)

// behaviour is the variable that makes this binary a roster program; its value says what one
// does that is called as "dev …".
const behaviour = "DEVSTART_TEST_PROGRAM"

// TestMain makes this binary the program that the tests start. What these start themselves
// are registries that consist of a discovery file, its lock and an answer to GET /health.
func TestMain(m *testing.M) {
	how := os.Getenv(behaviour)
	if how == "" {
		goleak.VerifyTestMain(m)
		return
	}
	if len(os.Args) < 2 || os.Args[1] != "dev" {
		fmt.Fprintln(os.Stderr, "roster: not called as dev")
		os.Exit(2)
	}
	if os.Args[len(os.Args)-1] == "--detach" { // as Ensure calls it
		how = "detach"
	}
	switch how {
	case "serve":
		serve()
	case "detach":
		if _, _, err := Detach(context.Background(), DetachOptions{Binary: os.Args[0], Args: []string{"dev"}}); err != nil {
			fmt.Fprintln(os.Stderr, "roster:", err)
			os.Exit(1)
		}
	case "fail":
		fmt.Fprintln(os.Stderr, `{"msg":"an entry of the log"}`)
		fmt.Fprintln(os.Stderr, "roster: warning: of no importance")
		fmt.Fprintln(os.Stderr, "roster: no room\n  on this machine")
		os.Exit(1)
	case "silent":
		os.Exit(3)
	case "yield":
		yield()
	}
}

// yielding is the file in which a program that yields says that it runs.
const yielding = "yielding"

// yield is a registry that finds the place taken and gives up.
func yield() {
	if os.WriteFile(filepath.Join(os.TempDir(), yielding), []byte(strconv.Itoa(os.Getpid())), 0o600) != nil {
		os.Exit(4)
	}
	for range 60_000 { // a minute
		if held, err := devfile.Held(""); err == nil && held {
			break
		}
		time.Sleep(time.Millisecond) // between two looks
	}
	os.Exit(1)
}

// serve is a registry, for at most a minute.
func serve() {
	lock, err := devfile.Acquire(context.Background(), "")
	if err != nil {
		os.Exit(0) // another one runs
	}
	port, stop, err := answer(os.Getpid())
	if err != nil {
		os.Exit(1)
	}
	defer stop()
	if err := announce("", port, os.Getpid()); err != nil {
		os.Exit(1)
	}
	time.Sleep(time.Minute)
	_ = lock.Close() // the end
}

// answer answers GET /health as the process on a port of loopback.
func answer(pid int) (port int, stop func(), err error) {
	return answerWith(fmt.Sprintf(`{"ok":true,"pid":%d}`, pid))
}

func answerWith(body string) (port int, stop func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, nil, err
	}
	srv := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/health" {
			http.NotFound(w, r)
			return
		}
		_, _ = io.WriteString(w, body)
	})}
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(l) }()
	return l.Addr().(*net.TCPAddr).Port, func() { _ = srv.Close(); <-done }, nil
}

func announce(dir string, port, pid int) error {
	_, err := devfile.Write(dir, devfile.Info{Host: "127.0.0.1", Port: port, PID: pid})
	return err
}

// world is a folder for temporary files, and so a user without a registry.
type world struct {
	t   *testing.T
	dir string
	env []string
}

func newWorld(t *testing.T, program string) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir()}
	state := filepath.Join(w.dir, "state")
	w.env = []string{behaviour + "=" + program, "XDG_STATE_HOME=" + state, "TMPDIR=" + w.dir, "PATH=" + os.Getenv("PATH"), "GORACE=atexit_sleep_ms=0"}
	// Detach makes the log where this process's own environment says.
	t.Setenv("XDG_STATE_HOME", state)
	t.Setenv("TMPDIR", w.dir)
	t.Cleanup(w.end)
	return w
}

// end ends the registry that was started.
func (w *world) end() {
	pid, err := devfile.Holder(w.dir)
	if err != nil || pid == 0 || pid == os.Getpid() {
		return
	}
	p, err := os.FindProcess(pid)
	if err != nil {
		return
	}
	_ = p.Kill() // it may have ended
	deadline := time.After(20 * time.Second)
	for devfile.Alive(pid) {
		select {
		case <-deadline:
			w.t.Errorf("process %d cannot be killed", pid)
			return
		case <-time.After(time.Millisecond):
		}
	}
}

func (w *world) ensure() (devfile.Info, error) {
	return Ensure(w.t.Context(), Options{Binary: os.Args[0], TempDir: w.dir, Env: w.env})
}

func (w *world) detach(timeout time.Duration) (devfile.Info, bool, error) {
	return Detach(w.t.Context(), DetachOptions{Binary: os.Args[0], Args: []string{"dev"}, TempDir: w.dir, Env: w.env, Timeout: timeout})
}

// gonePID gives the number of a process that has ended.
func gonePID(t *testing.T) int {
	t.Helper()
	cmd := exec.Command("true")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	return cmd.Process.Pid
}

func contains(t *testing.T, err error, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("error %v, want %q in it", err, part)
		}
	}
}
