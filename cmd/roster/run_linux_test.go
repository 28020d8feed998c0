package main

import (
	"os"
	"strings"
	"syscall"
	"testing"
)

// TestRunCtrlC: the terminal sends its interrupt to the command as well, which so gets it
// once. One that is sent to roster run alone is passed on.
func TestRunCtrlC(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.env = append(w.env, "STUBBORN=1") // a second interrupt ends it
	_, url := w.dev()
	terminal := newPTY(t, 80, 24)
	p := terminal.on(w, "run", "--name", "web", "listener")
	registered(t, url, "web", 1)
	terminal.types("\x03")
	terminal.shows(0, "got interrupt")
	p.signal(syscall.SIGUSR1) // what was passed on before it came before it
	terminal.shows(0, "got user defined signal 1")
	if n := strings.Count(terminal.screen.String(), "got interrupt"); n != 1 || !p.running() {
		t.Fatalf("the command got the interrupt %d times", n)
	}
	terminal.types("\x03")
	if code := p.wait(); code != 7 {
		t.Errorf("exit status %d", code)
	}
	gone(t, url, "web")

	alone := &process{t: t, cmd: w.command("run", "--name", "web", "listener"), ended: make(chan struct{})}
	alone.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // away from the terminal of the tests, if there is one
	alone.cmd.Stdout, alone.cmd.Stderr = &alone.out, &alone.err
	alone.begin()
	registered(t, url, "web", 1)
	for range 2 {
		alone.signal(syscall.SIGINT)
		eventually(t, "the interrupt is passed on", func() bool { return strings.Contains(alone.out.String(), "got interrupt") })
	}
	if code := alone.wait(); code != 7 {
		t.Errorf("exit status %d", code)
	}
}

// TestRunHasTheTerminal: the command reads what is typed.
func TestRunHasTheTerminal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.dev()
	terminal := newPTY(t, 80, 24)
	p := terminal.on(w, "run", "--name", "n", "--", "sh", "-c", `test -t 0 && test -t 1 && read word && echo "[$word]"; exit 3`)
	terminal.types("typed\n")
	terminal.shows(0, "[typed]")
	if code := p.wait(); code != 3 {
		t.Errorf("exit status %d", code)
	}
}

// TestRunKilled: the command outlives roster run, and the registry sees its end all the same.
func TestRunKilled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, url := w.dev()
	p := w.start("run", "--name", "web", "--ttl", "10m", "listener")
	registered(t, url, "web", 1)
	pid := p.commandPID()
	p.signal(syscall.SIGKILL)
	if list := instances(t, url, "web"); len(list) != 1 {
		t.Errorf("instances %+v", list)
	}
	if process, err := os.FindProcess(pid); err != nil || process.Kill() != nil {
		t.Fatalf("the command cannot be killed: %v", err)
	}
	if e := gone(t, url, "web"); e.Reason != "process_exited" {
		t.Errorf("it left with %q, %q", e.Reason, e.Note)
	}
	p.wait()
}
