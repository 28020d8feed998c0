package pkicli

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/roster-sd/roster/cmd/roster/internal/cli"
	"github.com/roster-sd/roster/internal/pki"
)

func newIssue() *cobra.Command {
	var req pki.Request
	var ttl time.Duration
	var ifNeeded bool
	cmd := &cobra.Command{
		Use:   "issue NAME | --server --san NAME [NAME]",
		Short: "Issue a certificate for a client, or for a server",
		Long: `Issue a certificate for a client, with the SPIFFE ID spiffe://<trust domain>/NAME and
the DNS name NAME, or for a server, with the DNS names and IP addresses that its
clients connect to. Its files are NAME.crt and NAME-key.pem in the folder, or
server.crt and server-key.pem. What is there already is never overwritten: to renew
a certificate, issue it under another file name and put it in the place of the old.`,
		Example: `  roster pki issue orders
  roster pki issue orders --file orders-2027 --ttl 720h
  roster pki issue --server --san localhost --san 127.0.0.1`,
		Args: arguments(cobra.MaximumNArgs(1)),
		RunE: action(func(s *session, args []string) error {
			if len(args) > 0 {
				req.Name = args[0]
			}
			switch {
			case req.Name == "" && !req.Server:
				return cli.Usage(errors.New("issue: give the name of a client, or --server"))
			case req.Server && len(req.SANs) == 0:
				return cli.Usage(errors.New("issue: give each DNS name and IP address of the server with --san"))
			case !req.Server && len(req.SANs) > 0:
				return cli.Usage(errors.New("issue: --san is for --server: a client has its name and no other"))
			}
			return s.unless(ifNeeded, s.issue(req, ttl))
		}),
	}
	cmd.Flags().BoolVar(&req.Server, "server", false, "for a server, not a client")
	cmd.Flags().StringArrayVar(&req.SANs, "san", nil, "DNS `name` or IP address of the server; may be repeated")
	cmd.Flags().StringVar(&req.SPIFFE, "spiffe", "", "SPIFFE `ID`, if it is not spiffe://<trust domain>/NAME")
	cmd.Flags().StringVar(&req.File, "file", "", "`name` of the files, if it is not NAME")
	addIfNeeded(cmd, &ifNeeded)
	addLifetime(cmd, &ttl, pki.DefaultTTL, "the certificate")
	addOutput(cmd)
	return cmd
}

func (s *session) issue(req pki.Request, ttl time.Duration) error {
	if err := checkLifetime(ttl); err != nil {
		return err
	}
	if ttl != pki.DefaultTTL { // which is cut to what is left of the authority's life
		req.TTL = ttl
	}
	issued, err := pki.Issue(s.dir, req)
	if errors.Is(err, pki.ErrExists) {
		return fmt.Errorf("%w; give the new files another name with --file", err)
	}
	if err != nil {
		return err
	}
	base := strings.TrimSuffix(issued.CertFile, ".crt")
	if issued.Kind == pki.KindServer {
		s.say("Issued a certificate for a server reached as %s, which holds until %s.\n", strings.Join(issued.SANs, ", "), day(issued.NotAfter))
		if err := s.printFiles(serverFiles(issued)); err != nil {
			return err
		}
		s.next(s.serve(base))
	} else {
		s.say("Issued a certificate for a client known as %s, which holds until %s.\n", issued.Identity, day(issued.NotAfter))
		if err := s.printFiles([]file{
			{issued.CertPath, "the client " + issued.Name},
			{issued.KeyPath, "the client " + issued.Name + " alone: keep it secret"},
		}); err != nil {
			return err
		}
		first := s.serve("server") + "    # if it does not run yet"
		if !exists(s.path("server.crt")) {
			first = serverCommand(s)
		}
		s.next(first, shell("curl", "--cacert", s.path("ca.crt"), "--cert", issued.CertPath, "--key", issued.KeyPath, "https://"+s.host()+":8443/registry/services"))
	}
	s.warnExposed()
	return nil
}

// serverCommand gives the command that issues a certificate for a server on this host.
func serverCommand(s *session) string {
	return s.command("issue", "--server", "--san", "localhost", "--san", "127.0.0.1")
}

func serverFiles(issued *pki.Issued) []file {
	return []file{
		{issued.CertPath, "the server: tls.cert_file"},
		{issued.KeyPath, "the server alone: tls.key_file; keep it secret"},
	}
}

// host gives a name under which the newest server can be reached, going by what was issued.
func (s *session) host() string {
	host := "localhost"
	entries, err := pki.List(s.dir)
	if err != nil {
		return host
	}
	for i := range entries {
		e := &entries[i]
		if e.Kind != pki.KindServer || e.State(time.Now()) != pki.StateValid {
			continue
		}
		for _, san := range e.SANs {
			if strings.HasPrefix(san, "*") {
				continue
			}
			host = san
			if ip := net.ParseIP(san); ip != nil && ip.To4() == nil {
				host = "[" + san + "]"
			}
			break
		}
	}
	return host
}
