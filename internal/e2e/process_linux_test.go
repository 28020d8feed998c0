package e2e

import "syscall"

// mortal makes a child end with the thread that started it, and so with a test that dies.
func mortal() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
