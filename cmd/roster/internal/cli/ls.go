package cli

import (
	"context"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/roster-sd/roster/client"
	"github.com/roster-sd/roster/wire"
	"github.com/spf13/cobra"
)

func lsCommand(env Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ls [NAME]",
		Short: "List services, or the instances of one",
		Long: `List services, or the instances of one.

With --watch, a terminal shows all instances, or those of the service, in a table that
keeps up: what is new (+), what changed (~), what left (-) and why, and when each was last
heard of. Arrows and PgUp, PgDn scroll, / searches, q quits. Where standard output is no
terminal, or with -o json or yaml, changes are printed as "roster watch" prints them.`,
		Example: `  roster ls
  roster ls orders --status up --zone eu-1
  roster ls --watch`,
		Args: args(cobra.MaximumNArgs(1)),
	}
	var watch bool
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "keep the list up to date until you quit")
	filter := bindFilter(cmd)
	s := bind(cmd, env)
	cmd.ValidArgsFunction = s.names(1, false)
	cmd.RunE = func(cmd *cobra.Command, list []string) error {
		chosen, err := filter.get()
		if err != nil {
			return err
		}
		for _, name := range []string{"version", "env", "zone", "role", "status", "tag", "meta"} {
			if len(list) == 0 && !watch && cmd.Flags().Changed(name) {
				return usagef("--%s chooses among the instances of a service: roster ls NAME --%s …", name, name)
			}
		}
		c, err := s.connect()
		if err != nil {
			return err
		}
		defer c.Close()
		if watch {
			return s.keepUp(cmd.Context(), c, list, chosen)
		}
		if len(list) == 1 {
			return s.listInstances(cmd.Context(), c, list[0], chosen)
		}
		return s.listServices(cmd.Context(), c)
	}
	return cmd
}

// keepUp shows a live table where there is a terminal for it, and else every change on a
// line of its own.
func (s *session) keepUp(ctx context.Context, c *client.Client, services []string, filter client.Filter) error {
	if t := newTerminal(s.env); t != nil && s.output == formatTable {
		return s.showLive(ctx, t, c, strings.Join(services, ""), filter)
	}
	return s.follow(ctx, c, services, filter)
}

func isZero(filter client.Filter) bool { return reflect.DeepEqual(filter, client.Filter{}) }

func (s *session) listServices(ctx context.Context, c *client.Client) error {
	var fresh client.Freshness
	answer, err := c.Services(ctx, client.ReadOptions{Freshness: &fresh})
	if err != nil {
		return err
	}
	s.warn(fresh)
	return s.print(answer, func(w io.Writer) {
		if len(answer.Services) == 0 {
			s.env.say("No service is registered.")
			return
		}
		var rows [][]string
		for _, service := range answer.Services {
			up, colour := strconv.Itoa(service.Up), green
			if service.Up == 0 {
				colour = red
			} else if service.Up < service.Instances || service.Degraded {
				colour = yellow
			}
			note := ""
			if service.Degraded {
				note = "nearly all fail their checks"
			}
			rows = append(rows, []string{clean(service.ServiceName), strconv.Itoa(service.Instances), s.env.paint(colour, up), note})
		}
		grid(w, []string{"SERVICE", "INSTANCES", "UP", "NOTE"}, rows, "INSTANCES", "UP")
	})
}

func (s *session) listInstances(ctx context.Context, c *client.Client, service string, filter client.Filter) error {
	var fresh client.Freshness
	answer, err := c.Service(ctx, service, client.ServiceOptions{
		Filter: filter, ReadOptions: client.ReadOptions{Freshness: &fresh},
	})
	if err != nil {
		return err
	}
	s.warn(fresh)
	what := "is registered"
	if !isZero(filter) {
		what = "matches"
	}
	return s.print(answer, func(w io.Writer) {
		if len(answer.Instances) == 0 {
			s.env.say("No instance of %s %s.", clean(service), what)
			return
		}
		// Most have no weight of their own, and a column of nothing else would say nothing.
		weighted := slices.ContainsFunc(answer.Instances, func(in wire.Instance) bool { return in.Weight != usualWeight })
		var rows [][]string
		for i := range answer.Instances {
			in := &answer.Instances[i]
			weight := ""
			if weighted {
				weight = strconv.Itoa(in.Weight)
			}
			rows = append(rows, []string{
				clean(in.InstanceID), place(in), s.env.state(in), clean(in.Version), clean(in.Zone), weight,
				s.env.since(in.RegisteredAt), s.env.ago(in.LastHeartbeat), found(in),
			})
		}
		grid(w, []string{"INSTANCE", "ADDRESS", "STATUS", "VERSION", "ZONE", "WEIGHT", "AGE", "HEARTBEAT", "CHECK"}, rows, "WEIGHT")
	})
}

// usualWeight is the weight of an instance that was given none.
const usualWeight = 100

// warn says when an answer shows the past, or was chosen for want of better.
func (s *session) warn(f client.Freshness) {
	if f.Stale {
		s.env.say("The registry cannot reach its backend; this is what it saw %s ago.", span(f.Age))
	}
	if f.Degraded {
		s.env.say("Nearly all instances of the service fail their checks; this may be one of them.")
	}
}
