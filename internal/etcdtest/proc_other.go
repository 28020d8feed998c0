//go:build unix && !linux

package etcdtest

import "syscall"

// dieWithParent has no means here: a server outlives a test binary that is killed.
func dieWithParent() *syscall.SysProcAttr { return nil }

// stopped has no means here to tell; the signal takes effect soon.
func stopped(int) bool { return true }
