package client

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"sync"
)

// tlsFromFiles gives the TLS configuration that the files describe; the defaults if
// none is named.
func tlsFromFiles(ca, cert, key string) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return nil, fmt.Errorf("read CA bundle: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("read CA bundle: %s holds no certificate in PEM", ca)
		}
	}
	if cert == "" && key == "" {
		return config, nil
	}
	if cert == "" || key == "" {
		return nil, errors.New("a client certificate needs both the certificate's file and the key's")
	}
	pair := &keyPair{cert: cert, key: key}
	if err := pair.load(); err != nil {
		return nil, fmt.Errorf("read client certificate %s with key %s: %w", cert, key, err)
	}
	config.GetClientCertificate = pair.get
	return config, nil
}

// keyPair is a certificate on disk that may be renewed while the client runs.
type keyPair struct {
	cert, key string
	mu        sync.Mutex
	last      tls.Certificate
}

func (p *keyPair) load() error {
	fresh, err := tls.LoadX509KeyPair(p.cert, p.key)
	if err != nil {
		return err
	}
	p.last = fresh
	return nil
}

// get is called at each handshake. While the files are being replaced they may not fit
// together; then the pair that was good before serves on.
func (p *keyPair) get(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.load() // see above
	current := p.last
	return &current, nil
}
