package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/roster-sd/roster/client"
	"github.com/spf13/cobra"
)

// The exit status of the process.
const (
	ExitOK          = 0
	ExitError       = 1
	ExitUsage       = 2
	ExitNotFound    = 3
	ExitNotAllowed  = 4 // 401 and 403, and a certificate that the registry refuses
	ExitUnavailable = 5 // nobody answers, or asks to come back later
)

// ErrUsage is the kind of error of a command line that cannot be understood.
var ErrUsage = errors.New("usage")

// Usage marks err as a mistake in the command line, keeping its text. Nil stays nil.
func Usage(err error) error {
	if err == nil {
		return nil
	}
	return usageError{err}
}

type usageError struct{ error }

func (u usageError) Unwrap() error      { return u.error }
func (usageError) Is(target error) bool { return target == ErrUsage }

// NotFound marks err as saying that what was named is not there, keeping its text.
func NotFound(err error) error {
	if err == nil {
		return nil
	}
	return notFoundError{err}
}

type notFoundError struct{ error }

func (n notFoundError) Unwrap() error      { return n.error }
func (notFoundError) Is(target error) bool { return target == errNotFound }

// status is the end of a command that roster run ran, and of which nothing is to be said:
// the number is its exit status.
type status int

func (s status) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

func usagef(format string, args ...any) error { return Usage(fmt.Errorf(format, args...)) }

var (
	errNotFound   = errors.New("not found")
	errNotRunning = errors.New("no local registry is running")
	errNoRegistry = errors.New("no registry is given, and no local one is running")
	errDenied     = errors.New("the policy denies it")
)

// ExitCode gives the exit status for the error that a command returned.
func ExitCode(err error) int {
	is := func(targets ...error) bool {
		for _, target := range targets {
			if errors.Is(err, target) {
				return true
			}
		}
		return false
	}
	var of status
	switch {
	case err == nil:
		return ExitOK
	case errors.As(err, &of):
		return int(of)
	case is(ErrUsage):
		return ExitUsage
	case is(client.ErrNotFound, client.ErrLeaseLost, errNotRunning, errNotFound):
		return ExitNotFound
	case is(client.ErrUnauthenticated, client.ErrForbidden, errDenied), refusedCertificate(err):
		return ExitNotAllowed
	case is(client.ErrUnavailable, client.ErrRateLimited, errNoRegistry, context.DeadlineExceeded):
		return ExitUnavailable
	}
	return ExitError
}

// args makes mistakes in the number of arguments usage errors.
func args(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, list []string) error {
		if err := check(cmd, list); err != nil {
			return usagef("%w\nUsage: %s", err, cmd.UseLine())
		}
		return nil
	}
}
