package tlsreload

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/roster-sd/roster/auth"
	"github.com/roster-sd/roster/internal/pki"
)

func TestHandshake(t *testing.T) {
	f, other := newFolder(t), newFolder(t)
	good := f.client(pki.Request{Name: "orders"})
	revoked := f.client(pki.Request{Name: "stolen"})
	f.revoke("stolen")
	m := f.load(f.filesWithCRL())
	s := serve(t, m.ServerConfig())

	seen := s.admits("good", f.trust(good))
	if id, err := m.Identity(seen.state); err != nil || id != "spiffe://example.org/orders" {
		t.Errorf("identity %q, %v", id, err)
	}
	if seen.state.Version != tls.VersionTLS13 {
		t.Errorf("version %x", seen.state.Version)
	}

	refused := []struct {
		name string
		cert []tls.Certificate
		is   error  // what the server's error is
		says string // or what it says
	}{
		{"no certificate", nil, nil, "didn't provide a certificate"},
		{"another authority", []tls.Certificate{other.client(pki.Request{Name: "orders"})}, nil, "unknown authority"},
		{"expired", []tls.Certificate{f.client(pki.Request{Name: "old", Now: time.Now().Add(-2 * time.Hour), TTL: time.Hour})}, nil, "expired"},
		{"revoked", []tls.Certificate{revoked}, ErrRevoked, ""},
		{"for servers only", []tls.Certificate{f.sign(func(c *x509.Certificate) {
			c.URIs, c.ExtKeyUsage = []*url.URL{uri("spiffe://example.org/a")}, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		})}, nil, "incompatible key usage"},
		{"two URIs", []tls.Certificate{f.sign(func(c *x509.Certificate) {
			c.URIs = []*url.URL{uri("spiffe://example.org/a"), uri("spiffe://example.org/b")}
		})}, auth.ErrNoIdentity, "2 URI SANs"},
		{"a URI that is no SPIFFE ID", []tls.Certificate{f.sign(func(c *x509.Certificate) {
			c.URIs, c.DNSNames = []*url.URL{uri("https://example.org/a")}, []string{"a"}
		})}, auth.ErrNoIdentity, "no SPIFFE ID"},
		{"two DNS names", []tls.Certificate{f.sign(func(c *x509.Certificate) { c.DNSNames = []string{"a", "b"} })}, auth.ErrNoIdentity, "2 DNS SANs"},
		{"common name only", []tls.Certificate{f.sign(func(c *x509.Certificate) { c.Subject = pkix.Name{CommonName: "orders"} })}, auth.ErrNoIdentity, ""},
	}
	for _, tt := range refused {
		err := s.refuses(tt.name, f.trust(tt.cert...))
		if err == nil || tt.is != nil && !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: the server says %v", tt.name, err)
		}
	}

	old := f.trust(good)
	old.MaxVersion = tls.VersionTLS12
	s.refuses("TLS 1.2", old)
}

func TestOptions(t *testing.T) {
	f := newFolder(t)
	files := f.files()
	files.MinVersion, files.Identity = "1.2", []auth.Source{auth.SourceCN}
	m := f.load(files)
	s := serve(t, m.ServerConfig())
	config := f.trust(f.sign(func(c *x509.Certificate) { c.Subject = pkix.Name{CommonName: "orders"} }))
	config.MaxVersion = tls.VersionTLS12
	seen := s.admits("TLS 1.2 and a common name", config)
	if id, err := m.Identity(seen.state); err != nil || id != "orders" || seen.state.Version != tls.VersionTLS12 {
		t.Errorf("identity %q, %v, version %x", id, err, seen.state.Version)
	}
	config = f.trust()
	config.MaxVersion = tls.VersionTLS12
	s.refuses("TLS 1.2 without a certificate", config)
	if _, err := m.Identity(tls.ConnectionState{}); !errors.Is(err, ErrUntrusted) {
		t.Errorf("identity of nobody: %v", err)
	}
	// A chain that nobody verified names nobody.
	if id, err := m.Identity(tls.ConnectionState{PeerCertificates: seen.state.PeerCertificates}); err == nil {
		t.Errorf("identity %q of a certificate that was not verified", id)
	}
}

// Resumption would skip VerifyConnection.
func TestNoResumption(t *testing.T) {
	f := newFolder(t)
	files := f.files()
	files.MinVersion = "1.2"
	m := f.load(files)
	s := serve(t, m.ServerConfig())
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		config := f.trust(f.client(pki.Request{Name: "orders", File: "orders-" + string(rune('a'+version-tls.VersionTLS12))}))
		config.MaxVersion = version
		config.ClientSessionCache = tls.NewLRUClientSessionCache(8)
		for range 3 {
			conn, seen, err := s.dial(config)
			if err != nil || seen.err != nil {
				t.Fatalf("client: %v, server: %v", err, seen.err)
			}
			if conn.ConnectionState().DidResume || seen.state.DidResume {
				t.Errorf("version %x: resumed", version)
			}
			conn.Close()
		}
	}
}

// The server of net/http offers HTTP/2 through a configuration of GetConfigForClient only
// if that names the protocol itself.
func TestHTTP(t *testing.T) {
	f := newFolder(t)
	m := f.load(f.files())
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{
		TLSConfig: m.ServerConfig(),
		ErrorLog:  log.New(io.Discard, "", 0),
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			id, err := m.Identity(*r.TLS)
			if err == nil {
				err = m.CheckConnection(r.TLS, time.Now())
			}
			if err != nil {
				id = err.Error()
			}
			_, _ = io.WriteString(w, r.Proto+" "+id)
		}),
	}
	var wg sync.WaitGroup
	wg.Go(func() { _ = srv.ServeTLS(listener, "", "") })
	t.Cleanup(func() { srv.Close(); wg.Wait() })
	good := f.client(pki.Request{Name: "orders"})
	for _, h2 := range []bool{true, false} {
		transport := &http.Transport{TLSClientConfig: f.trust(good), ForceAttemptHTTP2: h2}
		client := &http.Client{Transport: transport, Timeout: 20 * time.Second}
		resp, err := client.Get("https://" + listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		transport.CloseIdleConnections()
		want := "HTTP/1.1 spiffe://example.org/orders"
		if h2 {
			want = "HTTP/2.0 spiffe://example.org/orders"
		}
		if err != nil || string(body) != want {
			t.Errorf("got %q, %v; want %q", body, err, want)
		}
	}
}
