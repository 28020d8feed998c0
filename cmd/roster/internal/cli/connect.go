package cli

import (
	"errors"
	"strings"
	"time"

	"github.com/roster-sd/roster/client"
	"github.com/roster-sd/roster/internal/devfile"
	"github.com/spf13/cobra"
)

// session is what every command that talks to a registry shares: its flags, and what
// they lead to.
type session struct {
	env           Env
	output        format
	addresses     []string
	ca, cert, key string
	token         string
	timeout       time.Duration
}

// bind gives the command the flags that all of them have.
func bind(cmd *cobra.Command, env Env) *session {
	s := &session{env: env, output: formatTable}
	f := cmd.Flags()
	f.SortFlags = false
	s.outputFlag(cmd)
	f.StringSliceVar(&s.addresses, "address", nil, "where the registry is: host:port, https://… or http://…; several separated by commas (ROSTER_ADDRESS; otherwise the local one)")
	f.StringVar(&s.ca, "ca", "", "file with the root certificate of the registry (ROSTER_CA)")
	f.StringVar(&s.cert, "cert", "", "file with your certificate (ROSTER_CERT)")
	f.StringVar(&s.key, "key", "", "file with its key (ROSTER_KEY)")
	f.DurationVar(&s.timeout, "timeout", client.DefaultTimeout, "how long to wait for an answer")
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return Usage(err) })
	return s
}

func (s *session) outputFlag(cmd *cobra.Command) {
	cmd.Flags().VarP(&s.output, "output", "o", "how to print data: table, json or yaml")
	complete(cmd, "output", "table", "json", "yaml")
}

// tokenFlag is for the commands that act as the holder of an instance.
func (s *session) tokenFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.token, "token", "", "the token that registering gave (ROSTER_TOKEN)")
}

func (s *session) holdersToken() string { return s.or(s.token, "ROSTER_TOKEN") }

func (s *session) or(flag, variable string) string {
	if flag != "" {
		return flag
	}
	return s.env.Getenv(variable)
}

// connect gives a client of the registry that flags, environment or the local discovery
// file name. The caller closes it.
func (s *session) connect() (*client.Client, error) {
	opts := client.Options{
		Addresses: s.addresses, Timeout: s.timeout, UserAgent: "roster-cli",
		CAFile: s.or(s.ca, "ROSTER_CA"), CertFile: s.or(s.cert, "ROSTER_CERT"), KeyFile: s.or(s.key, "ROSTER_KEY"),
	}
	if len(opts.Addresses) == 0 {
		for address := range strings.SplitSeq(s.env.Getenv("ROSTER_ADDRESS"), ",") {
			if address = strings.TrimSpace(address); address != "" {
				opts.Addresses = append(opts.Addresses, address)
			}
		}
	}
	if len(opts.Addresses) == 0 {
		if s.ca != "" || s.cert != "" || s.key != "" {
			return nil, usagef("--ca, --cert and --key are for a registry that --address or ROSTER_ADDRESS names")
		}
		local, err := findLocal(s.env.TempDir)
		if err != nil {
			return nil, err
		}
		// The local registry speaks plain HTTP on loopback; certificates in the
		// environment are for another one.
		opts.Addresses = []string{"http://" + local.Address()}
		opts.CAFile, opts.CertFile, opts.KeyFile = "", "", ""
	}
	c, err := client.New(opts)
	if err != nil {
		return nil, Usage(err)
	}
	return c, nil
}

// findLocal finds this user's local registry.
func findLocal(dir string) (devfile.Info, error) {
	info, _, err := devfile.Read(dir)
	if errors.Is(err, devfile.ErrNotFound) || errors.Is(err, devfile.ErrStale) {
		return info, errNoRegistry
	}
	return info, err
}
