//go:build !linux

package child

import "os/exec"

// spawn starts a child and gives a channel with the error of its exit.
func spawn(cmd *exec.Cmd) (exit <-chan error, err error) {
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }() // ends with the child
	return exited, nil
}
