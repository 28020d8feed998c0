package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/roster-sd/roster/wire"
)

func denialsCommand(env Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "denials",
		Short: "Show what a node has refused lately, and why",
		Long: `Show what the node that answers has refused since its start, the latest last: calls that no rule
allows, tokens that are not good, takeovers, certificates. Like ones are counted together. Each node
knows its own, so ask each with --address. For administrators.`,
		Example: `  roster denials
  roster denials --address https://node-2:8443 -o json | jq '.denials[] | select(.kind == "denied")'`,
		Args: args(cobra.NoArgs),
	}
	s := bind(cmd, env)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := s.connect()
		if err != nil {
			return err
		}
		defer c.Close()
		all, err := c.Denials(cmd.Context())
		if err != nil {
			return err
		}
		return s.print(all, func(w io.Writer) {
			if len(all.Denials) == 0 {
				env.say("%s has refused nothing since %s.", clean(all.Node), env.moment(all.Since))
				return
			}
			var rows [][]string
			for i := range all.Denials {
				d := &all.Denials[i]
				rows = append(rows, []string{env.moment(d.Time), fmt.Sprint(d.Count), clean(d.Kind), clean(d.Identity), clean(d.From),
					clean(d.Action), refused(d), clean(groundOf(d))})
			}
			grid(w, []string{"LAST", "TIMES", "KIND", "IDENTITY", "FROM", "ACTION", "ON", "WHY"}, rows)
			env.say("%d refusals by %s since %s.", all.Total, clean(all.Node), env.moment(all.Since))
		})
	}
	return cmd
}

// refused names what a denial was about.
func refused(d *wire.Denial) string {
	return strings.TrimSuffix(clean(d.ServiceName)+"/"+clean(d.InstanceID), "/")
}

// groundOf gives the rule or the reason of a denial; it has one of them.
func groundOf(d *wire.Denial) string {
	if d.Rule != "" {
		return d.Rule
	}
	return d.Why
}
