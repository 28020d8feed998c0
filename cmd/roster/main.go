// Command roster is a service registry and discovery server, and its command line.
package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/roster-sd/roster/cmd/roster/internal/cli"
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// run is main but for the process: it can be called by a test.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// The first signal asks for an orderly end; whoever sends a second does not want to
	// wait for it.
	defer context.AfterFunc(ctx, stop)()
	cmd := newRoot(stdin, stdout, stderr)
	cmd.SetArgs(args)
	err := misuse(cmd.ExecuteContext(ctx))
	if err == nil {
		return 0
	}
	var quiet errQuiet
	if !errors.As(err, &quiet) {
		cli.Report(stderr, err)
	}
	return cli.ExitCode(err)
}

// errQuiet is an error of which everything has been said.
type errQuiet struct{ error }
