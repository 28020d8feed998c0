package redistest

import (
	"os/exec"
	"sync"
	"syscall"
	"testing"
)

// process is a child whose end somebody waits for.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{} // closed after Wait
	once  sync.Once
}

func (p *process) signal(tb testing.TB, sig syscall.Signal) {
	tb.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		tb.Fatalf("%v to redis-server: %v", sig, err)
	}
}

func (p *process) kill() {
	p.once.Do(func() { _ = p.cmd.Process.Kill() }) // it fails if the process has ended
	<-p.ended
}
