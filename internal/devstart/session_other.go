//go:build !unix && !windows

package devstart

import "syscall"

// folderVariables name the folder for temporary files.
var folderVariables = []string{"TMPDIR"}

// ownSession: these systems have no sessions to leave.
func ownSession() *syscall.SysProcAttr { return nil }
