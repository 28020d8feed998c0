package pkicli

import (
	"errors"
	"fmt"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/roster-sd/roster/internal/pki"
)

func newRevoke() *cobra.Command {
	var opts pki.CRLOptions
	cmd := &cobra.Command{
		Use:   "revoke SERIAL|NAME",
		Short: "Revoke a certificate by serial number, or all of a name, and write the revocation list",
		Long: `Revoke the certificate of that serial number, or every one of that name that is still
valid, and write the revocation list ca.crl. A server that reads it, with
tls.crl_file, refuses the client from then on, and ends nothing else. The list holds
for a while only; past that the server refuses every client, so write it anew in time
with "roster pki crl".`,
		Example:           "  roster pki revoke orders\n  roster pki revoke 5f0c6d1e9a7b4c3d8e2f1a0b9c8d7e6f",
		Args:              arguments(cobra.ExactArgs(1)),
		ValidArgsFunction: completeRevocable,
		RunE: action(func(s *session, args []string) error {
			return s.revoke(args[0], opts)
		}),
	}
	addLifetime(cmd, &opts.TTL, pki.DefaultCRLTTL, "the revocation list")
	addOutput(cmd)
	return cmd
}

// revocation is the data of "revoke" in JSON and YAML.
type revocation struct {
	Revoked []pki.Entry `json:"revoked"`
	List    *pki.CRL    `json:"list"`
}

func (s *session) revoke(serialOrName string, opts pki.CRLOptions) error {
	if err := checkLifetime(opts.TTL); err != nil {
		return err
	}
	revoked, list, err := pki.Revoke(s.dir, serialOrName, opts)
	if errors.Is(err, pki.ErrRevoked) {
		return fmt.Errorf("%w; to write the revocation list anew: %s", err, s.command("crl"))
	}
	if err != nil {
		return err
	}
	s.say("Revoked:\n")
	if err := s.print(revocation{revoked, list}, entryHeader, entryRows(revoked, time.Now())); err != nil {
		return err
	}
	for _, e := range revoked {
		if e.Kind == pki.KindServer {
			s.say("\nwarning: clients do not read the list: give the server %q another certificate", e.Name)
			break
		}
	}
	s.say("")
	s.sayList(list)
	return nil
}

// sayList says what the list is good for, and until when.
func (s *session) sayList(list *pki.CRL) {
	certificates := "certificates"
	if list.Revoked == 1 {
		certificates = "certificate"
	}
	s.say("%s names %d revoked %s and holds until %s.", list.Path, list.Revoked, certificates, list.NextUpdate.Format(time.RFC3339))
	s.next(
		s.serve("server")+"    # if the server does not read it yet; else it has seen it",
		s.command("crl")+"    # in time before that date, or every client is refused",
	)
}

func newCRL() *cobra.Command {
	var opts pki.CRLOptions
	cmd := &cobra.Command{
		Use:   "crl",
		Short: "Write the revocation list anew, before the old one runs out",
		Long: `Write the revocation list ca.crl anew, with all that was revoked so far. A list holds
for a while only, and a server that reads it refuses every client past that: run this
from cron, well within the time that --ttl gives.`,
		Example: "  roster pki crl\n  roster pki crl --ttl 720h",
		Args:    arguments(cobra.NoArgs),
		RunE: action(func(s *session, _ []string) error {
			if err := checkLifetime(opts.TTL); err != nil {
				return err
			}
			list, err := pki.WriteCRL(s.dir, opts)
			if err != nil {
				return err
			}
			if err := s.print(list, table.Row{"written", "number", "revoked", "holds until"},
				[]table.Row{{list.Path, list.Number, list.Revoked, list.NextUpdate.Format(time.RFC3339)}}); err != nil {
				return err
			}
			s.say("")
			s.sayList(list)
			return nil
		}),
	}
	addLifetime(cmd, &opts.TTL, pki.DefaultCRLTTL, "the revocation list")
	addOutput(cmd)
	return cmd
}
