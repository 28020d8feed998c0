package cli

import (
	"context"
	"io"
	"reflect"
	"strconv"

	"github.com/roster-sd/roster/client"
	"github.com/spf13/cobra"
)

func lsCommand(env Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ls [NAME]",
		Short: "List services, or the instances of one",
		Example: `  roster ls
  roster ls orders --status up --zone eu-1`,
		Args: args(cobra.MaximumNArgs(1)),
	}
	filter := bindFilter(cmd)
	s := bind(cmd, env)
	cmd.ValidArgsFunction = s.names(1, false)
	cmd.RunE = func(cmd *cobra.Command, list []string) error {
		chosen, err := filter.get()
		if err != nil {
			return err
		}
		for _, name := range []string{"version", "env", "zone", "role", "status", "tag", "meta"} {
			if len(list) == 0 && cmd.Flags().Changed(name) {
				return usagef("--%s chooses among the instances of a service: roster ls NAME --%s …", name, name)
			}
		}
		c, err := s.connect()
		if err != nil {
			return err
		}
		defer c.Close()
		if len(list) == 1 {
			return s.listInstances(cmd.Context(), c, list[0], chosen)
		}
		return s.listServices(cmd.Context(), c)
	}
	return cmd
}

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
			} else if service.Up < service.Instances {
				colour = yellow
			}
			rows = append(rows, []string{clean(service.ServiceName), strconv.Itoa(service.Instances), s.env.paint(colour, up)})
		}
		grid(w, []string{"SERVICE", "INSTANCES", "UP"}, rows, "INSTANCES", "UP")
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
	if !reflect.DeepEqual(filter, client.Filter{}) {
		what = "matches"
	}
	return s.print(answer, func(w io.Writer) {
		if len(answer.Instances) == 0 {
			s.env.say("No instance of %s %s.", clean(service), what)
			return
		}
		var rows [][]string
		for i := range answer.Instances {
			in := &answer.Instances[i]
			rows = append(rows, []string{
				clean(in.InstanceID), place(in), s.env.state(in), clean(in.Version), clean(in.Zone),
				s.env.since(in.RegisteredAt), s.env.ago(in.LastHeartbeat),
			})
		}
		grid(w, []string{"INSTANCE", "ADDRESS", "STATUS", "VERSION", "ZONE", "AGE", "HEARTBEAT"}, rows)
	})
}

// warn says when an answer shows the past.
func (s *session) warn(f client.Freshness) {
	if f.Stale {
		s.env.say("The registry cannot reach its backend; this is what it saw %s ago.", span(f.Age))
	}
}
