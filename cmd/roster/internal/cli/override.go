package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/roster-sd/roster/wire"
)

func overrideCommand(env Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "override",
		Short: "Take instances out of service, or keep them out, as an administrator",
		Long: `An override stands over what the owner of an instance says, for a time. It outlives the instance: one
that registers again is still under it. For administrators.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(overrideSet(env), overrideLift(env), overrideList(env))
	return cmd
}

func overrideSet(env Env) *cobra.Command {
	var q wire.OverrideRequest
	var stands time.Duration
	cmd := &cobra.Command{
		Use:   "set NAME ID",
		Short: "Put a status over an instance's own, or keep its ID out",
		Example: `  roster override set orders orders-7f3k2m9q --reason "it leaks" --for 2h
  roster override set orders orders-7f3k2m9q --keep-out --reason "a stolen machine" --for 24h`,
		Args: args(cobra.ExactArgs(2)),
	}
	f := cmd.Flags()
	f.StringVar(&q.Status, "status", "", "what counts in place of the owner's: starting, up, draining or out_of_service (default, unless --keep-out)")
	f.BoolVar(&q.KeepOut, "keep-out", false, "remove the instance, and let nobody register its ID")
	f.StringVar(&q.Reason, "reason", "", "why, for those who read roster events")
	f.DurationVar(&stands, "for", time.Hour, "how long it stands, 720h at most")
	complete(cmd, "status", "starting", "up", "draining", "out_of_service")
	s := bind(cmd, env)
	cmd.ValidArgsFunction = s.names(2, false)
	cmd.RunE = func(cmd *cobra.Command, list []string) error {
		if q.Status == "" && !q.KeepOut {
			q.Status = "out_of_service"
		}
		if q.For = stands.Milliseconds(); q.For <= 0 {
			return usagef("--for %s: must be at least 1s", stands)
		}
		c, err := s.connect()
		if err != nil {
			return err
		}
		defer c.Close()
		o, err := c.SetOverride(cmd.Context(), wire.InstanceRef{ServiceName: list[0], InstanceID: list[1]}, q)
		if err != nil {
			return err
		}
		return s.print(o, func(w io.Writer) {
			what := "counts as " + clean(o.Status)
			if o.KeptOut {
				what = "is kept out"
			}
			fmt.Fprintf(w, "%s/%s %s until %s.\n", clean(o.ServiceName), clean(o.InstanceID), what, env.moment(o.Until))
		})
	}
	return cmd
}

func overrideLift(env Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "lift NAME ID",
		Short:   "End an override before its time",
		Example: `  roster override lift orders orders-7f3k2m9q`,
		Args:    args(cobra.ExactArgs(2)),
	}
	s := bind(cmd, env)
	cmd.ValidArgsFunction = s.names(2, false)
	cmd.RunE = func(cmd *cobra.Command, list []string) error {
		c, err := s.connect()
		if err != nil {
			return err
		}
		defer c.Close()
		if err := c.LiftOverride(cmd.Context(), wire.InstanceRef{ServiceName: list[0], InstanceID: list[1]}); err != nil {
			return err
		}
		env.say("Lifted the override of %s/%s.", clean(list[0]), clean(list[1]))
		return nil
	}
	return cmd
}

func overrideList(env Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ls",
		Short: "List the overrides that stand",
		Args:  args(cobra.NoArgs),
	}
	s := bind(cmd, env)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := s.connect()
		if err != nil {
			return err
		}
		defer c.Close()
		all, err := c.Overrides(cmd.Context())
		if err != nil {
			return err
		}
		return s.print(all, func(w io.Writer) {
			if len(all.Overrides) == 0 {
				env.say("There are no overrides.")
				return
			}
			var rows [][]string
			for _, o := range all.Overrides {
				state := clean(o.Status)
				if o.KeptOut {
					state = "kept out"
				}
				rows = append(rows, []string{clean(o.ServiceName), clean(o.InstanceID), state, env.moment(o.Until), clean(o.By), clean(o.Reason)})
			}
			grid(w, []string{"SERVICE", "INSTANCE", "STATE", "UNTIL", "BY", "REASON"}, rows)
		})
	}
	return cmd
}
