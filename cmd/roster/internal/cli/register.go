package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/roster-sd/roster/wire"
	"github.com/spf13/cobra"
)

func registerCommand(env Env) *cobra.Command {
	var in wire.Registration
	var meta []string
	var ttl time.Duration
	var keep bool
	cmd := &cobra.Command{
		Use:   "register NAME --port PORT",
		Short: "Register an instance of a service",
		Long: `Register an instance of a service, and print its ID and token.

The instance lives for its TTL, and on for as long as it is renewed: by
"roster heartbeat", by the service itself, or by this command with --keep, which
stays in the foreground, renews, and deregisters when it is interrupted.`,
		Example: `  roster register orders --port 3000
  roster register orders --port 3000 --meta team=blue --tag canary --keep`,
		Args: args(cobra.ExactArgs(1)),
	}
	f := cmd.Flags()
	f.StringVar(&in.InstanceID, "id", "", "instance ID; the registry makes one if absent")
	f.StringVar(&in.Address, "host", "", "IP address or DNS name of the instance; the one that you call from if absent")
	f.IntVar(&in.Port, "port", 0, "port of the instance")
	f.StringVar(&in.Protocol, "protocol", "", "what it speaks there, such as http or grpc")
	f.DurationVar(&ttl, "ttl", 0, "how long it lives without being renewed; the registry's default if absent")
	f.StringVar(&in.Version, "version", "", "its version")
	f.StringVar(&in.Env, "env", "", "its environment")
	f.StringVar(&in.Zone, "zone", "", "its zone")
	f.StringVar(&in.Role, "role", "", "its role")
	f.StringVar(&in.Status, "status", "", "its status: starting, up (default), draining or out_of_service")
	f.IntVar(&in.Weight, "weight", 0, "its share among others with --strategy weighted; 100 if absent")
	f.StringSliceVar(&in.Tags, "tag", nil, "a tag; may be repeated")
	f.StringArrayVar(&meta, "meta", nil, "metadata, KEY=VALUE; may be repeated")
	f.BoolVar(&keep, "keep", false, "stay, renew, and deregister when interrupted")
	complete(cmd, "status", statuses...)
	s := bind(cmd, env)
	s.tokenFlag(cmd)
	cmd.ValidArgsFunction = s.names(1, false)

	cmd.RunE = func(cmd *cobra.Command, list []string) error {
		in.ServiceName = list[0]
		var err error
		if in.Metadata, err = pairs(meta); err != nil {
			return err
		}
		if cmd.Flags().Changed("ttl") {
			if ttl%time.Millisecond != 0 {
				return usagef("--ttl %s: want whole milliseconds", ttl)
			}
			ms := ttl.Milliseconds()
			in.TTL = &ms
		}
		c, err := s.connect()
		if err != nil {
			return err
		}
		defer c.Close()
		token := s.token
		if in.InstanceID != "" {
			token = s.holdersToken() // without an ID there is nothing to hold yet
		}
		mine, err := c.Register(cmd.Context(), in, token)
		if err != nil {
			return err
		}
		if err := s.print(mine, func(w io.Writer) { s.registered(w, mine) }); err != nil {
			return err
		}
		if keep {
			return newKeeper(c, in, mine, env.say).run(cmd.Context())
		}
		return nil
	}
	return cmd
}

func (s *session) registered(w io.Writer, mine wire.Registered) {
	in := &mine.Instance
	grid(w, nil, [][]string{
		{"Service", clean(in.ServiceName)},
		{"Instance", clean(in.InstanceID)},
		{"Address", place(in)},
		{"Status", s.env.state(in)},
		{"Lives for", millis(mine.TTL)},
		{"Token", clean(mine.Token)},
		{"Token expires", s.tokenExpiry(mine.TokenExpiresAt)},
	})
}

func (s *session) tokenExpiry(ms int64) string {
	if ms == 0 {
		return "never"
	}
	left := time.UnixMilli(ms).Sub(s.env.Now())
	return fmt.Sprintf("%s (in %s)", s.env.moment(ms), span(left))
}
