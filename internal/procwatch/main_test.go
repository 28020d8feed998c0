package procwatch

import (
	"io"
	"os"
	"os/exec"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// patient is how long a test waits for what should be there at once: the machine may be
// busy with other things.
const patient = time.Minute

// childVariable makes this test program a child that does nothing until it is ended; with
// the value headless, it does so without its first thread.
const (
	childVariable = "PROCWATCH_TEST_CHILD"
	headless      = "headless"
)

func TestMain(m *testing.M) {
	if mode := os.Getenv(childVariable); mode != "" {
		if mode == headless {
			endFirstThread()
		}
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// child is a process that lives until it is ended, or its test is.
type child struct {
	*exec.Cmd
	t      testing.TB
	stdin  io.Closer
	reaped bool
}

func start(t testing.TB) *child { return startAs(t, "1") }

func startAs(t testing.TB, mode string) *child {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := &child{Cmd: exec.Command(exe, "-test.run=^$"), t: t}
	c.Env = append(os.Environ(), childVariable+"="+mode)
	if c.stdin, err = c.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.kill(); c.reap() })
	return c
}

func (c *child) pid() int { return c.Process.Pid }

func (c *child) kill() { _ = c.Process.Kill() } // fails where it was reaped

// reap waits for the child, after which its pid is free.
func (c *child) reap() {
	if !c.reaped {
		c.reaped = true
		_ = c.Wait() // the state says how it ended
		_ = c.stdin.Close()
	}
}

// identified gives the identity of a child that lives.
func identified(t testing.TB, w *Watcher, pid int) Identity {
	t.Helper()
	id := w.Identify(pid)
	if id == "" {
		t.Fatalf("process %d is not seen alive", pid)
	}
	return id
}

// told waits for n ends.
func told(t testing.TB, w *Watcher, n int) []Identity {
	t.Helper()
	var out []Identity
	deadline := time.After(patient)
	for len(out) < n {
		select {
		case <-w.Ended():
			out = append(out, w.TakeEnded()...)
		case <-deadline:
			t.Fatalf("%d of %d ends were told within %s", len(out), n, patient)
		}
	}
	return out
}

// silent checks that nothing is told for as long as several rounds of polling take.
func silent(t testing.TB, w *Watcher) {
	t.Helper()
	select {
	case <-w.Ended():
		t.Errorf("told of %q", w.TakeEnded())
	case <-time.After(6 * Every):
	}
}

func opened(t testing.TB, opts Options) *Watcher {
	t.Helper()
	w := Open(opts)
	t.Cleanup(func() { _ = w.Close() })
	return w
}

// eventually asks again and again until it is so.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	deadline := time.After(patient)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not within %s: %s", patient, what)
		}
	}
}
