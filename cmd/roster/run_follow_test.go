package main

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// TestRunPort: a port that is given is that of the command, unless another program has it.
func TestRunPort(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, url := w.dev()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	if _, stderr, code := w.run("run", "--name", "web", "--port", port, "listener"); code != 1 || !strings.Contains(stderr, "port "+port+" of 127.0.0.1 is taken") {
		t.Errorf("exit status %d, messages %q", code, stderr)
	}
	// What runs already has it with right: that is registered as long as we are asked to.
	p := w.start("run", "--name", "db", "--port", port)
	if in := registered(t, url, "db", 1)[0]; strconv.Itoa(in.Port) != port || in.PID != 0 {
		t.Errorf("registered %+v", in)
	}
	p.signal(syscall.SIGINT)
	if code := p.wait(); code != 0 {
		t.Errorf("exit status %d", code)
	}
	if e := gone(t, url, "db"); e.Reason != "deregistered" || e.Note != "stopped" {
		t.Errorf("it left with %q, %q", e.Reason, e.Note)
	}
}

// TestRunPID: an instance of what runs already lives as long as that does.
func TestRunPID(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, url := w.dev()
	sleeper := &process{t: t, cmd: w.command(), ended: make(chan struct{})}
	sleeper.cmd.Path, sleeper.cmd.Args = "/bin/sleep", []string{"sleep", "600"}
	sleeper.begin()
	pid := sleeper.cmd.Process.Pid
	p := w.start("run", "--name", "db", "--port", "5432", "--wait", "0", "--pid", strconv.Itoa(pid))
	if in := registered(t, url, "db", 1)[0]; in.PID != pid || in.Port != 5432 {
		t.Errorf("registered %+v", in)
	}
	sleeper.signal(syscall.SIGKILL)
	if code := p.wait(); code != 0 {
		t.Errorf("exit status %d", code)
	}
	if want := fmt.Sprintf("roster: process %d has ended\n", pid); !strings.HasSuffix(p.err.String(), want) {
		t.Errorf("messages %q, want %q at the end", &p.err, want)
	}
	gone(t, url, "db")
}
