package cli

import (
	"context"
	"io"
	"strconv"
	"strings"

	"github.com/roster-sd/roster/client"
	"github.com/spf13/cobra"
)

func healthCommand(env Env) *cobra.Command {
	var ready, strict bool
	cmd := &cobra.Command{
		Use:   "health",
		Short: "Ask whether a registry runs, for people and for health checks",
		Long: `Ask whether a registry runs. The exit status is 0 when it does and 5 when it does
not, which makes this command fit for the health check of a container.`,
		Example: `  HEALTHCHECK CMD ["roster", "health", "--address", "http://127.0.0.1:8444", "--timeout", "3s"]
  roster health --strict`,
		Args:              args(cobra.NoArgs),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	cmd.Flags().BoolVar(&ready, "ready", false, "ask whether it can answer calls, not only whether it runs")
	cmd.Flags().BoolVar(&strict, "strict", false, "as --ready, and a registry without its backend counts as not ready")
	s := bind(cmd, env)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := s.connectRunning()
		if err != nil {
			return err
		}
		defer c.Close()
		ask := c.Health
		if ready || strict {
			ask = func(ctx context.Context) (client.Health, error) { return c.Ready(ctx, strict) }
		}
		h, err := ask(cmd.Context())
		if h.Status == "" {
			return err
		}
		// A registry that says it cannot serve has answered: that is data, and an error.
		if failed := s.print(h, func(w io.Writer) { s.health(w, h, c.Addresses()) }); failed != nil {
			return failed
		}
		return err
	}
	return cmd
}

func (s *session) health(w io.Writer, h client.Health, addresses []string) {
	colour := green
	if h.Status != "ok" {
		colour = yellow
	}
	var rows [][]string
	add := func(name, value string) {
		if value != "" {
			rows = append(rows, []string{name, value})
		}
	}
	number := func(name string, n int) {
		if n != 0 {
			add(name, strconv.Itoa(n))
		}
	}
	add("Status", s.env.paint(colour, clean(h.Status)))
	add("Reasons", clean(strings.Join(h.Reasons, "; ")))
	add("Address", strings.Join(addresses, ", "))
	add("Node", clean(h.Node))
	number("Process", h.PID)
	add("Backend", clean(h.Backend))
	if h.StaleFor > 0 {
		add("Stale for", millis(h.StaleFor))
	}
	number("Held", h.Held)
	add("Revision", clean(h.Revision))
	grid(w, nil, rows)
}
