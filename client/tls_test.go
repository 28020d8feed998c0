package client

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/roster-sd/roster/wire"
)

// authority signs certificates for a test.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	a := &authority{t: t}
	a.cert, a.key = a.sign(&x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	return a
}

func (a *authority) sign(c *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	c.SerialNumber = big.NewInt(time.Now().UnixNano())
	c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	signed, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return signed, key
}

// write puts a client's certificate into dir, over the one there.
func (a *authority) write(dir, name string) (cert, key string) {
	a.t.Helper()
	c, k := a.sign(&x509.Certificate{
		Subject: pkix.Name{CommonName: name}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	der, err := x509.MarshalECPrivateKey(k)
	if err != nil {
		a.t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "client.crt"), filepath.Join(dir, "client-key.pem")
	a.file(cert, "CERTIFICATE", c.Raw)
	a.file(key, "EC PRIVATE KEY", der)
	return cert, key
}

func (a *authority) file(path, kind string, der []byte) {
	a.t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		a.t.Fatal(err)
	}
}

// serveTLS runs a server that wants a client certificate and answers with its name.
func serveTLS(t *testing.T, a *authority) string {
	return serveTLSBy(t, a, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close") // a handshake for each call
		_, _ = w.Write([]byte(`{"status":"ok","node":"` + r.TLS.PeerCertificates[0].Subject.CommonName + `"}`))
	}))
}

func serveTLSBy(t *testing.T, a *authority, h http.Handler) string {
	cert, key := a.sign(&x509.Certificate{
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	s := httptest.NewUnstartedServer(h)
	s.EnableHTTP2 = true
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	s.TLS = &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{cert.Raw}, PrivateKey: key}},
		ClientAuth:   tls.RequireAndVerifyClientCert, ClientCAs: pool, MinVersion: tls.VersionTLS13,
	}
	s.Config.ErrorLog = discard
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

func TestMutualTLS(t *testing.T) {
	a := newAuthority(t)
	address, dir := serveTLS(t, a), t.TempDir()
	ca := filepath.Join(dir, "ca.crt")
	a.file(ca, "CERTIFICATE", a.cert.Raw)
	cert, key := a.write(dir, "one")

	c, err := New(Options{Addresses: []string{address}, CAFile: ca, CertFile: cert, KeyFile: key})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	as := func(want string) {
		t.Helper()
		if h, err := c.Ready(limited(t), false); err != nil || h.Node != want {
			t.Errorf("the registry saw %q, %v; want %q", h.Node, err, want)
		}
	}
	as("one")
	if err := os.WriteFile(cert, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	as("one")
	a.write(dir, "two")
	as("two")

	for name, opts := range map[string]Options{
		"no certificate":    {CAFile: ca},
		"another authority": {CertFile: cert, KeyFile: key},
		"plain HTTP":        {Addresses: []string{"http://" + address}},
	} {
		if opts.Addresses == nil {
			opts.Addresses = []string{"https://" + address}
		}
		c, err := New(opts)
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.RegisterOnce(limited(t), wire.Registration{ServiceName: "a", Port: 1}, "")
		if err == nil || (name != "plain HTTP") != errors.Is(err, ErrUnavailable) {
			t.Errorf("%s: error %v", name, err)
		}
		c.Close()
	}
}
