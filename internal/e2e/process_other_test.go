//go:build unix && !linux

package e2e

import "syscall"

// mortal has no way here to make a child end with a test that dies.
func mortal() *syscall.SysProcAttr { return nil }
