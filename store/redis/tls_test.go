package redis

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/roster-sd/roster/internal/freeport"
	"github.com/roster-sd/roster/internal/redistest"
	"github.com/roster-sd/roster/store"
)

// authority signs certificates and writes them to files.
type authority struct {
	*testing.T
	folder string
	cert   *x509.Certificate
	key    *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	a := &authority{T: t, folder: t.TempDir()}
	a.cert, a.key = a.issue("ca", nil)
	return a
}

func (a *authority) issue(name string, parent *authority) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: parent == nil, BasicConstraintsValid: true,
	}
	signer, signed := key, template
	if parent != nil {
		signer, signed = parent.key, parent.cert
	}
	der, err := x509.CreateCertificate(rand.Reader, template, signed, &key.PublicKey, signer)
	if err != nil {
		a.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.Fatal(err)
	}
	a.write(name+".crt", "CERTIFICATE", der)
	a.write(name+".key", "PRIVATE KEY", private)
	return cert, key
}

func (a *authority) write(name, kind string, der []byte) {
	a.Helper()
	if err := os.WriteFile(a.file(name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		a.Fatal(err)
	}
}

func (a *authority) file(name string) string { return filepath.Join(a.folder, name) }

func TestTLS(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	a.issue("server", a)
	a.issue("client", a)
	port, err := freeport.Take()
	if err != nil {
		t.Fatal(err)
	}
	redistest.Start(t, redistest.Options{Args: []string{
		"--tls-port", fmt.Sprint(port), "--tls-cert-file", a.file("server.crt"), "--tls-key-file", a.file("server.key"),
		"--tls-ca-cert-file", a.file("ca.crt"), "--tls-auth-clients", "yes",
	}})
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	mine, err := tls.LoadX509KeyPair(a.file("client.crt"), a.file("client.key"))
	if err != nil {
		t.Fatal(err)
	}
	address := []string{fmt.Sprintf("127.0.0.1:%d", port)}
	f := open(t, Options{Addresses: address, TLS: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{mine}, MinVersion: tls.VersionTLS12}})
	rec := f.register("1", time.Hour)
	w := f.follow(rec.Revision)
	next := f.register("1", time.Hour)
	if b := f.next(w); b.Revision != next.Revision {
		t.Errorf("the watcher gives %v", b.Revision)
	}
	for what, config := range map[string]*tls.Config{
		"no certificate":   {RootCAs: roots, MinVersion: tls.VersionTLS12},
		"unknown server":   {Certificates: []tls.Certificate{mine}, MinVersion: tls.VersionTLS12},
		"another name":     {RootCAs: roots, Certificates: []tls.Certificate{mine}, ServerName: "redis.example.org", MinVersion: tls.VersionTLS12},
		"no TLS on a port": nil,
	} {
		err := open(t, Options{Addresses: address, TLS: config, CallTimeout: time.Second}).Ping(t.Context())
		f.wants(err, store.ErrUnavailable)
		if strings.Contains(err.Error(), "PRIVATE") {
			t.Errorf("%s: %v", what, err)
		}
	}
}
