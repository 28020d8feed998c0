package bench

import (
	"crypto/tls"
	"fmt"
	"path/filepath"

	"github.com/roster-sd/roster/internal/bench/rawclient"
	"github.com/roster-sd/roster/internal/pki"
)

// Certificates are the files of mutual TLS, which both servers and the load share.
type Certificates struct {
	CA, ServerCert, ServerKey, ClientCert, ClientKey string
}

// issueCertificates makes an authority under dir, and a server's and a client's
// certificate, as `roster pki init` and `roster pki issue` do.
func issueCertificates(dir string) (*Certificates, error) {
	dir = filepath.Join(dir, "certs")
	authority, err := pki.Init(dir, pki.Options{})
	if err != nil {
		return nil, fmt.Errorf("issue certificates: %w", err)
	}
	server, err := pki.Issue(dir, pki.Request{Server: true, SANs: []string{"localhost", "127.0.0.1"}})
	if err != nil {
		return nil, fmt.Errorf("issue certificates: %w", err)
	}
	client, err := pki.Issue(dir, pki.Request{Name: "rosterbench"})
	if err != nil {
		return nil, fmt.Errorf("issue certificates: %w", err)
	}
	return &Certificates{
		CA:         authority.CertFile,
		ServerCert: server.CertPath, ServerKey: server.KeyPath,
		ClientCert: client.CertPath, ClientKey: client.KeyPath,
	}, nil
}

// Client gives the load's side: its certificate, TLS 1.3, and the authority as the only root.
func (c *Certificates) Client() (*tls.Config, error) {
	config, err := rawclient.TLSFiles(c.CA, c.ClientCert, c.ClientKey)
	if err != nil {
		return nil, err
	}
	config.MinVersion, config.ServerName = tls.VersionTLS13, "localhost"
	return config, nil
}
