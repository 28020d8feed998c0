package cli

import (
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/roster-sd/roster/client"
	"github.com/roster-sd/roster/wire"
	"github.com/spf13/cobra"
)

func getCommand(env Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "get NAME ID",
		Short:   "Show all that is known of an instance",
		Example: `  roster get orders orders-7f3k2m9q`,
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
		var fresh client.Freshness
		ref := wire.InstanceRef{ServiceName: list[0], InstanceID: list[1]}
		in, err := c.Instance(cmd.Context(), ref, client.ReadOptions{Freshness: &fresh})
		if err != nil {
			return err
		}
		s.warn(fresh)
		return s.print(in, func(w io.Writer) { s.details(w, &in) })
	}
	return cmd
}

// details prints what is set, one thing a line.
func (s *session) details(w io.Writer, in *wire.Instance) {
	var rows [][]string
	add := func(name, value string) {
		if value != "" {
			rows = append(rows, []string{name, value})
		}
	}
	number := func(name string, n int) {
		if n != 0 {
			add(name, strconv.Itoa(n))
		}
	}
	when := func(name string, ms int64) {
		if ms > 0 {
			add(name, s.env.moment(ms)+" ("+s.env.ago(ms)+")")
		}
	}
	add("Service", clean(in.ServiceName))
	add("Instance", clean(in.InstanceID))
	add("Address", place(in))
	add("Protocol", clean(in.Protocol))
	add("Status", s.env.state(in))
	if o := in.Override; o != nil {
		add("Override", "until "+s.env.moment(o.Until)+": "+clean(o.Reason))
		add("Own status", clean(in.Status))
	}
	if in.Check != nil {
		add("Check", checkText(in.Check))
		add("Found", verdictText(in, s.env.Now().UnixMilli()))
	}
	add("Version", clean(in.Version))
	add("Environment", clean(in.Env))
	add("Zone", clean(in.Zone))
	add("Role", clean(in.Role))
	number("Weight", in.Weight)
	add("Tags", clean(strings.Join(in.Tags, ", ")))
	for i, key := range slices.Sorted(maps.Keys(in.Metadata)) {
		name := "Metadata"
		if i > 0 {
			name = ""
		}
		add(name, clean(key)+"="+clean(in.Metadata[key]))
	}
	number("Process", in.PID)
	add("TTL", millis(in.TTL))
	when("Registered", in.RegisteredAt)
	when("Heartbeat", in.LastHeartbeat)
	add("Revision", clean(in.Revision))
	grid(w, nil, rows)
}
