package child

import (
	"os/exec"
	"runtime"
	"syscall"
)

// spawn starts a child that the kernel kills when this process dies, and gives a channel
// with the error of its exit. The kernel ties the child to the thread that started it,
// which therefore waits for it and does nothing else.
func spawn(cmd *exec.Cmd) (exit <-chan error, err error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started, exited := make(chan error, 1), make(chan error, 1)
	go func() { // ends with the child
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			exited <- cmd.Wait()
		}
	}()
	return exited, <-started
}
