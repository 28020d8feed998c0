package check

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/roster-sd/roster/store"
)

// authority signs certificates for tests.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{}
	a.key, a.cert = sign(t, &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}, nil)
	return a
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

func (a *authority) issue(t *testing.T, c x509.Certificate) tls.Certificate {
	t.Helper()
	if c.ExtKeyUsage == nil {
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	}
	key, cert := sign(t, &c, a)
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key}
}

func sign(t *testing.T, c *x509.Certificate, by *authority) (*ecdsa.PrivateKey, *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c.SerialNumber = big.NewInt(time.Now().UnixNano())
	c.NotBefore = time.Now().Add(-2 * time.Hour)
	if c.NotAfter.IsZero() {
		c.NotAfter = time.Now().Add(time.Hour)
	}
	parent, signer := c, key
	if by != nil {
		parent, signer = by.cert, by.key
	}
	raw, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	return key, cert
}

var loopbackIP = []net.IP{net.IPv4(127, 0, 0, 1)}

func TestTLS(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	orders, err := url.Parse("spiffe://example.org/orders")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		cert  tls.Certificate
		owner string
		want  string
	}{
		"the address":       {ca.issue(t, x509.Certificate{IPAddresses: loopbackIP}), "", ""},
		"the owner":         {ca.issue(t, x509.Certificate{URIs: []*url.URL{orders}}), "spiffe://example.org/orders", ""},
		"the owner by name": {ca.issue(t, x509.Certificate{DNSNames: []string{"orders.example.org"}}), "orders.example.org", ""},
		"nobody":            {ca.issue(t, x509.Certificate{}), "", "its certificate is for another name"},
		"another owner":     {ca.issue(t, x509.Certificate{URIs: []*url.URL{orders}}), "spiffe://example.org/web", "its certificate is for another name"},
		"two owners":        {ca.issue(t, x509.Certificate{URIs: []*url.URL{orders, {Scheme: "spiffe", Host: "example.org", Path: "/web"}}}), "spiffe://example.org/orders", "its certificate is for another name"},
		"another address":   {ca.issue(t, x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 2)}}), "", "its certificate is for another name"},
		"another authority": {other.issue(t, x509.Certificate{IPAddresses: loopbackIP}), "", "its certificate is not trusted"},
		"past its end":      {ca.issue(t, x509.Certificate{IPAddresses: loopbackIP, NotAfter: time.Now().Add(-time.Hour)}), "", "its certificate has expired"},
		"one for clients":   {ca.issue(t, x509.Certificate{IPAddresses: loopbackIP, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}), "", "its certificate is not trusted"},
	} {
		t.Run(name, func(t *testing.T) {
			config := &tls.Config{Certificates: []tls.Certificate{c.cert}}
			port, _ := serveOn(t, "127.0.0.1:0", config, says("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
			target := target(store.CheckHTTP, port)
			target.TLS, target.Owner = true, c.owner
			expect(t, NewProber(ProberOptions{AllowLoopback: true, RootCAs: ca.pool()}), target, c.want)
		})
	}
}

func TestTLSByName(t *testing.T) {
	ca := newAuthority(t)
	var asked string
	config := &tls.Config{GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		asked = hello.ServerName
		c := ca.issue(t, x509.Certificate{DNSNames: []string{"orders.example.org"}})
		return &c, nil
	}}
	done := make(chan struct{})
	port, _ := serveOn(t, "127.0.0.1:0", config, func(c net.Conn) {
		defer close(done)
		says("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")(c)
	})
	target := target(store.CheckHTTP, port)
	target.TLS, target.Address = true, "orders.example.org."
	expect(t, NewProber(ProberOptions{AllowLoopback: true, RootCAs: ca.pool(), Resolver: &answers{of: [][]string{{"127.0.0.1"}}}}), target, "")
	if <-done; asked != "orders.example.org" {
		t.Errorf("asked for %q", asked)
	}
}

func TestTLSThatIsNone(t *testing.T) {
	p := NewProber(ProberOptions{AllowLoopback: true})
	for said, want := range map[string]string{"HTTP/1.1 400 Bad Request\r\n\r\n": "does not speak TLS", "": "connection closed"} {
		port, _ := serve(t, func(c net.Conn) {
			c.Read(make([]byte, 4096))
			io := []byte(said)
			c.Write(io)
		})
		target := target(store.CheckHTTP, port)
		target.TLS = true
		expect(t, p, target, want)
	}
	port, _ := serve(t, hangs(""))
	target := impatient(target(store.CheckHTTP, port))
	target.TLS = true
	expect(t, p, target, "timed out after 0.05 s")
}

func TestTLSWithClientCertificate(t *testing.T) {
	ca := newAuthority(t)
	checks := ca.issue(t, x509.Certificate{DNSNames: []string{"checks"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	config := &tls.Config{
		Certificates: []tls.Certificate{ca.issue(t, x509.Certificate{IPAddresses: loopbackIP})},
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    ca.pool(),
	}
	port, _ := serveOn(t, "127.0.0.1:0", config, says("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
	target := target(store.CheckHTTP, port)
	target.TLS = true
	options := ProberOptions{AllowLoopback: true, RootCAs: ca.pool()}
	expect(t, NewProber(options), target, "TLS was refused")
	options.Certificate = func() *tls.Certificate { return nil }
	expect(t, NewProber(options), target, "TLS was refused")
	options.Certificate = func() *tls.Certificate { return &checks }
	expect(t, NewProber(options), target, "")
}
