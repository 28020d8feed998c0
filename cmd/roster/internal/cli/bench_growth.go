package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/roster-sd/roster/cmd/roster/internal/bench"
	"github.com/spf13/cobra"
)

func growthCommand(env Env) *cobra.Command {
	var o bench.GrowthOptions
	var plot, raw string
	cmd := &cobra.Command{
		Use:   "growth",
		Short: "Measure what each operation costs, by how many instances there are",
		Long: `Measure what one renewal, resolve, registration, change, watch event and eviction costs the
server in CPU time, with more and more instances in it, and draw that.

Without --address and ROSTER_ADDRESS a registry is started for it, in memory and on loopback, and
ended after it. Of one that runs the CPU time comes from its metrics.`,
		Example: `  roster bench growth --sizes 1000,10000,100000 --svg growth.svg --json growth.json
  roster bench growth --services 10 -o json`,
		Args: args(cobra.NoArgs), ValidArgsFunction: cobra.NoFileCompletions,
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.IntSliceVar(&o.Sizes, "sizes", []int{1000, 10_000, 100_000, 1_000_000}, "how many instances there are, one size after the other")
	f.IntVar(&o.Services, "services", 0, "over how many services they are spread; 0: one for every 100 instances")
	f.DurationVar(&o.Slice, "slice", time.Second, "how long an operation is measured")
	f.IntVar(&o.Rounds, "rounds", 3, "how often each operation is measured; the median counts")
	f.IntVar(&o.Dying, "dying", 10_000, "how many instances end at once, for the cost of an eviction")
	f.StringVar(&plot, "svg", "", "file for the plot")
	f.StringVar(&raw, "json", "", "file for the figures, as -o json prints them")
	f.StringVar(&o.Name, "name", "bench", "what the names of services and instances begin with; you must be allowed to register them")
	f.StringVar(&o.Metrics, "metrics", "", "where the metrics of the server are, such as http://127.0.0.1:8444; the address of the registry if absent")
	s := bind(cmd, env)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if given, err := s.remote(); err != nil {
			return err
		} else if len(given.Addresses) > 0 {
			if err := s.target(&o.Options); err != nil {
				return err
			}
		} else if o.Binary = env.Binary; o.Binary == "" {
			return errNoRegistry
		} else if o.Metrics != "" {
			return usagef("--metrics is for a registry that --address or ROSTER_ADDRESS names")
		}
		progress := env.progress()
		result, err := bench.RunGrowth(cmd.Context(), o, progress)
		progress.close()
		if errors.Is(err, bench.ErrOptions) {
			return Usage(err)
		}
		if result == nil || len(result.Points) == 0 {
			if err == nil {
				err = errInterrupted
			}
			return err
		}
		err = errors.Join(err, s.print(result, func(w io.Writer) { growthTable(w, result) }), writeGrowth(result, plot, raw))
		if err == nil && len(result.Points) < len(o.Sizes) {
			return errInterrupted
		}
		return err
	}
	return cmd
}

// writeGrowth writes the files that were asked for.
func writeGrowth(g *bench.Growth, plot, raw string) error {
	var errs []error
	if plot != "" {
		var b bytes.Buffer
		errs = append(errs, g.WriteSVG(&b), writeFile(plot, b.Bytes()))
	}
	if raw != "" {
		text, err := json.MarshalIndent(g, "", "  ")
		errs = append(errs, err, writeFile(raw, append(text, '\n')))
	}
	return errors.Join(errs...)
}

// writeFile writes a file that others may read as far as the user lets them.
func writeFile(name string, text []byte) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}

// growthTable prints the CPU times, a line for each size.
func growthTable(w io.Writer, g *bench.Growth) {
	header := []string{"INSTANCES", "SERVICES", "MEMORY"}
	for _, c := range g.Points[0].Costs {
		header = append(header, c.Operation)
	}
	var rows [][]string
	for _, p := range g.Points {
		row := []string{strconv.Itoa(p.Instances), strconv.Itoa(p.Services), ""}
		if p.ResidentBytes > 0 {
			row[2] = bytesOf(p.ResidentBytes)
		}
		for _, c := range p.Costs {
			row = append(row, bench.Short(c.CPUMicros))
		}
		rows = append(rows, row)
	}
	grid(w, header, rows, header...)
	fmt.Fprintf(w, "\nCPU time of the server in µs, medians of %d; GOGC %s, GOMEMLIMIT %s, GOMAXPROCS %s.\n",
		g.Rounds, g.Server.GOGC, g.Server.GOMEMLIMIT, g.Server.GOMAXPROCS)
}
