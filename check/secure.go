package check

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/netip"
	"strings"
)

// tls gives the configuration for one handshake with a target.
func (p *Prober) tls(t *Target, protocol string) *tls.Config {
	name := strings.TrimSuffix(t.Address, ".")
	config := &tls.Config{
		MinVersion:             tls.VersionTLS12,
		NextProtos:             []string{protocol},
		SessionTicketsDisabled: true,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			if p.options.Certificate != nil {
				if c := p.options.Certificate(); c != nil {
					return c, nil
				}
			}
			return &tls.Certificate{}, nil
		},
		// The package tls knows hosts only; verify knows identities too, and verifies the rest
		// as the package would.
		InsecureSkipVerify: true, //nolint:gosec // see VerifyConnection
		VerifyConnection:   func(state tls.ConnectionState) error { return p.verify(&state, t, name) },
	}
	if _, err := netip.ParseAddr(name); err != nil {
		config.ServerName = name
	}
	return config
}

// verify wants a certificate of the configured authorities, for a server, that names the
// target's address or the identity which registered it.
func (p *Prober) verify(state *tls.ConnectionState, t *Target, name string) error {
	chain := state.PeerCertificates
	if len(chain) == 0 {
		return why("it showed no certificate")
	}
	options := x509.VerifyOptions{Roots: p.options.RootCAs, Intermediates: x509.NewCertPool()}
	for _, c := range chain[1:] {
		options.Intermediates.AddCert(c)
	}
	if _, err := chain[0].Verify(options); err != nil {
		if invalid := (x509.CertificateInvalidError{}); errors.As(err, &invalid) && invalid.Reason == x509.Expired {
			return why("its certificate has expired")
		}
		return why("its certificate is not trusted")
	}
	if !names(chain[0], name) && (t.Owner == "" || !names(chain[0], t.Owner)) {
		return why("its certificate is for another name")
	}
	return nil
}

// names tells whether a certificate names a host, an address, or an identity that is a URI.
func names(c *x509.Certificate, name string) bool {
	if strings.Contains(name, "://") {
		return len(c.URIs) == 1 && c.URIs[0].String() == name
	}
	return c.VerifyHostname(name) == nil
}

// refined tells what went wrong in TLS; other errors stay as they are.
func refined(err error) error {
	var w why
	var remote *net.OpError
	var record tls.RecordHeaderError
	var network net.Error
	switch {
	case errors.As(err, &w):
		return w
	case errors.As(err, &remote) && remote.Op == "remote error":
		return why("TLS was refused")
	case errors.As(err, &record):
		return why("does not speak TLS")
	case errors.As(err, &network):
		return err
	case strings.HasPrefix(err.Error(), "tls: "):
		return why("TLS failed")
	}
	return err
}
