package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/roster-sd/roster/cmd/roster/internal/config"
	"github.com/roster-sd/roster/internal/pki"
)

// folder is an authority's folder with a server's certificate and a revocation list.
type folder struct {
	t   *testing.T
	dir string
}

func newFolder(t *testing.T) *folder {
	t.Helper()
	f := &folder{t: t, dir: filepath.Join(t.TempDir(), "certs")}
	yesterday := time.Now().Add(-24 * time.Hour) // so that it can have issued what has expired
	f.must(pki.Init(f.dir, pki.Options{TrustDomain: "example.org", Now: yesterday}))
	f.must(pki.Issue(f.dir, pki.Request{Server: true, SANs: []string{"127.0.0.1"}}))
	f.must(pki.WriteCRL(f.dir, pki.CRLOptions{}))
	return f
}

func (f *folder) must(_ any, err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *folder) path(name string) string { return filepath.Join(f.dir, name) }

func (f *folder) configuration() config.TLS {
	return config.TLS{CertFile: f.path("server.crt"), KeyFile: f.path("server-key.pem"),
		ClientCAFile: f.path("ca.crt"), CRLFile: f.path("ca.crl"), MinVersion: "1.3"}
}

// issue gives a client's certificate as roster pki issues them.
func (f *folder) issue(req pki.Request) *tls.Certificate {
	f.t.Helper()
	issued, err := pki.Issue(f.dir, req)
	f.must(nil, err)
	pair, err := tls.LoadX509KeyPair(issued.CertPath, issued.KeyPath)
	f.must(nil, err)
	return &pair
}

func (f *folder) client(name string) *tls.Certificate { return f.issue(pki.Request{Name: name}) }

func (f *folder) revoke(name string) {
	f.t.Helper()
	_, _, err := pki.Revoke(f.dir, name, pki.CRLOptions{})
	f.must(nil, err)
}

// sign makes a client's certificate of a form that pki does not issue.
func (f *folder) sign(change func(*x509.Certificate)) *tls.Certificate {
	f.t.Helper()
	authority, err := tls.LoadX509KeyPair(f.path("ca.crt"), f.path("ca-key.pem"))
	f.must(nil, err)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	f.must(nil, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		NotBefore:    time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	change(template)
	der, err := x509.CreateCertificate(rand.Reader, template, authority.Leaf, key.Public(), authority.PrivateKey)
	f.must(nil, err)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func commonName(name string) func(*x509.Certificate) {
	return func(c *x509.Certificate) { c.Subject = pkix.Name{CommonName: name} }
}

func uris(ids ...string) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		for _, id := range ids {
			u, err := url.Parse(id)
			if err != nil {
				panic(err)
			}
			c.URIs = append(c.URIs, u)
		}
	}
}

// trust gives what a client with that certificate, or without one, speaks TLS with.
func (f *folder) trust(cert *tls.Certificate) *tls.Config {
	f.t.Helper()
	roots := x509.NewCertPool()
	if data, err := os.ReadFile(f.path("ca.crt")); err != nil || !roots.AppendCertsFromPEM(data) {
		f.t.Fatalf("no authority to trust: %v", err)
	}
	c := &tls.Config{RootCAs: roots, ServerName: "127.0.0.1"}
	if cert != nil {
		// Sent whatever authorities the server says it knows: a client that means ill does.
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return cert, nil }
	}
	return c
}

func (f *folder) read(name string) []byte {
	f.t.Helper()
	data, err := os.ReadFile(f.path(name))
	f.must(nil, err)
	return data
}

// replace puts a file into the place of another in one step, as a careful operator does.
func (f *folder) replace(name string, data []byte) {
	f.t.Helper()
	fresh := f.path(name + ".new")
	f.must(nil, os.WriteFile(fresh, data, 0o600))
	f.must(nil, os.Rename(fresh, f.path(name)))
}
