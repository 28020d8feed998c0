package main

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/roster-sd/roster/internal/devfile"
	"github.com/roster-sd/roster/internal/devstart"
	"github.com/roster-sd/roster/internal/testlog"
)

// patient is how long a test waits for what should be there at once: the machine may be
// busy with other things.
const patient = time.Minute

// hurry keeps programs under the race detector from sleeping for a second at their end.
const hurry = "atexit_sleep_ms=0"

// world is a folder for temporary files, and so a user with no registry yet.
type world struct {
	t    testing.TB
	temp string
	env  []string
}

func newWorld(t testing.TB) *world {
	t.Helper()
	temp := t.TempDir()
	t.Cleanup(func() { endDaemon(t, temp) })
	return &world{t: t, temp: temp, env: []string{
		"PATH=" + os.Getenv("PATH"), "TMPDIR=" + temp, "HOME=/no-home", "GORACE=" + hurry,
		noStart, "XDG_STATE_HOME=" + filepath.Join(temp, "state"), testsProcess()}}
}

// noStart keeps commands from starting a local registry: tests of what is said where there
// is none want none, and the others say which one they start.
const noStart = "ROSTER_NO_START=1"

// mayStart lets the commands of this world start a local registry.
func (w *world) mayStart() *world {
	w.env = slices.DeleteFunc(slices.Clone(w.env), func(e string) bool { return e == noStart })
	return w
}

// endDaemon ends the registry that runs in the folder, whoever started it.
func endDaemon(t testing.TB, temp string) {
	info, _, err := devfile.Read(temp)
	if err != nil || info.PID == os.Getpid() {
		return
	}
	if pid, err := devfile.Holder(temp); err != nil || pid != info.PID {
		return
	}
	if err := syscall.Kill(info.PID, syscall.SIGKILL); err != nil {
		t.Logf("end the local registry: %v", err)
	}
	if !poll(func() bool { return !devfile.Alive(info.PID) }) {
		t.Errorf("process %d cannot be killed", info.PID)
	}
}

func (w *world) command(args ...string) *exec.Cmd {
	cmd := exec.Command("roster", args...)
	cmd.Env, cmd.Dir = w.env, w.temp
	return cmd
}

// run runs a command to its end.
func (w *world) run(args ...string) (stdout, stderr string, code int) {
	w.t.Helper()
	p := w.start(args...)
	code = p.wait()
	return p.out.String(), p.err.String(), code
}

// process is a running command. It does not outlive its test, and what it writes to
// standard error is evidence.
type process struct {
	t        testing.TB
	cmd      *exec.Cmd
	out, err transcript
	ended    chan struct{}
}

func (w *world) start(args ...string) *process {
	w.t.Helper()
	p := &process{t: w.t, cmd: w.command(args...), ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.err
	p.begin()
	return p
}

func (p *process) begin() {
	p.t.Helper()
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		_ = p.cmd.Wait() // the state says how it ended
	}()
	p.t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // fails where it has ended
		<-p.ended
		name := p.t.Name() + ": roster " + strings.Join(p.cmd.Args[1:], " ")
		seen.text(name, p.err.String())
		if p.t.Failed() {
			p.t.Logf("%s\nstdout: %s\nstderr: %s", name, testlog.Last(p.out.String()), testlog.Last(p.err.String()))
		}
	})
}

// wait gives the exit status, -1 for a process that a signal ended.
func (p *process) wait() int {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patient):
		p.t.Fatalf("%v has not ended", p.cmd.Args)
	}
	return p.cmd.ProcessState.ExitCode()
}

func (p *process) running() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

func (p *process) signal(sig syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		p.t.Fatal(err)
	}
}

// dev starts a local registry and waits until it can be found and answers.
func (w *world) dev(args ...string) (*process, string) {
	w.t.Helper()
	p := w.start(append([]string{"dev", "--log-level", "debug"}, args...)...)
	return p, w.answers(p)
}

// answers waits until a local registry that was started can be found and answers, and gives
// where.
func (w *world) answers(p *process) (url string) {
	w.t.Helper()
	eventually(w.t, "the local registry answers", func() bool {
		if !p.running() {
			w.t.Fatalf("roster dev has ended: %s", &p.err)
		}
		info, _, err := devfile.Read(w.temp)
		if err != nil || info.PID != p.cmd.Process.Pid {
			return false
		}
		url = "http://" + info.Address()
		status, _ := get(url + "/ready")
		return status == http.StatusOK
	})
	return url
}

// find gives the local registry of this world that answers now.
func (w *world) find() (devfile.Info, error) { return devstart.Find(w.t.Context(), w.temp) }

// found gives the local registry that there must be.
func (w *world) found() devfile.Info {
	w.t.Helper()
	info, err := w.find()
	if err != nil {
		w.t.Fatal(err)
	}
	return info
}

// files gives the names in the folder for temporary files.
func (w *world) files() []string {
	w.t.Helper()
	list, err := filepath.Glob(filepath.Join(w.temp, "*svc-registry*"))
	if err != nil {
		w.t.Fatal(err)
	}
	return list
}

// eventually asks again and again until it is so.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	if !poll(is) {
		t.Fatalf("not within %s: %s", patient, what)
	}
}

func poll(is func() bool) bool {
	deadline := time.After(patient)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-deadline:
			return false
		}
	}
	return true
}

// single makes calls that leave no connection behind.
var single = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}

// get gives status and body of a page, 0 where nobody answers.
func get(url string) (status int, body string) {
	resp, err := single.Get(url)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err.Error()
	}
	return resp.StatusCode, string(text)
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
