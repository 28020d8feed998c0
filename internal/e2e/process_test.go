//go:build unix

package e2e

import (
	"bytes"
	"io"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"testing"
)

// process is a running program. It ends with its test.
type process struct {
	t     testing.TB
	cmd   *exec.Cmd
	ended chan struct{}
}

func start(t testing.TB, dir string, errors io.Writer, program string, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(program, args...), ended: make(chan struct{})}
	p.cmd.Dir, p.cmd.Stderr, p.cmd.SysProcAttr = dir, errors, mortal()
	p.cmd.Env = []string{"HOME=" + dir, "TMPDIR=" + dir, "GORACE=atexit_sleep_ms=0"}
	started := make(chan error, 1)
	go func() {
		defer close(p.ended)
		// A child is bound to the thread that started it, not to the process.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			_ = p.cmd.Wait() // how it ended is in the log
		}
	}()
	if err := <-started; err != nil {
		<-p.ended
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	return p
}

func (p *process) running() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// kill ends the process at once, and waits for it.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // fails where it has ended
	<-p.ended
}

func (p *process) signal(sig syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		p.t.Fatal(err)
	}
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
