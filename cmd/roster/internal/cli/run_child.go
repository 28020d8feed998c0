package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"syscall"
)

// What a shell exits with where a command cannot be run.
const (
	exitNotFound   = 127
	exitNotRunning = 126
	exitSignal     = 128 // and the signal's number
)

// child is a command that runs, or a process that ran before.
type child struct {
	process *os.Process
	pid     int
	ended   chan struct{} // closed at its end
	// code is its exit status, and how says how it ended, once it has.
	code int
	how  string
}

// findCommand checks that there is such a program. The error is a status, and has been said.
func (s *session) findCommand(name string) error {
	cmd := exec.Command(name)
	if cmd.Err == nil {
		return nil
	}
	return s.cannotRun(name, cmd.Err)
}

func (s *session) cannotRun(name string, err error) error {
	switch {
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, fs.ErrNotExist):
		s.tell("%s: command not found", clean(name))
		return status(exitNotFound)
	case errors.Is(err, exec.ErrDot):
		s.tell("%s: found in this folder only; to run it: ./%s", clean(name), clean(name))
		return status(exitNotFound)
	}
	var at *fs.PathError
	if errors.As(err, &at) {
		err = at.Err
	}
	s.tell("%s: cannot be run: %v", clean(name), err)
	return status(exitNotRunning)
}

// startChild starts a command with our terminal, input and output.
func (s *session) startChild(command, env []string) (*child, error) {
	cmd := exec.Command(command[0], command[1:]...) //nolint:gosec // to run what it is given is its purpose
	cmd.Env = env
	cmd.Stdin, cmd.Stdout, cmd.Stderr = s.env.Stdin, s.env.Stdout, s.env.Stderr
	if err := cmd.Start(); err != nil {
		return nil, s.cannotRun(command[0], err)
	}
	c := &child{process: cmd.Process, pid: cmd.Process.Pid, ended: make(chan struct{})}
	go func() { // whoever starts a child waits for its end
		defer close(c.ended)
		err := cmd.Wait()
		c.code, c.how = outcome(cmd.ProcessState, err)
	}()
	return c, nil
}

// outcome gives the exit status for a process that has ended, and how it ended in words.
func outcome(state *os.ProcessState, err error) (code int, how string) {
	if state == nil {
		return ExitError, fmt.Sprintf("cannot be waited for: %v", err)
	}
	if by, ok := state.Sys().(syscall.WaitStatus); ok && by.Signaled() {
		return exitSignal + int(by.Signal()), "ended by signal: " + by.Signal().String()
	}
	return state.ExitCode(), fmt.Sprintf("exit status %d", state.ExitCode())
}

// signal passes a signal on. That it has ended in this very moment is no error to tell.
func (c *child) signal(sig os.Signal) {
	if c.process != nil {
		_ = c.process.Signal(sig)
	}
}
