package pkicli

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/roster-sd/roster/auth"
	"github.com/roster-sd/roster/cmd/roster/internal/cli"
	"github.com/roster-sd/roster/internal/pki"
)

func newInit() *cobra.Command {
	var opts pki.Options
	var sans []string
	var noServer, ifNeeded bool
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Make a certificate authority, and a certificate for a server on this host",
		Long: `Make a certificate authority in a folder, and a certificate for a server that is
reached as localhost, 127.0.0.1, ::1 or by this host's name. The folder is for its
owner alone, and what is there already is never overwritten.`,
		Example: "  roster pki init\n  roster pki init --san roster.example.org --trust-domain example.org",
		Args:    arguments(cobra.NoArgs),
		RunE: action(func(s *session, _ []string) error {
			if noServer {
				if len(sans) > 0 {
					return cli.Usage(fmt.Errorf("--san is for the server's certificate, and --no-server wants none"))
				}
				return s.unless(ifNeeded, s.init(opts, nil))
			}
			return s.unless(ifNeeded, s.init(opts, serverNames(sans)))
		}),
	}
	cmd.Flags().StringVar(&opts.TrustDomain, "trust-domain", pki.DefaultTrustDomain, "`domain` of the SPIFFE IDs of clients; remembered")
	cmd.Flags().StringArrayVar(&sans, "san", nil, "further DNS `name` or IP address of the server; may be repeated")
	addIfNeeded(cmd, &ifNeeded)
	cmd.Flags().BoolVar(&noServer, "no-server", false, "make no certificate for a server")
	addLifetime(cmd, &opts.TTL, pki.DefaultAuthorityTTL, "the authority")
	addOutput(cmd)
	return cmd
}

// serverNames are the names that a server on this host has anyway, and those asked for.
func serverNames(more []string) []string {
	names := []string{"localhost", "127.0.0.1", "::1"}
	if host, err := os.Hostname(); err == nil && auth.CheckDNSName(host) == nil {
		names = append(names, strings.ToLower(host))
	}
	for _, name := range more {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// init makes the authority, and a server's certificate if there are names for it.
func (s *session) init(opts pki.Options, names []string) error {
	if err := checkLifetime(opts.TTL); err != nil {
		return err
	}
	var first *pki.Request
	if names != nil {
		first = &pki.Request{Server: true, SANs: names, TTL: min(opts.TTL, pki.DefaultTTL)}
	}
	a, issued, err := pki.InitWith(s.dir, opts, first)
	if err != nil {
		return err
	}
	files := []file{
		{a.CertFile, "trusting this authority: goes to every server and client"},
		{a.KeyFile, "issuing: keep it secret, whoever has it can be anyone"},
	}
	s.say("Made a certificate authority for the trust domain %s, which holds until %s.", a.TrustDomain, day(a.Cert.NotAfter))
	next := []string{serverCommand(s)}
	if issued != nil {
		files = append(files, serverFiles(issued)...)
		s.say("Issued a certificate for a server reached as %s, which holds until %s.", strings.Join(issued.SANs, ", "), day(issued.NotAfter))
		next = []string{s.command("issue", "my-service") + "    # a certificate for a client", s.serve("server")}
	}
	s.warnExposed()
	s.say("")
	if err := s.printFiles(files); err != nil {
		return err
	}
	s.next(next...)
	return nil
}

// checkLifetime refuses what pki takes for "the default".
func checkLifetime(ttl time.Duration) error {
	if ttl < time.Second {
		return cli.Usage(fmt.Errorf("--ttl %v: want at least 1s", ttl))
	}
	return nil
}
