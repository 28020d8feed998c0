//go:build !unix

package cli

import "os"

// terminate ends a process: there is no way to ask it here.
func terminate(pid int) error {
	p, err := os.FindProcess(pid)
	if err != nil {
		return err
	}
	return p.Kill()
}
