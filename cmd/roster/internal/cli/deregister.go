package cli

import (
	"github.com/roster-sd/roster/wire"
	"github.com/spf13/cobra"
)

func deregisterCommand(env Env) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:     "deregister NAME ID",
		Short:   "Remove an instance",
		Long:    "Remove an instance. Its token is needed, unless you are an administrator.",
		Example: `  ROSTER_TOKEN=… roster deregister orders orders-7f3k2m9q --reason "moved to another host"`,
		Args:    args(cobra.ExactArgs(2)),
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, for those who read roster events")
	s := bind(cmd, env)
	s.tokenFlag(cmd)
	cmd.ValidArgsFunction = s.names(2, false)
	cmd.RunE = func(cmd *cobra.Command, list []string) error {
		c, err := s.connect()
		if err != nil {
			return err
		}
		defer c.Close()
		ref := wire.InstanceRef{ServiceName: list[0], InstanceID: list[1]}
		if err := c.Deregister(cmd.Context(), ref, s.holdersToken(), reason); err != nil {
			return err
		}
		env.say("Deregistered %s/%s.", clean(ref.ServiceName), clean(ref.InstanceID))
		return nil
	}
	return cmd
}
