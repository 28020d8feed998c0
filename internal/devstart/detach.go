package devstart

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/roster-sd/roster/internal/devfile"
)

// ReadyTimeout bounds how long [Detach] waits until a registry answers. It takes some 30 ms;
// the rest is for a machine that is busy with other things.
const ReadyTimeout = 20 * time.Second

// pollStep is the wait between two looks for a registry that is starting.
const pollStep = 2 * time.Millisecond

// DetachOptions say what [Detach] starts.
type DetachOptions struct {
	// Binary is the roster program, with its whole path.
	Binary string
	// Args are its arguments: dev, and flags other than --detach.
	Args []string
	// TempDir is where the discovery file is; the system's folder for temporary files if
	// empty.
	TempDir string
	// Env is the registry's environment; that of this process if nil.
	Env []string
	// Timeout bounds the wait; 0: ReadyTimeout.
	Timeout time.Duration
}

// Detach gives this user's local registry, which answers, and tells whether this call
// started it. It then runs in a session of its own, with nothing on its standard input, its
// output in the log (see [LogPath]) and the root as its folder, so that paths among Args must
// be absolute. It goes on when this process ends. The error of one that ended instead holds
// its last words.
func Detach(ctx context.Context, opts DetachOptions) (info devfile.Info, started bool, err error) {
	if opts.Timeout <= 0 {
		opts.Timeout = ReadyTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, opts.Timeout)
	defer cancel()
	w := waiter{opts: opts}
	for {
		// Where another one is starting there is nothing to do but to wait for it.
		info, err := Find(ctx, opts.TempDir)
		if !retry(err) {
			return info, false, err
		}
		if held, lockErr := devfile.Held(opts.TempDir); lockErr != nil || !held {
			break // whatever is wrong, the registry itself says it best
		}
		if err := w.pause(ctx, info, err); err != nil {
			return devfile.Info{}, false, err
		}
	}
	child, err := spawn(opts)
	if err != nil {
		return devfile.Info{}, false, err
	}
	for {
		info, err := Find(ctx, opts.TempDir)
		if err == nil && info.PID == child.cmd.Process.Pid {
			return info, true, nil
		}
		if err != nil && !retry(err) {
			return devfile.Info{}, false, err
		}
		// Where another one answers ours has lost the race, and ends as soon as it sees that.
		// It is waited for: should the other one end first, ours takes its place after all.
		select {
		case <-child.ended:
			return w.after(ctx, child)
		default:
		}
		if late := w.pause(ctx, info, err); late != nil && err == nil {
			return info, false, nil
		} else if late != nil {
			return devfile.Info{}, false, fmt.Errorf("%w; its log is %s", late, child.log.told())
		}
	}
}

// retry tells whether the error of Find may pass when a registry is starting. A file that
// is not to be trusted is written over by it, or it says why not.
func retry(err error) bool {
	return errors.Is(err, ErrNone) || errors.Is(err, ErrSilent) || errors.Is(err, devfile.ErrUntrusted)
}

type waiter struct{ opts DetachOptions }

// pause waits a moment. The error is the end of all waiting, and says what there is.
func (w waiter) pause(ctx context.Context, info devfile.Info, last error) error {
	timer := time.NewTimer(pollStep)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
	}
	switch {
	case !errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Errorf("start local registry: %w", ctx.Err())
	case errors.Is(last, ErrSilent):
		return fmt.Errorf("start local registry: waited %s: %w; to end it: roster stop, or kill -9 %d", w.opts.Timeout, last, info.PID)
	}
	return fmt.Errorf("start local registry: a registry is starting and does not answer within %s", w.opts.Timeout)
}

// after tells what came of it when the child has ended.
func (w waiter) after(ctx context.Context, child *child) (devfile.Info, bool, error) {
	failed := child.cmd.ProcessState.ExitCode() != 0
	for {
		held, lockErr := devfile.Held(w.opts.TempDir)
		info, err := Find(ctx, w.opts.TempDir)
		switch {
		case err == nil:
			// With "dev" and no --if-needed a failure is also how it says that another one runs.
			return info, false, nil
		case failed && (lockErr != nil || !held):
			return devfile.Info{}, false, child.failed()
		case !retry(err):
			return info, false, err
		}
		// Where somebody holds the place, ours may have given up because that one takes its
		// time to start, as on a busy machine.
		if err := w.pause(ctx, info, err); err != nil {
			return devfile.Info{}, false, err
		}
	}
}

// child is a registry that was started here.
type child struct {
	cmd   *exec.Cmd
	log   *logFile
	ended chan struct{}
}

func spawn(opts DetachOptions) (*child, error) {
	log := openLog()
	defer log.close()
	cmd := exec.Command(opts.Binary, opts.Args...) //nolint:gosec // the caller says which program is roster
	cmd.Env = opts.Env
	cmd.Dir = string(filepath.Separator) // ours may be one that is to be removed or unmounted
	cmd.SysProcAttr = ownSession()
	if log.file != nil {
		cmd.Stdout, cmd.Stderr = log.file, log.file
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start local registry: %w", err)
	}
	c := &child{cmd: cmd, log: log, ended: make(chan struct{})}
	go func() { // ends with the child, or with this process
		defer close(c.ended)
		_ = cmd.Wait() // the state says how it ended
	}()
	return c, nil
}

// failed is the error of a child that ended by itself.
func (c *child) failed() error {
	if said := c.log.said(); said != "" {
		return fmt.Errorf("start local registry: %s", said)
	}
	return fmt.Errorf("start local registry: it ended at once (%s) and its log, %s, does not say why; roster dev in a terminal does",
		c.cmd.ProcessState, c.log.told())
}
