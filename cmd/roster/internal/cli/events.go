package cli

import (
	"io"

	"github.com/roster-sd/roster/client"
	"github.com/spf13/cobra"
)

func eventsCommand(env Env) *cobra.Command {
	var opts client.EventsOptions
	cmd := &cobra.Command{
		Use:   "events [NAME [ID]]",
		Short: "Show recent changes, and why they happened",
		Example: `  roster events
  roster events orders --limit 20`,
		Args: args(cobra.MaximumNArgs(2)),
	}
	cmd.Flags().IntVar(&opts.Limit, "limit", 0, "how many at most, the newest ones")
	s := bind(cmd, env)
	cmd.ValidArgsFunction = s.names(2, false)
	cmd.RunE = func(cmd *cobra.Command, list []string) error {
		list = append(list, "", "")
		opts.Service, opts.Instance = list[0], list[1]
		c, err := s.connect()
		if err != nil {
			return err
		}
		defer c.Close()
		var fresh client.Freshness
		opts.Freshness = &fresh
		answer, err := c.Events(cmd.Context(), opts)
		if err != nil {
			return err
		}
		s.warn(fresh)
		return s.print(answer, func(w io.Writer) {
			if len(answer.Events) == 0 {
				env.say("No changes are remembered.")
				return
			}
			var rows [][]string
			for _, e := range answer.Events {
				rows = append(rows, []string{
					env.moment(e.Time), clean(e.ServiceName), clean(e.InstanceID), clean(e.Reason),
					clean(e.Note), clean(e.Actor), clean(e.From), clean(e.Node),
				})
			}
			grid(w, []string{"TIME", "SERVICE", "INSTANCE", "REASON", "NOTE", "BY", "FROM", "NODE"}, rows)
		})
	}
	return cmd
}
