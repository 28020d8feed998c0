package api_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// authority makes the certificates of the tests, once a process.
type authority struct {
	mu     sync.Mutex
	cert   *x509.Certificate
	key    *ecdsa.PrivateKey
	issued map[string]tls.Certificate
}

var testCA authority

// certificate gives the certificate of an identity, or the server's for the empty one.
func (a *authority) certificate(t *testing.T, identity string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.cert == nil {
		a.key = newKey(t)
		a.cert = sign(t, &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
			Subject: pkix.Name{CommonName: "test CA"}}, nil, a.key, a.key)
		a.issued = make(map[string]tls.Certificate)
	}
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	if c, ok := a.issued[identity]; ok {
		return c, pool
	}
	template := &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	switch {
	case identity == "":
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	case strings.HasPrefix(identity, "spiffe://"):
		u, err := url.Parse(identity)
		if err != nil {
			t.Fatal(err)
		}
		template.URIs = []*url.URL{u}
	default:
		template.DNSNames = []string{identity}
	}
	key := newKey(t)
	leaf := sign(t, template, a.cert, key, a.key)
	a.issued[identity] = tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}
	return a.issued[identity], pool
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// sign makes a certificate; one without a parent signs itself.
func sign(t *testing.T, template, parent *x509.Certificate, key, by *ecdsa.PrivateKey) *x509.Certificate {
	t.Helper()
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	if parent == nil {
		parent = template
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, by)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func serverTLS(t *testing.T) *tls.Config {
	t.Helper()
	cert, pool := testCA.certificate(t, "")
	return &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{cert}, ClientCAs: pool,
		ClientAuth: tls.RequireAndVerifyClientCert, SessionTicketsDisabled: true}
}

func clientTLS(t *testing.T, identity string) *tls.Config {
	t.Helper()
	cert, pool := testCA.certificate(t, identity)
	return &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{cert}, RootCAs: pool}
}
