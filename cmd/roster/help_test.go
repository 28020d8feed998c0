package main

import (
	"io"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// TestEveryCommandHasHelp asks each command, however deep, for its help.
func TestEveryCommandHasHelp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	names := map[string]bool{}
	var ask func(cmd *cobra.Command)
	ask = func(cmd *cobra.Command) {
		names[cmd.CommandPath()] = true
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() {
				ask(sub)
			}
		}
		if cmd.Short == "" {
			t.Errorf("%s has no description", cmd.CommandPath())
		}
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Usage == "" {
				t.Errorf("%s: --%s is not explained", cmd.CommandPath(), f.Name)
			}
		})
		args := append(strings.Fields(cmd.CommandPath())[1:], "--help")
		stdout, stderr, code := w.run(args...)
		if code != 0 || stderr != "" || !strings.Contains(stdout, "Usage:") || !strings.Contains(stdout, strings.SplitN(describe(cmd), "\n", 2)[0]) {
			t.Errorf("roster %s: exit status %d, stderr %q, stdout:\n%s", strings.Join(args, " "), code, stderr, stdout)
		}
	}
	ask(newRoot(strings.NewReader(""), io.Discard, io.Discard))
	for _, name := range []string{"roster dev", "roster serve", "roster register", "roster watch", "roster stop", "roster config print", "roster pki crl"} {
		if !names[name] {
			t.Errorf("there is no %q", name)
		}
	}
}

func describe(cmd *cobra.Command) string {
	if cmd.Long != "" {
		return cmd.Long
	}
	return cmd.Short
}
