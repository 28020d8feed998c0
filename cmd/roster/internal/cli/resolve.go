package cli

import (
	"fmt"
	"io"

	"github.com/roster-sd/roster/client"
	"github.com/spf13/cobra"
)

func resolveCommand(env Env) *cobra.Command {
	var opts client.ResolveOptions
	cmd := &cobra.Command{
		Use:   "resolve NAME",
		Short: "Choose one live instance of a service",
		Long: `Choose one live instance of a service and print its address as host:port, and
nothing else, so that other commands can use it. -o json and -o yaml give all of it.`,
		Example: `  curl http://$(roster resolve orders)/health
  roster resolve orders --hash-key user-7`,
		Args: args(cobra.ExactArgs(1)),
	}
	filter := bindFilter(cmd)
	strategies := []string{client.RoundRobin, client.Random, client.Weighted, client.Recent, client.Hash}
	cmd.Flags().StringVar(&opts.Strategy, "strategy", "", "how to choose: round_robin (default), random, weighted, recent, hash")
	cmd.Flags().StringVar(&opts.Key, "hash-key", "", "the same key leads to the same instance; means --strategy hash")
	complete(cmd, "strategy", strategies...)
	s := bind(cmd, env)
	cmd.ValidArgsFunction = s.names(1, false)
	cmd.RunE = func(cmd *cobra.Command, list []string) error {
		var err error
		if opts.Filter, err = filter.get(); err != nil {
			return err
		}
		if opts.Key != "" && opts.Strategy == "" {
			opts.Strategy = client.Hash
		}
		c, err := s.connect()
		if err != nil {
			return err
		}
		defer c.Close()
		var fresh client.Freshness
		opts.Freshness = &fresh
		in, err := c.Resolve(cmd.Context(), list[0], opts)
		if err != nil {
			return err
		}
		s.warn(fresh)
		return s.print(in, func(w io.Writer) { fmt.Fprintln(w, place(&in)) })
	}
	return cmd
}
