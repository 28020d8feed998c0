package main

import (
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/roster-sd/roster/cmd/roster/internal/cli"
	"github.com/roster-sd/roster/cmd/roster/internal/config"
	"github.com/roster-sd/roster/cmd/roster/internal/logging"
	"github.com/roster-sd/roster/cmd/roster/internal/pkicli"
)

func newRoot(stdin io.Reader, stdout, stderr io.Writer) *cobra.Command {
	root := &cobra.Command{
		Use:           "roster",
		Short:         "A service registry: services register, stay by heartbeats, and are found by name",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return cli.Usage(err) })
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.AddCommand(newDev(stdout, stderr), newServe(stderr), newVersion(stdout), config.NewCommand(), pkicli.New())
	binary, err := os.Executable()
	if err != nil {
		binary = "" // the commands then start no local registry
	}
	env := cli.Env{Stdin: stdin, Stdout: stdout, Stderr: stderr, Terminal: logging.IsTerminal(stdout), ErrTerminal: logging.IsTerminal(stderr), Binary: binary}
	root.AddCommand(cli.Commands(env)...)
	root.AddCommand(cli.PolicyCommand(env, policyOf))
	return root
}

func usage(err error) error { return cli.Usage(err) }
