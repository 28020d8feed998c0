package cli

import (
	"strings"
	"time"

	"github.com/roster-sd/roster/client"
	"github.com/roster-sd/roster/internal/devfile"
	"github.com/spf13/cobra"
)

// userAgent is what the commands call themselves.
const userAgent = "roster-cli"

// session is what every command that talks to a registry shares: its flags, and what
// they lead to.
type session struct {
	env           Env
	cmd           *cobra.Command
	output        format
	addresses     []string
	ca, cert, key string
	token         string
	timeout       time.Duration
}

// bind gives the command the flags that all of them have.
func bind(cmd *cobra.Command, env Env) *session {
	s := bindSilent(cmd, env)
	s.outputFlag(cmd)
	return s
}

// bindSilent is bind for a command that prints no data.
func bindSilent(cmd *cobra.Command, env Env) *session {
	s := &session{env: env, cmd: cmd, output: formatTable}
	f := cmd.Flags()
	f.SortFlags = false
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
// file name. Where none of them does, it starts a local registry, and says so. The caller
// closes it.
func (s *session) connect() (*client.Client, error) { return s.connectTo(s.ensureLocal) }

// connectRunning is connect without starting a registry.
func (s *session) connectRunning() (*client.Client, error) {
	return s.connectTo(func() (devfile.Info, error) { return findLocal(s.env.TempDir) })
}

func (s *session) connectTo(local func() (devfile.Info, error)) (*client.Client, error) {
	opts, err := s.remote()
	if err != nil {
		return nil, err
	}
	if len(opts.Addresses) == 0 {
		info, err := local()
		if err != nil {
			return nil, err
		}
		opts.Addresses = []string{"http://" + info.Address()}
	}
	opts.InOrder = true // as the one who typed them would expect
	c, err := client.New(opts)
	if err != nil {
		return nil, Usage(err)
	}
	return c, nil
}

// remote gives the options for a client of the registry that flags or environment name. They
// have no address where neither does, and the local registry is meant; that speaks plain HTTP
// on loopback, and certificates in the environment are for another one.
func (s *session) remote() (client.Options, error) {
	opts := client.Options{
		Addresses: s.addresses, Timeout: s.timeout, UserAgent: userAgent,
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
			return opts, usagef("--ca, --cert and --key are for a registry that --address or ROSTER_ADDRESS names")
		}
		opts.CAFile, opts.CertFile, opts.KeyFile = "", "", ""
	}
	return opts, nil
}
