package redistest

import (
	"os/exec"
	"runtime"
	"syscall"
)

// spawn starts a child that dies with this process. The kernel ties that to the thread that
// started it, which therefore waits for the child and does nothing else.
func spawn(cmd *exec.Cmd) (*process, error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	p := &process{cmd: cmd, ended: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer close(p.ended)
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // it was killed
		}
	}()
	return p, <-started
}
