package server

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/roster-sd/roster/internal/pki"
)

// handshake connects and reads. A client of TLS 1.3 learns only by reading that it was
// refused, so it sends nothing that could be answered.
func handshake(t *testing.T, address string, config *tls.Config) error {
	t.Helper()
	raw, err := net.DialTimeout("tcp", address, patient)
	if err != nil {
		t.Fatal(err)
	}
	conn := tls.Client(raw, config)
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patient))
	if err := conn.Handshake(); err != nil {
		return err
	}
	// One that is let in waits for the other to speak; a request makes it.
	refused := make(chan error, 1)
	go func() {
		_, err := conn.Read(make([]byte, 1))
		refused <- err
	}()
	select {
	case err := <-refused:
		return err
	case <-time.After(time.Second):
	}
	_, err = io.WriteString(conn, "GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	if err == nil {
		err = <-refused
	}
	return err
}

// TestHandshake: who has no good certificate does not get as far as a request.
func TestHandshake(t *testing.T) {
	t.Parallel()
	f, other := newFolder(t), newFolder(t)
	good, revoked := f.client("orders"), f.client("thief")
	f.revoke("thief")
	old := f.issue(pki.Request{Name: "old", Now: time.Now().Add(-2 * time.Hour), TTL: time.Hour})
	future := f.sign(func(c *x509.Certificate) {
		uris("spiffe://example.org/future")(c)
		c.NotBefore = time.Now().Add(time.Hour / 2)
	})
	forServers := f.sign(func(c *x509.Certificate) {
		uris("spiffe://example.org/server")(c)
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	})
	n := serve(t, Options{Config: secure(f)})

	for name, test := range map[string]struct {
		config *tls.Config
		alert  string // what the client is told
		log    string // what the log says
	}{
		"no certificate":    {f.trust(nil), "certificate required", "didn't provide a certificate"},
		"another authority": {f.trust(other.client("orders")), "unknown certificate authority", "unknown authority"},
		"expired":           {f.trust(old), "expired certificate", "expired"},
		"not valid yet":     {f.trust(future), "expired certificate", "not yet valid"},
		"revoked":           {f.trust(revoked), "bad certificate", "certificate is revoked"},
		"for servers":       {f.trust(forServers), "certificate", "incompatible key usage"},
		"two URIs":          {f.trust(f.sign(uris("spiffe://example.org/a", "spiffe://example.org/b"))), "bad certificate", "URI"},
		"no SPIFFE URI":     {f.trust(f.sign(uris("https://example.org/a"))), "bad certificate", "https"},
		"common name only":  {f.trust(f.sign(commonName("orders"))), "bad certificate", "identity"},
		"no name at all":    {f.trust(f.sign(commonName(""))), "bad certificate", "identity"},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(n.log.String())
			err := handshake(t, n.srv.Addr(), test.config)
			if err == nil || !strings.Contains(err.Error(), "remote error: tls: ") || !strings.Contains(err.Error(), test.alert) {
				t.Errorf("the client is told %v, want %q", err, test.alert)
			}
			var line string
			eventually(t, "a line in the log", func() bool {
				line = n.log.String()[before:]
				return strings.HasSuffix(line, "\n")
			})
			if !strings.Contains(line, `"level":"WARN","msg":"TLS handshake failed","from":"127.0.0.1:`) || !strings.Contains(line, test.log) {
				t.Errorf("the log says %q, want a warning with %q", line, test.log)
			}
		})
	}

	if err := handshake(t, n.srv.Addr(), f.trust(good)); err != nil {
		t.Errorf("a good certificate: %v", err)
	}
	// Only the good one has made a request.
	text := n.plain(n.srv.AdminAddr()).text(200, "/metrics")
	if got := metric(t, text, "roster_tls_handshakes_refused_total"); got != 10 {
		t.Errorf("%v handshakes were refused, want 10", got)
	}
	if got := metric(t, text, `roster_http_request_seconds_count{method="GET",route="/health",status="2xx"}`); got != 1 {
		t.Errorf("%v requests were answered, want 1", got)
	}
	if strings.Contains(text, `roster_http_request_seconds_count{method="POST"`) {
		t.Error("requests were made by who should not have got so far")
	}
}

// TestVersionOfTLS: 1.3 unless the configuration says otherwise; and no session is
// resumed, for that would skip the checks.
func TestVersionOfTLS(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	cert := f.client("orders")
	old := f.trust(cert)
	old.MaxVersion = tls.VersionTLS12
	n := serve(t, Options{Config: secure(f)})
	if err := handshake(t, n.srv.Addr(), old); err == nil || !strings.Contains(err.Error(), "protocol version not supported") {
		t.Errorf("a client of TLS 1.2 is told %v", err)
	}
	cfg := secure(f)
	cfg.TLS.MinVersion = "1.2"
	lenient := serve(t, Options{Config: cfg})
	if err := handshake(t, lenient.srv.Addr(), old); err != nil {
		t.Errorf("a client of TLS 1.2, which the configuration allows: %v", err)
	}
	for _, n := range []*node{n, lenient} {
		for _, config := range []*tls.Config{f.trust(cert), old.Clone()} {
			if n != lenient && config.MaxVersion != 0 {
				continue
			}
			config.ClientSessionCache = tls.NewLRUClientSessionCache(4)
			for range 2 {
				conn, err := tls.Dial("tcp", n.srv.Addr(), config)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := io.WriteString(conn, "GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); err != nil {
					t.Fatal(err)
				}
				if _, err := io.ReadAll(conn); err != nil {
					t.Fatal(err)
				}
				if conn.ConnectionState().DidResume {
					t.Error("a session was resumed")
				}
				conn.Close()
			}
		}
	}
}

// TestCommonName: as an identity only where the configuration says so.
func TestCommonName(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	cfg := secure(f)
	cfg.Auth.Identity = []string{"uri", "cn"}
	n := serve(t, Options{Config: cfg})
	c := n.as(f, f.sign(commonName("orders")), 2)
	c.register(201, "orders", "o-1", "")
	n.logged(`"identity":"orders"`)
}
