package cli

import (
	"context"
	"time"

	"github.com/roster-sd/roster/client"
	"github.com/spf13/cobra"
)

// completionTime is how long a shell waits for names at the most: somebody has pressed
// a key and sees nothing move.
const completionTime = time.Second

// complete offers fixed values for a flag.
func complete(cmd *cobra.Command, flag string, values ...string) {
	// It fails only for a flag that does not exist, or twice for one: a mistake here.
	if err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err)
	}
}

// names completes arguments from the live registry: first a service, then, where the
// command takes one, an instance of it; names of services all along with many. Whatever
// goes wrong, it offers nothing and says nothing, for the shell would print it into the
// line.
func (s *session) names(most int, many bool) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		const directive = cobra.ShellCompDirectiveNoFileComp
		if len(args) >= most && !many {
			return nil, directive
		}
		parent := cmd.Context()
		if parent == nil {
			parent = context.Background()
		}
		ctx, cancel := context.WithTimeout(parent, completionTime)
		defer cancel()
		c, err := s.connectRunning()
		if err != nil {
			return nil, directive
		}
		defer c.Close()
		if many || len(args) == 0 {
			return serviceNames(ctx, c), directive
		}
		return instanceIDs(ctx, c, args[0]), directive
	}
}

func serviceNames(ctx context.Context, c *client.Client) []cobra.Completion {
	answer, err := c.Services(ctx, client.ReadOptions{})
	if err != nil {
		return nil
	}
	var list []cobra.Completion
	for _, service := range answer.Services {
		list = append(list, clean(service.ServiceName))
	}
	return list
}

func instanceIDs(ctx context.Context, c *client.Client, service string) []cobra.Completion {
	answer, err := c.Service(ctx, service, client.ServiceOptions{})
	if err != nil {
		return nil
	}
	var list []cobra.Completion
	for i := range answer.Instances {
		in := &answer.Instances[i]
		list = append(list, cobra.CompletionWithDesc(clean(in.InstanceID), place(in)))
	}
	return list
}
