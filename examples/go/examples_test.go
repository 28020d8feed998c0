//go:build unix

// Package examples runs the Go examples as a developer would.
package examples

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const patient = time.Minute

// machine is a machine with nothing on it but roster and the two examples.
type machine struct {
	t   *testing.T
	bin string
	tmp string
	env []string
}

func newMachine(t *testing.T) *machine {
	m := &machine{t: t, bin: t.TempDir(), tmp: t.TempDir()}
	for _, pkg := range []string{"cmd/roster", "examples/go/auth-service", "examples/go/gateway"} {
		cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-tags", "nomsgpack", "-o", filepath.Join(m.bin, filepath.Base(pkg)), "./"+pkg)
		cmd.Dir = filepath.Join("..", "..")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("build %s: %v\n%s", pkg, err, out)
		}
	}
	home := t.TempDir()
	m.env = []string{"PATH=" + m.bin, "TMPDIR=" + m.tmp, "HOME=" + home, "XDG_STATE_HOME=" + filepath.Join(home, "state")}
	t.Cleanup(func() {
		cmd := exec.Command(filepath.Join(m.bin, "roster"), "stop")
		cmd.Env = m.env
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("roster stop: %v\n%s", err, out)
		}
	})
	return m
}

// process is one of the examples while it runs.
type process struct {
	m    *machine
	cmd  *exec.Cmd
	port string
	said *bytes.Buffer
}

// start runs an example and waits until it says its port.
func (m *machine) start(name string) *process {
	m.t.Helper()
	p := &process{m: m, cmd: exec.Command(filepath.Join(m.bin, name)), said: new(bytes.Buffer)}
	p.cmd.Env, p.cmd.Stderr = m.env, p.said
	out, err := p.cmd.StdoutPipe()
	if err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() {
		if p.cmd.ProcessState == nil {
			p.kill()
		}
	})
	give := time.AfterFunc(patient, func() { _ = p.cmd.Process.Kill() })
	defer give.Stop()
	line, err := bufio.NewReader(out).ReadString('\n')
	i := strings.LastIndexByte(strings.TrimSpace(line), ' ')
	if err != nil || i < 0 {
		p.kill()
		m.t.Fatalf("%s says %q, %v: %s", name, line, err, p.said)
	}
	p.port = strings.TrimSpace(line[i+1:])
	return p
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait() // it was killed
}

// stop ends the process as a terminal would.
func (p *process) stop() {
	p.m.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.m.t.Error(err)
	}
	if err := p.cmd.Wait(); err != nil {
		p.m.t.Errorf("%s: %v: %s", p.cmd.Path, err, p.said)
	}
}

// see asks the gateway until it answers so.
func (p *process) see(status int, body string) {
	p.m.t.Helper()
	ctx, cancel := context.WithTimeout(p.m.t.Context(), patient)
	defer cancel()
	var last string
	for {
		got, text, err := get(ctx, "http://127.0.0.1:"+p.port+"/auth/authenticate")
		if last = fmt.Sprintf("%d %s, %v", got, text, err); got == status && strings.TrimSpace(text) == body {
			return
		}
		select {
		case <-ctx.Done():
			p.m.t.Fatalf("the gateway answers %s, want %d %s\n%s", last, status, body, p.said)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func get(ctx context.Context, url string) (int, string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}

const (
	well = `{"ok":true}`
	down = `{"error":"auth down"}`
)

// TestExamples lives a day of a developer: the auth service comes, is killed, comes back
// on another port, and stops; and the registry is killed under both.
func TestExamples(t *testing.T) {
	m := newMachine(t)
	gateway := m.start("gateway")
	gateway.see(503, down)
	auth := m.start("auth-service")
	gateway.see(200, well)

	auth.kill()
	gateway.see(503, down)
	taken, err := net.Listen("tcp", "127.0.0.1:"+auth.port) // so that it gets another port
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	again := m.start("auth-service")
	if again.port == auth.port {
		t.Fatal("the same port")
	}
	gateway.see(200, well)

	// The registry is killed; whoever needs it starts another one.
	pid, port := m.registry()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	gateway.see(200, well)
	late := m.start("gateway")
	late.see(200, well)
	if newPID, _ := m.registry(); newPID == pid {
		t.Errorf("the registry is still process %d at port %d", pid, port)
	}

	again.stop()
	if !strings.Contains(again.said.String(), "stopped: <nil> <nil> <nil>") {
		t.Errorf("auth-service did not leave well: %s", again.said)
	}
	gateway.see(503, down)
	late.see(503, down)
	gateway.stop()
	late.stop()
}

// registry gives the process of the registry and its port.
func (m *machine) registry() (pid, port int) {
	m.t.Helper()
	data, err := os.ReadFile(filepath.Join(m.tmp, "svc-registry.json"))
	var info struct{ PID, Port int }
	if err == nil {
		err = json.Unmarshal(data, &info)
	}
	if err != nil {
		m.t.Fatal(err)
	}
	return info.PID, info.Port
}

// TestExamplesAreShort: they are read before anything else.
func TestExamplesAreShort(t *testing.T) {
	for _, name := range []string{"auth-service", "gateway"} {
		data, err := os.ReadFile(filepath.Join(name, "main.go"))
		if n := bytes.Count(data, []byte("\n")); err != nil || n >= 60 {
			t.Errorf("%s has %d lines, %v; fewer than 60 are wanted", name, n, err)
		}
	}
}
