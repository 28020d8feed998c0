//go:build !linux

package redistest

import "os/exec"

// spawn starts a child. If this process is killed, the child stays.
func spawn(cmd *exec.Cmd) (*process, error) {
	p := &process{cmd: cmd, ended: make(chan struct{})}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(p.ended)
		_ = cmd.Wait() // it was killed
	}()
	return p, nil
}
