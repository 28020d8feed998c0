//go:build unix

package devstart

import "syscall"

// folderVariables name the folder for temporary files.
var folderVariables = []string{"TMPDIR"}

// ownSession takes the process out of our session: no signal of our terminal reaches it, and
// it lives on when that is closed.
func ownSession() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }
