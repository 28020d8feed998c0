package tlsreload

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/roster-sd/roster/internal/pki"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// folder is an authority's folder with a server's certificate in it.
type folder struct {
	t   *testing.T
	dir string
}

func newFolder(t *testing.T) *folder {
	t.Helper()
	f := &folder{t: t, dir: filepath.Join(t.TempDir(), "certs")}
	f.must(pki.Init(f.dir, pki.Options{TrustDomain: "example.org"}))
	f.must(pki.Issue(f.dir, pki.Request{Server: true, SANs: []string{"127.0.0.1"}}))
	return f
}

func (f *folder) must(_ any, err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *folder) path(name string) string { return filepath.Join(f.dir, name) }

func (f *folder) files() Files {
	return Files{CertFile: f.path("server.crt"), KeyFile: f.path("server-key.pem"), ClientCAFile: f.path("ca.crt")}
}

func (f *folder) filesWithCRL() Files {
	files := f.files()
	files.CRLFile = f.path("ca.crl")
	return files
}

func (f *folder) load(files Files) *Material {
	f.t.Helper()
	m, err := Load(files)
	if err != nil {
		f.t.Fatal(err)
	}
	return m
}

func (f *folder) writeCRL(opts pki.CRLOptions) { f.t.Helper(); f.must(pki.WriteCRL(f.dir, opts)) }

func (f *folder) revoke(name string) {
	f.t.Helper()
	_, _, err := pki.Revoke(f.dir, name, pki.CRLOptions{})
	f.must(nil, err)
}

func (f *folder) client(req pki.Request) tls.Certificate {
	f.t.Helper()
	issued, err := pki.Issue(f.dir, req)
	f.must(nil, err)
	pair, err := tls.LoadX509KeyPair(issued.CertPath, issued.KeyPath)
	f.must(nil, err)
	return pair
}

// sign makes a client's certificate of a form that pki does not issue.
func (f *folder) sign(change func(*x509.Certificate)) tls.Certificate {
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
	leaf, err := x509.ParseCertificate(der)
	f.must(nil, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

func uri(s string) *url.URL {
	u, err := url.Parse(s)
	if err != nil {
		panic(err)
	}
	return u
}

// trust gives the configuration of a client that trusts the folder's authority.
func (f *folder) trust(certs ...tls.Certificate) *tls.Config {
	f.t.Helper()
	roots := x509.NewCertPool()
	if data, err := os.ReadFile(f.path("ca.crt")); err != nil || !roots.AppendCertsFromPEM(data) {
		f.t.Fatalf("no authority to trust: %v", err)
	}
	config := &tls.Config{RootCAs: roots, ServerName: "127.0.0.1"}
	if len(certs) > 0 {
		// Sent whatever authorities the server says it knows: a client that means ill does.
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &certs[0], nil }
	}
	return config
}

func (f *folder) write(name string, data []byte) {
	f.t.Helper()
	f.must(nil, os.WriteFile(f.path(name), data, 0o600))
}

func (f *folder) read(name string) []byte {
	f.t.Helper()
	data, err := os.ReadFile(f.path(name))
	f.must(nil, err)
	return data
}

// encode gives a certificate and its key in PEM.
func encode(t *testing.T, pair tls.Certificate) (cert, key []byte) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// server accepts TLS connections on the loopback, and keeps each until its client closes it.
type server struct {
	t         *testing.T
	listener  net.Listener
	handshook chan served
}

type served struct {
	state tls.ConnectionState
	err   error
}

func serve(t *testing.T, config *tls.Config) *server {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, listener: listener, handshook: make(chan served, 1)}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { s.keep(tls.Server(conn, config)) })
		}
	})
	t.Cleanup(func() { listener.Close(); wg.Wait() })
	return s
}

func (s *server) keep(conn *tls.Conn) {
	defer conn.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	err := conn.HandshakeContext(ctx)
	s.handshook <- served{conn.ConnectionState(), err}
	if err == nil {
		_, _ = conn.Write([]byte("ok"))
		_, _ = io.Copy(io.Discard, conn)
	}
}

// dial gives what both sides saw of one connection. A client of TLS 1.3 learns that it
// was refused only when it reads. The connection is left open for the caller, if it stands.
func (s *server) dial(config *tls.Config) (*tls.Conn, served, error) {
	s.t.Helper()
	raw, err := net.DialTimeout("tcp", s.listener.Addr().String(), 20*time.Second)
	if err != nil {
		s.t.Fatal(err)
	}
	conn := tls.Client(raw, config)
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	answer := make([]byte, 2)
	_, err = io.ReadFull(conn, answer)
	if err == nil && string(answer) != "ok" {
		err = errors.New("another answer")
	}
	if err != nil {
		conn.Close()
	} else {
		s.t.Cleanup(func() { conn.Close() })
	}
	return conn, <-s.handshook, err
}

// admits and refuses assert what becomes of a client, on both sides.
func (s *server) admits(what string, config *tls.Config) served {
	s.t.Helper()
	conn, seen, err := s.dial(config)
	if err != nil || seen.err != nil {
		s.t.Errorf("%s: client: %v, server: %v", what, err, seen.err)
		return seen
	}
	conn.Close()
	return seen
}

func (s *server) refuses(what string, config *tls.Config) error {
	s.t.Helper()
	_, seen, err := s.dial(config)
	if err == nil || seen.err == nil || seen.state.HandshakeComplete {
		s.t.Errorf("%s: client: %v, server: %v, handshake complete: %v", what, err, seen.err, seen.state.HandshakeComplete)
	}
	return seen.err
}
