package cli

import (
	"time"

	"github.com/roster-sd/roster/wire"
	"github.com/spf13/cobra"
)

// registration is what the commands that register share: the flags that describe an
// instance.
type registration struct {
	cmd  *cobra.Command
	in   wire.Registration
	meta []string
	ttl  time.Duration

	check               string // its type, and behind a colon its path
	interval, timeout   time.Duration
	failures, successes int
	evict               bool
}

// bindRegistration gives the command those flags; what port and host mean is up to it.
func bindRegistration(cmd *cobra.Command, port, host string) *registration {
	r := &registration{cmd: cmd}
	f := cmd.Flags()
	f.IntVar(&r.in.Port, "port", 0, port)
	f.StringVar(&r.in.InstanceID, "id", "", "instance ID; the registry makes one if absent")
	f.StringVar(&r.in.Address, "host", "", host)
	f.StringVar(&r.in.Protocol, "protocol", "", "what it speaks there, such as http or grpc")
	f.DurationVar(&r.ttl, "ttl", 0, "how long it lives without being renewed; the registry's default if absent")
	f.StringVar(&r.in.Version, "version", "", "its version")
	f.StringVar(&r.in.Env, "env", "", "its environment")
	f.StringVar(&r.in.Zone, "zone", "", "its zone")
	f.StringVar(&r.in.Role, "role", "", "its role")
	f.StringVar(&r.in.Status, "status", "", "its status: starting, up (default), draining or out_of_service")
	f.IntVar(&r.in.Weight, "weight", 0, "its share among others with --strategy weighted; 100 if absent")
	f.StringSliceVar(&r.in.Tags, "tag", nil, "a tag; may be repeated")
	f.StringArrayVar(&r.meta, "meta", nil, "metadata, KEY=VALUE; may be repeated")
	complete(cmd, "status", statuses...)
	r.bindCheck()
	return r
}

// get gives what the flags say of the instance of a service.
func (r *registration) get(service string) (wire.Registration, error) {
	in := r.in
	in.ServiceName = service
	var err error
	if in.Metadata, err = pairs(r.meta); err != nil {
		return in, err
	}
	if r.cmd.Flags().Changed("ttl") {
		if r.ttl%time.Millisecond != 0 {
			return in, usagef("--ttl %s: want whole milliseconds", r.ttl)
		}
		ms := r.ttl.Milliseconds()
		in.TTL = &ms
	}
	in.Check, err = r.asked()
	return in, err
}
