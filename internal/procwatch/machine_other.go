//go:build unix && !linux && !darwin

package procwatch

import (
	"crypto/rand"
	"errors"
	"syscall"
)

// unixMachine knows of a process only whether there is one. That is enough while it is
// watched all the time, and not afterwards: its space is this run of the program alone.
type unixMachine struct{ space string }

func machine() system { return unixMachine{"run-" + rand.Text()} }

func (m unixMachine) here() (boot, space string) { return "", m.space }

func (unixMachine) look(pid int) (start string, s sight) {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return "", gone
	}
	return "unknown", alive
}
