package cli

import (
	"io"

	"github.com/roster-sd/roster/wire"
	"github.com/spf13/cobra"
)

func heartbeatCommand(env Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "heartbeat NAME ID",
		Short:   "Renew an instance: start its TTL anew",
		Example: `  ROSTER_TOKEN=… roster heartbeat orders orders-7f3k2m9q`,
		Args:    args(cobra.ExactArgs(2)),
	}
	s := bind(cmd, env)
	s.tokenFlag(cmd)
	cmd.ValidArgsFunction = s.names(2, false)
	cmd.RunE = func(cmd *cobra.Command, list []string) error {
		if s.holdersToken() == "" {
			return usagef("a heartbeat needs the token that registering gave: --token or ROSTER_TOKEN")
		}
		c, err := s.connect()
		if err != nil {
			return err
		}
		defer c.Close()
		beat, err := c.Heartbeat(cmd.Context(), wire.InstanceRef{ServiceName: list[0], InstanceID: list[1]}, s.holdersToken())
		if err != nil {
			return err
		}
		return s.print(beat, func(w io.Writer) {
			grid(w, nil, [][]string{
				{"Lives for", millis(beat.TTL)},
				{"Token expires", s.tokenExpiry(beat.TokenExpiresAt)},
			})
		})
	}
	return cmd
}
