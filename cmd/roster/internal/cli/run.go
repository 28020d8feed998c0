package cli

import (
	"context"
	"regexp"
	"time"

	"github.com/roster-sd/roster/wire"
	"github.com/spf13/cobra"
)

// runFlags are what roster run is told beside the instance and the command.
type runFlags struct {
	name      string
	variables []string
	wait      time.Duration
	pid       int
}

func runCommand(env Env) *cobra.Command {
	var given runFlags
	cmd := &cobra.Command{
		Use:   "run --name NAME [--port N] [--] COMMAND...",
		Short: "Run a command as an instance of a service",
		Long: `Run a command as an instance of a service: find a free port, pass it to the command as
PORT, wait until the command accepts connections there, register it, renew it, and
deregister it when the command ends. The exit status is the command's; 128 and the
number of the signal that ended it; 127 if it is not found, 126 if it cannot be run.

The command has the terminal to itself, and what it writes goes where it would without
roster. Signals are passed on; so is Ctrl-C, which reaches the command by the terminal.
Several at a time with one name are several instances. Without --address a registry of
this machine is found, or started.

Without a command it registers what runs already, at --port, and renews it until the
process --pid ends or roster run is interrupted.`,
		Example: `  roster run --name auth -- node server.js
  roster run --name web --env-var HTTP_PORT --meta team=blue -- ./web --verbose
  roster run --name db --port 5432 --pid 4711`,
	}
	flags := bindRegistration(cmd, "port that the command is to listen on; 0 finds a free one",
		"IP address or DNS name of the instance; if absent that of loopback, or with --address the one that you call from")
	f := cmd.Flags()
	f.StringVar(&given.name, "name", "", "name of the service; required")
	f.StringSliceVar(&given.variables, "env-var", []string{"PORT"}, "environment variable that tells the command its port; may be repeated")
	f.DurationVar(&given.wait, "wait", time.Minute, "how long nothing need accept at the port before that is said; 0 registers without waiting")
	f.IntVar(&given.pid, "pid", 0, "without a command: the process that runs already; its end is the instance's")
	s := bindSilent(cmd, env)
	f.SetInterspersed(false) // the command's own flags are not ours
	completeNames(cmd, s)
	cmd.RunE = func(cmd *cobra.Command, list []string) error {
		in, err := flags.get(given.name)
		if err != nil {
			return err
		}
		if err := given.check(in, list); err != nil {
			return err
		}
		// What ends the context is a signal, and of signals the runner takes care itself.
		return s.run(context.WithoutCancel(cmd.Context()), given, in, list)
	}
	return cmd
}

// completeNames completes --name from the live registry: another instance of a service is
// what one often wants. A command is completed as files.
func completeNames(cmd *cobra.Command, s *session) {
	if err := cmd.RegisterFlagCompletionFunc("name", s.names(0, true)); err != nil {
		panic(err) // a flag that does not exist, or twice for one: a mistake here
	}
}

// serviceName is the grammar of names. The registry has the last word; but it is asked only
// when the command runs, which is late for a slip.
var serviceName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$`)

func (g runFlags) check(in wire.Registration, command []string) error {
	switch {
	case g.name == "":
		return usagef("--name says which service the command is an instance of: roster run --name NAME -- COMMAND")
	case !serviceName.MatchString(g.name):
		return usagef("--name %q: want 1 to 63 letters, digits, dots, underscores and hyphens, a letter or digit first and last", g.name)
	case in.Port < 0 || in.Port > 65535:
		return usagef("--port %d: must be 0 to 65535", in.Port)
	case g.wait < 0:
		return usagef("--wait %s: must not be negative; 0 registers without waiting", g.wait)
	case len(command) > 0 && g.pid != 0:
		return usagef("--pid is for what runs already: leave the command out")
	case g.pid < 0:
		return usagef("--pid %d: must be positive", g.pid)
	case len(command) == 0 && in.Port == 0:
		return usagef("give a command to run, or the --port of what runs already")
	}
	return nil
}
