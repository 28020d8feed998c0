//go:build !unix

package nodetest

import "os/exec"

// together: these systems have no groups of processes that could be ended as one.
func together(*exec.Cmd) {}
