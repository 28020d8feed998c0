// Rosterbench measures Roster on its backends against servers that do less, and prints how
// they compare.
// Run it in the module's folder: go run ./internal/bench/cmd/rosterbench
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/roster-sd/roster/internal/bench"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run gives 0 when everything asked for was measured, 1 when not, 2 for wrong usage.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := bench.ParseFlags(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintln(stderr, "rosterbench:", err)
		return 2
	}
	if err := bench.Run(ctx, o, stdout, stderr); err != nil {
		fmt.Fprintln(stderr, "rosterbench:", err)
		return 1
	}
	return 0
}
