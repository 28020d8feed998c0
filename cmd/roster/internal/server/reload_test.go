package server

import (
	"crypto/tls"
	"crypto/x509"
	"strings"
	"testing"
	"time"

	"github.com/roster-sd/roster/internal/pki"
)

// TestRevocationCutsOff: it takes hold of connections and streams that are open.
func TestRevocationCutsOff(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	n := serve(t, Options{Config: secure(f)})
	thief, good := f.client("thief"), f.client("orders")
	open, streaming, other := n.as(f, thief, 1), n.as(f, thief, 2), n.as(f, good, 2)
	open.text(200, "/registry/services")
	cut, stays := streaming.watch(""), other.watch("")

	f.revoke("thief")
	n.logged(`"msg":"TLS files reloaded"`)
	// At once: the connection that is open, and every new one.
	if text := open.text(401, "/registry/services"); !strings.Contains(text, "certificate") {
		t.Errorf("the revoked client is told %s", text)
	}
	open.register(401, "orders", "o-1", "")
	if err := handshake(t, n.srv.Addr(), f.trust(thief)); err == nil {
		t.Error("the revoked client may connect again")
	}
	n.logged(`"msg":"caller refused"`)
	// Streams look every 5 s.
	select {
	case <-cut.ended:
	case <-time.After(patient):
		t.Fatal("the stream of the revoked client goes on")
	}
	if !stays.open() {
		t.Error("the stream of another client was cut off too")
	}
	mine := other.register(201, "orders", "o-1", "")
	other.heartbeat(200, "orders", "o-1", mine.Token)
	eventually(t, "the other client's stream goes on", func() bool { return strings.Contains(stays.text.String(), `"o-1"`) })
}

// TestReload: certificate and authorities change while the server runs, whole or not at all.
func TestReload(t *testing.T) {
	t.Parallel()
	f, other := newFolder(t), newFolder(t)
	cfg := secure(f)
	cfg.TLS.CRLFile = "" // another test's business
	n := serve(t, Options{Config: cfg})
	admin := n.plain(n.srv.AdminAddr())
	orders, stranger := f.client("orders"), other.client("stranger")
	open := n.as(f, orders, 1)
	open.text(200, "/registry/services")
	first := serverSerial(t, n, f.trust(orders))

	// A new certificate of the server.
	issued, err := pki.Issue(f.dir, pki.Request{Server: true, SANs: []string{"127.0.0.1"}, File: "next", TTL: 48 * time.Hour})
	f.must(nil, err)
	f.replace("server-key.pem", f.read("next-key.pem"))
	f.replace("server.crt", f.read("next.crt"))
	eventually(t, "the new certificate serves", func() bool { return serverSerial(t, n, f.trust(orders)) != first })
	if text := admin.text(200, "/metrics"); metric(t, text, "roster_tls_certificate_expiry_seconds") != float64(issued.NotAfter.Unix()) {
		t.Error("the metrics tell of another certificate's end")
	}
	open.text(200, "/registry/services")

	// A bundle of two authorities.
	both := append(f.read("ca.crt"), other.read("ca.crt")...)
	alone := f.read("ca.crt")
	f.replace("ca.crt", both)
	strange := f.trust(stranger)
	eventually(t, "the other authority's client is let in", func() bool { return handshake(t, n.srv.Addr(), strange) == nil })

	// Half a file keeps what was there, and says so.
	f.replace("ca.crt", both[:len(both)-100])
	n.logged(`"level":"ERROR","msg":"TLS files changed and cannot be used; the old ones stay in force"`)
	if err := handshake(t, n.srv.Addr(), strange); err != nil {
		t.Errorf("after a bad file: %v", err)
	}
	if text := admin.text(200, "/metrics"); metric(t, text, `roster_tls_reloads_total{outcome="failed"}`) < 1 || metric(t, text, `roster_tls_reloads_total{outcome="ok"}`) < 2 {
		t.Error("the metrics do not tell of the reloads")
	}
	// So does a key that is not the certificate's, upon SIGHUP too.
	f.replace("ca.crt", both)
	f.replace("server-key.pem", f.read("orders-key.pem"))
	n.srv.Reload()
	n.logged(`"msg":"reload failed, the old certificates stay"`)
	open.text(200, "/registry/services")
	f.replace("server-key.pem", f.read("next-key.pem"))

	// Without its authority a client is refused, also where it is connected.
	f.replace("ca.crt", other.read("ca.crt"))
	eventually(t, "the authority is trusted no longer", func() bool {
		resp, _, err := open.try("GET", "/registry/services", "", nil)
		return err != nil || resp.StatusCode == 401
	})
	if _, err := dial(n, &tls.Config{RootCAs: pool(t, alone), ServerName: "127.0.0.1",
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return orders, nil }}); err == nil {
		t.Error("a client of an authority that is trusted no longer is let in")
	}
}

func pool(t *testing.T, pem []byte) *x509.CertPool {
	t.Helper()
	p := x509.NewCertPool()
	if !p.AppendCertsFromPEM(pem) {
		t.Fatal("no certificate")
	}
	return p
}

func serverSerial(t *testing.T, n *node, config *tls.Config) string {
	t.Helper()
	serial, err := dial(n, config)
	if err != nil {
		t.Fatal(err)
	}
	return serial
}

// dial gives the serial number of the certificate that the server shows who is let in.
func dial(n *node, config *tls.Config) (string, error) {
	conn, err := tls.Dial("tcp", n.srv.Addr(), config)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")); err != nil {
		return "", err
	}
	if _, err := conn.Read(make([]byte, 1)); err != nil {
		return "", err
	}
	return conn.ConnectionState().PeerCertificates[0].SerialNumber.String(), nil
}
