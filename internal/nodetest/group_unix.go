//go:build unix

package nodetest

import (
	"os/exec"
	"syscall"
)

// together makes the end of a command's context the end of what the command has started too.
func together(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
