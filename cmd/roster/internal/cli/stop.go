package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/roster-sd/roster/client"
	"github.com/roster-sd/roster/internal/devfile"
	"github.com/spf13/cobra"
)

func stopCommand(env Env) *cobra.Command {
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:               "stop",
		Short:             "End the local development registry",
		Long:              "End the registry that roster dev started on this machine, and wait until it is gone.",
		Args:              args(cobra.NoArgs),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return stop(cmd.Context(), env, timeout)
		},
	}
	cmd.Flags().DurationVar(&timeout, "timeout", 15*time.Second, "how long to wait until it is gone")
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return Usage(err) })
	return cmd
}

func stop(ctx context.Context, env Env, timeout time.Duration) error {
	info, path, err := devfile.Read(env.TempDir)
	switch {
	case errors.Is(err, devfile.ErrStale):
		if err := devfile.Remove(path, info.PID); err != nil {
			return err
		}
		env.say("Removed %s: process %d, which it names, is gone.", path, info.PID)
		return errNotRunning
	case errors.Is(err, devfile.ErrNotFound):
		return errNotRunning
	case err != nil:
		return err
	}
	held, err := devfile.Held(env.TempDir)
	if err != nil {
		return err
	}
	// A file that a registry left behind may name a process that has its number now, while
	// another registry holds the lock and has written none yet.
	holder, err := devfile.Holder(env.TempDir)
	if err != nil {
		return err
	}
	if (!held || holder != 0 && holder != info.PID) && !answers(ctx, info) {
		return fmt.Errorf("process %d, which %s names, is no registry: the number must have been given to another process; remove the file", info.PID, path)
	}
	if err := terminate(info.PID); err != nil {
		return fmt.Errorf("stop process %d: %w", info.PID, err)
	}
	if err := gone(ctx, env.TempDir, info.PID, held, timeout); err != nil {
		return err
	}
	if err := devfile.Remove(path, info.PID); err != nil { // where it could not itself
		return err
	}
	env.say("Stopped the local registry at http://%s (process %d).", info.Address(), info.PID)
	return nil
}

// answers tells whether the process is a registry: what listens there says that it is
// this very process. A signal to anything else could do harm.
func answers(ctx context.Context, info devfile.Info) bool {
	c, err := client.New(client.Options{Addresses: []string{"http://" + info.Address()}, Timeout: 2 * time.Second})
	if err != nil {
		return false
	}
	defer c.Close()
	h, err := c.Health(ctx)
	return err == nil && h.PID == info.PID
}

// gone waits until the process has ended, or has let go of the lock that it held, which
// is the last thing it does.
func gone(ctx context.Context, dir string, pid int, held bool, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for devfile.Alive(pid) {
		if held {
			if still, err := devfile.Held(dir); err == nil && !still {
				return nil
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return fmt.Errorf("process %d was told to stop and has not ended within %s; to end it by force: kill -9 %d", pid, timeout, pid)
			}
			return ctx.Err()
		}
	}
	return nil
}
