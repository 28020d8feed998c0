package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// pty is a pseudo-terminal: what a program writes to its end is collected, and what the
// test writes is what a person types.
type pty struct {
	t            *testing.T
	master, line *os.File
	screen       transcript
	before       unix.Termios
}

func newPTY(t *testing.T, width, height uint16) *pty {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	must(err)
	var n int
	control(t, master, func(fd int) {
		must(unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
		n, err = unix.IoctlGetInt(fd, unix.TIOCGPTN)
		must(err)
	})
	line, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	must(err)
	p := &pty{t: t, master: master, line: line}
	p.resize(width, height)
	p.before = p.settings()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(&p.screen, master) // it ends with the terminal
	}()
	t.Cleanup(func() {
		line.Close()
		master.Close()
		<-done
		if t.Failed() {
			t.Logf("the terminal was sent %q", p.screen.String())
		}
	})
	return p
}

func control(t *testing.T, f *os.File, do func(fd int)) {
	t.Helper()
	raw, err := f.SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) { do(int(fd)) })
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (p *pty) resize(width, height uint16) {
	p.t.Helper()
	control(p.t, p.line, func(fd int) {
		if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: height, Col: width}); err != nil {
			p.t.Error(err)
		}
	})
}

func (p *pty) settings() (s unix.Termios) {
	p.t.Helper()
	control(p.t, p.line, func(fd int) {
		now, err := unix.IoctlGetTermios(fd, unix.TCGETS)
		if err != nil {
			p.t.Error(err)
			return
		}
		s = *now
	})
	return s
}

func (p *pty) types(text string) {
	p.t.Helper()
	if _, err := p.master.WriteString(text); err != nil {
		p.t.Fatal(err)
	}
}

// shows waits until the terminal was sent all of the texts since a mark, and gives a new mark.
func (p *pty) shows(since int, texts ...string) int {
	p.t.Helper()
	for _, text := range texts {
		eventually(p.t, text, func() bool { return strings.Contains(p.screen.String()[since:], text) })
	}
	return len(p.screen.String())
}

// on starts a command of the world on the terminal, in a session of its own.
func (p *pty) on(w *world, args ...string) *process {
	cmd := w.command(args...)
	cmd.Env = append(cmd.Env, "TERM=xterm-256color")
	cmd.Stdin, cmd.Stdout = p.line, p.line
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	proc := &process{t: p.t, cmd: cmd, ended: make(chan struct{})}
	cmd.Stderr = &proc.err
	proc.begin()
	return proc
}

// back fails the test unless the terminal is as it was found.
func (p *pty) back() {
	p.t.Helper()
	const restored = "\x1b[?7h\x1b[?25h\x1b[?1049l"
	eventually(p.t, "the terminal shows what it did", func() bool { return strings.HasSuffix(p.screen.String(), restored) })
	if now := p.settings(); now != p.before {
		p.t.Errorf("the terminal is left as %+v, it was %+v", now, p.before)
	}
}

// TestLiveTable: roster ls --watch on a terminal shows who comes and who leaves, follows
// its size, obeys its keys, and gives it back on every way out.
func TestLiveTable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.env = append(w.env, "SVC_TTL=600000") // nobody renews here
	_, url := w.dev()
	register := func(name, id string) {
		t.Helper()
		post(t, url+"/register", `{"name":"`+name+`","id":"`+id+`","port":3000}`)
	}
	register("orders", "orders-1")
	p := newPTY(t, 100, 20)
	ls := p.on(w, "ls", "--watch")
	mark := p.shows(0, "\x1b[?1049h", "Roster", "1 service, 1 instance, 1 up", "orders-1", "127.0.0.1:3000")
	if p.settings() == p.before {
		t.Error("keys are not read one by one")
	}
	register("billing", "billing-1")
	mark = p.shows(mark, "2 services, 2 instances", "+\x1b[0m  \x1b[1mbilling\x1b[0m")
	post(t, url+"/unregister", `{"name":"orders","id":"orders-1"}`)
	mark = p.shows(mark, "deregistered ")
	p.resize(50, 10)
	mark = p.shows(mark, "\x1b[2J", "Roster\x1b[0m  1 service, 1 instance, 1 up")
	p.types("/nobody\r")
	p.shows(mark, "Nothing matches: nobody")
	p.types("q")
	if code := ls.wait(); code != 0 {
		t.Errorf("exit status %d", code)
	}
	p.back()
	if ls.err.String() != "" {
		t.Errorf("messages: %s", &ls.err)
	}
}

// Signals end it in good order too.
func TestLiveTableEndsBySignals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.dev()
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT} {
		p := newPTY(t, 80, 24)
		ls := p.on(w, "ls", "--watch")
		p.shows(0, "No instance is registered")
		ls.signal(sig)
		if code := ls.wait(); code != 0 {
			t.Errorf("%v: exit status %d", sig, code)
		}
		p.back()
	}
	p := newPTY(t, 80, 24)
	ls := p.on(w, "ls", "--watch")
	p.shows(0, "No instance is registered")
	p.types("\x03")
	if code := ls.wait(); code != 0 {
		t.Errorf("Ctrl-C: exit status %d", code)
	}
	p.back()
}

// A table that is stopped and goes on takes the terminal again.
func TestLiveTableGoesOnAfterAStop(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.dev()
	p := newPTY(t, 80, 24)
	ls := p.on(w, "ls", "--watch")
	mark := p.shows(0, "No instance is registered")
	ls.signal(syscall.SIGSTOP)
	eventually(t, "it is stopped", func() bool { return strings.Contains(procState(t, ls.cmd), ") T ") })
	ls.signal(syscall.SIGCONT)
	mark = p.shows(mark, "\x1b[?1049h", "No instance is registered")
	// Ctrl-Z gives the terminal back and stops it; with no shell to continue it, it goes on.
	p.types("\x1a")
	p.shows(mark, "\x1b[?1049l", "\x1b[?1049h", "No instance is registered")
	p.types("q")
	if code := ls.wait(); code != 0 {
		t.Errorf("exit status %d", code)
	}
	p.back()
}

func procState(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", cmd.Process.Pid))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return string(stat)
}

func post(t *testing.T, url, body string) {
	t.Helper()
	resp, err := single.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(resp.Body)
		t.Fatalf("%s: %d %s", url, resp.StatusCode, text)
	}
}
