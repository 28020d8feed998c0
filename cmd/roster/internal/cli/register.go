package cli

import (
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/roster-sd/roster/wire"
	"github.com/spf13/cobra"
)

func registerCommand(env Env) *cobra.Command {
	var pid int
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
	flags := bindRegistration(cmd, "port of the instance", "IP address or DNS name of the instance; the one that you call from if absent")
	cmd.Flags().IntVar(&pid, "pid", 0, "the process that serves there; roster dev removes the instance when it ends")
	cmd.Flags().BoolVar(&keep, "keep", false, "stay, renew, and deregister when interrupted")
	s := bind(cmd, env)
	s.tokenFlag(cmd)
	cmd.ValidArgsFunction = s.names(1, false)

	cmd.RunE = func(cmd *cobra.Command, list []string) error {
		in, err := flags.get(list[0])
		if err != nil {
			return err
		}
		if in.PID = pid; pid < 1 && cmd.Flags().Changed("pid") {
			return usagef("--pid %d: must be that of a process", pid)
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
		mine, err := c.RegisterOnce(cmd.Context(), in, token)
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
	rows := [][]string{
		{"Service", clean(in.ServiceName)},
		{"Instance", clean(in.InstanceID)},
		{"Address", place(in)},
		{"Status", s.env.state(in)},
		{"Check", checkText(in.Check)},
		{"Found", verdictText(in, s.env.Now().UnixMilli())},
		{"Lives for", millis(mine.TTL)},
		{"Token", clean(mine.Token)},
		{"Token expires", s.tokenExpiry(mine.TokenExpiresAt)},
	}
	if in.Check == nil {
		rows = slices.DeleteFunc(rows, func(row []string) bool { return row[0] == "Check" || row[0] == "Found" })
	}
	grid(w, nil, rows)
}

func (s *session) tokenExpiry(ms int64) string {
	if ms == 0 {
		return "never"
	}
	left := time.UnixMilli(ms).Sub(s.env.Now())
	return fmt.Sprintf("%s (in %s)", s.env.moment(ms), span(left))
}
