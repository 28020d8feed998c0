//go:build unix

package cli

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const keyboards = true

// readKeys reads keys until ctx ends, and gives each to press. Where there is nothing to
// read any more the last one is keyLeave.
func (t *terminal) readKeys(ctx context.Context, press func(key)) error {
	if t.in == nil {
		return nil
	}
	// A read of a terminal cannot be interrupted, so it is made only when there is
	// something; a pipe ends the wait.
	wake, end, err := os.Pipe()
	if err != nil {
		return err
	}
	defer wake.Close()
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() { end.Close(); close(stopped) })
	defer func() {
		if stop() {
			end.Close()
			return
		}
		<-stopped
	}()
	var rest []byte
	buf := make([]byte, 256)
	fds := []unix.PollFd{{Fd: int32(t.in.Fd()), Events: unix.POLLIN}, {Fd: int32(wake.Fd()), Events: unix.POLLIN}}
	for ctx.Err() == nil {
		if _, err := unix.Poll(fds, -1); errors.Is(err, unix.EINTR) {
			continue
		} else if err != nil {
			return err
		}
		if fds[0].Revents == 0 {
			continue
		}
		n, err := t.in.Read(buf)
		if err != nil || n == 0 {
			press(keyLeave)
			return nil
		}
		var keys []key
		keys, rest = parseKeys(append(rest, buf[:n]...))
		for _, k := range keys {
			press(k)
		}
	}
	return nil
}

// signals gives a channel that is told of another size of the terminal and of a process
// that goes on after a stop; ending stops that.
func signals() (changed <-chan os.Signal, ending func()) {
	c := make(chan os.Signal, 2)
	signal.Notify(c, syscall.SIGWINCH, syscall.SIGCONT)
	return c, func() { signal.Stop(c) }
}

// continued tells whether a process that was stopped goes on: meanwhile the shell had the
// terminal, and has set it up for itself.
func continued(s os.Signal) bool { return s == syscall.SIGCONT }

// goodbyes are the signals that end a process besides those which end every command. The
// terminal is to be given back before that.
func goodbyes() []os.Signal {
	list := []os.Signal{syscall.SIGQUIT}
	if !signal.Ignored(syscall.SIGHUP) {
		list = append(list, syscall.SIGHUP)
	}
	return list
}

// suspend stops the process, as Ctrl-Z does, and returns when it goes on.
func suspend(ctx context.Context, changed <-chan os.Signal) {
	if syscall.Kill(0, syscall.SIGTSTP) != nil {
		return
	}
	// The signal takes a moment. Where no shell is there to continue it, it does nothing.
	timer := time.NewTimer(300 * time.Millisecond)
	defer timer.Stop()
	for {
		select {
		case s := <-changed:
			if continued(s) {
				return
			}
		case <-timer.C:
			return
		case <-ctx.Done():
			return
		}
	}
}
