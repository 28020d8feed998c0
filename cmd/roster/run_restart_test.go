package main

import (
	"strings"
	"syscall"
	"testing"
)

// TestRunThroughARestart: the instance comes back to a registry that was killed, and that
// roster run has started again.
func TestRunThroughARestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t).mayStart()
	w.env = append(w.env, "SVC_TTL=2000")
	p := w.start("run", "--name", "web", "listener")
	eventually(t, "it is registered", func() bool { return strings.Contains(p.err.String(), " is registered at ") })
	first := w.found()
	if err := syscall.Kill(first.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "there is another registry, with the instance", func() bool {
		now, err := w.find()
		return err == nil && now.PID != first.PID && len(instances(t, "http://"+now.Address(), "web")) == 1
	})
	p.signal(syscall.SIGTERM)
	if code := p.wait(); code != 7 {
		t.Errorf("exit status %d", code)
	}
	gone(t, "http://"+w.found().Address(), "web")
}

// TestRunAfterAStop: a registry that was stopped is not started again by what it leaves
// behind, and gets the instance back when somebody starts one.
func TestRunAfterAStop(t *testing.T) {
	t.Parallel()
	w := newWorld(t).mayStart()
	w.env = append(w.env, "SVC_TTL=2000")
	p := w.start("run", "--name", "web", "listener")
	eventually(t, "it is registered", func() bool { return strings.Contains(p.err.String(), " is registered at ") })
	if _, stderr, code := w.run("stop"); code != 0 {
		t.Fatalf("exit status %d, messages %q", code, stderr)
	}
	eventually(t, "it is said that the registry is away", func() bool { return strings.Contains(p.err.String(), "roster: could not renew, trying on: ") })
	if info, err := w.find(); err == nil || !p.running() {
		t.Errorf("process %d is a registry; the command runs: %t", info.PID, p.running())
	}
	_, url := w.dev()
	registered(t, url, "web", 1)
	p.signal(syscall.SIGTERM)
	if code := p.wait(); code != 7 {
		t.Errorf("exit status %d", code)
	}
	gone(t, url, "web")
}
