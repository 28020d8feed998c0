// Package pkicli is the command "roster pki": it makes the certificates that Roster's
// mutual TLS needs, with the package pki, and says at each step what was made, what it is
// for, and which command comes next.
//
// Data (files, tables) goes to stdout; everything said to a person goes to stderr.
package pkicli

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/roster-sd/roster/cmd/roster/internal/cli"
	"github.com/roster-sd/roster/internal/pki"
)

// New gives the command "pki" with its subcommands. Errors are returned, not printed;
// those of usage as [cli.ErrUsage], others with the kinds of the package pki.
func New() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "pki",
		Short: "Make the certificates that mutual TLS needs",
		Long: `Make the certificates that mutual TLS needs: a certificate authority in a folder, a
certificate for the server, one for each client, and a revocation list.

Nothing is ever overwritten, and the running server takes new files as they come.`,
		Example: "  roster pki init\n  roster pki issue my-service\n  roster serve",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			return cli.Usage(fmt.Errorf("unknown command %q for %q%s", args[0], cmd.CommandPath(), suggest(cmd, args[0])))
		},
	}
	cmd.PersistentFlags().String("dir", defaultDir, "`folder` of the certificate authority")
	if err := cmd.MarkPersistentFlagDirname("dir"); err != nil {
		panic(err) // the flag is not there: every use would fail
	}
	cmd.AddCommand(newInit(), newIssue(), newRevoke(), newList(), newCRL())
	return cmd
}

const defaultDir = "certs"

func suggest(cmd *cobra.Command, arg string) string {
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(arg); len(near) > 0 {
		return "; did you mean " + strings.Join(near, " or ") + "?"
	}
	return ""
}

// action runs a command's work with the folder, the form of output, and errors that say
// what to do about them.
func action(run func(s *session, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		dir, err := cmd.Flags().GetString("dir")
		if err != nil {
			return err
		}
		form, err := cmd.Flags().GetString("output")
		if err != nil {
			return err
		}
		if err := checkForm(form); err != nil {
			return err
		}
		s := &session{dir: dir, form: form, out: cmd.OutOrStdout(), err: cmd.ErrOrStderr()}
		return s.explain(run(s, args))
	}
}

// arguments marks the errors of cobra's own check of arguments.
func arguments(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return cli.Usage(fmt.Errorf("%w; usage: %s", err, cmd.UseLine()))
		}
		return nil
	}
}

// explain adds to an error of pki what the caller can do about it.
func (s *session) explain(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, pki.ErrInvalid):
		return cli.Usage(err)
	case errors.Is(err, pki.ErrNoAuthority):
		return fmt.Errorf("%w; make one with: %s", err, s.command("init"))
	case errors.Is(err, pki.ErrExists):
		return fmt.Errorf("%w; nothing was overwritten", err)
	case errors.Is(err, pki.ErrNotFound):
		return cli.NotFound(fmt.Errorf("%w; see: %s", err, s.command("list")))
	}
	return err
}

// addLifetime adds the flag that all who make something with an end have.
func addLifetime(cmd *cobra.Command, ttl *time.Duration, byDefault time.Duration, what string) {
	cmd.Flags().DurationVar(ttl, "ttl", byDefault, "how long "+what+" holds, as `duration` in hours: 24h")
}

// addIfNeeded adds the flag for scripts that run again.
func addIfNeeded(cmd *cobra.Command, to *bool) {
	cmd.Flags().BoolVar(to, "if-needed", false, "exit with 0 where the files are there already, and leave them as they are")
}

// unless makes no error of files that are there already, if that was asked for.
func (s *session) unless(ifNeeded bool, err error) error {
	if ifNeeded && errors.Is(err, pki.ErrExists) {
		s.say("nothing to do: %v", err)
		return nil
	}
	return err
}
