package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/roster-sd/roster/internal/devstart"
)

// idleStop is how long a local registry that a client started waits for somebody to use it.
const idleStop = 30 * time.Minute

// background is what roster dev knows of how it is started and when it ends by itself.
type background struct {
	detach bool
	idle   time.Duration // 0: never
}

func (b *background) bind(f *pflag.FlagSet) {
	f.BoolVar(&b.detach, "detach", false, "start it in the background, wait until it answers, and exit; it logs to dev.log in your folder for state")
	f.DurationVar(&b.idle, "idle-stop", 0, "end after this time without an instance and without a request; 0 is never (with --if-needed --detach: 30m unless given)")
}

// settle gives the time of --idle-stop its default.
func (b *background) settle(f *pflag.FlagSet, ifNeeded bool) error {
	if b.idle < 0 {
		return usage(fmt.Errorf("--idle-stop %s: must not be negative; 0 is never", b.idle))
	}
	if !f.Changed("idle-stop") && ifNeeded && b.detach {
		b.idle = idleStop
	}
	return nil
}

// runDetached starts roster dev again, with the flags of this one, in the background.
func runDetached(cmd *cobra.Command, b background, ifNeeded bool, stdout io.Writer) error {
	binary, err := os.Executable()
	if err != nil {
		return fmt.Errorf("start local registry: %w", err)
	}
	args, err := b.args(cmd.Flags())
	if err != nil {
		return err
	}
	info, started, err := devstart.Detach(cmd.Context(), devstart.DetachOptions{Binary: binary, Args: args})
	switch {
	case errors.Is(err, os.ErrPermission):
		return inTemp(err)
	case err != nil:
		return err
	case !started:
		return runningAlready(info, ifNeeded, stdout)
	}
	fmt.Fprintf(stdout, "Roster is running on http://%s (process %d). roster stop ends it.\n", info.Address(), info.PID)
	return nil
}

// args gives the command line of the one in the background. Its folder is another one, so
// paths are made absolute.
func (b background) args(f *pflag.FlagSet) (args []string, err error) {
	args = []string{"dev", "--idle-stop", b.idle.String()}
	f.Visit(func(flag *pflag.Flag) {
		value := flag.Value.String()
		switch flag.Name {
		case "detach", "idle-stop":
			return
		case "state":
			if value != "none" && value != "" {
				path, absErr := filepath.Abs(value)
				err = errors.Join(err, absErr)
				value = path
			}
		}
		args = append(args, "--"+flag.Name+"="+value)
	})
	return args, err
}
