package tlsreload

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/roster-sd/roster/internal/pki"
)

// reload asserts that Reload works, or fails with an error that says so.
func reload(t *testing.T, m *Material, failure string) {
	t.Helper()
	err := m.Reload()
	switch {
	case failure == "" && err != nil:
		t.Fatalf("reload: %v", err)
	case failure != "" && (err == nil || !strings.Contains(err.Error(), failure)):
		t.Fatalf("reload: %v, want an error with %q", err, failure)
	}
}

func TestReloadCertificate(t *testing.T) {
	f := newFolder(t)
	good := f.client(pki.Request{Name: "orders"})
	m := f.load(f.files())
	s := serve(t, m.ServerConfig())
	first := m.NotAfter()
	issued, err := pki.Issue(f.dir, pki.Request{Server: true, File: "next", SANs: []string{"127.0.0.1"}, TTL: 48 * time.Hour})
	f.must(nil, err)
	f.write("server.crt", f.read("next.crt"))
	reload(t, m, "private key does not match")
	if !m.NotAfter().Equal(first) {
		t.Errorf("a certificate without its key is in force")
	}
	s.admits("while the new files do not fit together", f.trust(good))
	f.write("server-key.pem", f.read("next-key.pem"))
	reload(t, m, "")
	if !m.NotAfter().Equal(issued.NotAfter) {
		t.Errorf("expires %v, want %v", m.NotAfter(), issued.NotAfter)
	}
	conn, _, err := s.dial(f.trust(good))
	f.must(nil, err)
	if got := conn.ConnectionState().PeerCertificates[0].NotAfter; !got.Equal(issued.NotAfter) {
		t.Errorf("the client sees the certificate until %v, want %v", got, issued.NotAfter)
	}
}

func TestBadFilesKeepTheOldOnes(t *testing.T) {
	f := newFolder(t)
	good, stolen := f.client(pki.Request{Name: "orders"}), f.client(pki.Request{Name: "stolen"})
	f.revoke("stolen")
	clientCert, clientKey := encode(t, good)
	must := func(issued *pki.Issued, err error) *pki.Issued { f.must(nil, err); return issued }
	expired := must(pki.Issue(f.dir, pki.Request{Server: true, File: "expired", SANs: []string{"a"}, Now: time.Now().Add(-2 * time.Hour), TTL: time.Hour}))
	early := must(pki.Issue(f.dir, pki.Request{Server: true, File: "early", SANs: []string{"a"}, Now: time.Now().Add(time.Hour)}))
	other := newFolder(t)
	other.writeCRL(pki.CRLOptions{})
	ca, crl := f.read("ca.crt"), f.read("ca.crl")
	f.writeCRL(pki.CRLOptions{Now: time.Now().Add(-2 * time.Hour), TTL: time.Hour})
	stale := f.read("ca.crl")
	f.writeCRL(pki.CRLOptions{Now: time.Now().Add(time.Hour)})
	future := f.read("ca.crl")
	f.write("ca.crl", crl)
	forged := bytes.Clone(crl)
	forged[len(forged)/2] ^= 1

	m := f.load(f.filesWithCRL())
	s := serve(t, m.ServerConfig())
	names := []string{"server.crt", "server-key.pem", "ca.crt", "ca.crl"}
	before := map[string][]byte{}
	for _, name := range names {
		before[name] = f.read(name)
	}
	tests := []struct {
		name    string
		files   map[string][]byte // nil: the file is not there
		failure string
	}{
		{"certificate gone", map[string][]byte{"server.crt": nil}, "no such file"},
		{"certificate cut short", map[string][]byte{"server.crt": before["server.crt"][:100]}, "failed to find"},
		{"empty key", map[string][]byte{"server-key.pem": {}}, "failed to find"},
		{"a client's certificate", map[string][]byte{"server.crt": clientCert, "server-key.pem": clientKey}, "not for servers"},
		{"expired certificate", map[string][]byte{"server.crt": f.read(expired.CertFile), "server-key.pem": f.read("expired-key.pem")}, "expired on"},
		{"certificate of tomorrow", map[string][]byte{"server.crt": f.read(early.CertFile), "server-key.pem": f.read("early-key.pem")}, "not valid before"},
		{"CA gone", map[string][]byte{"ca.crt": nil}, "no such file"},
		{"empty CA", map[string][]byte{"ca.crt": {}}, "no certificate"},
		{"CA cut short", map[string][]byte{"ca.crt": append(bytes.Clone(ca), ca[:200]...)}, "damaged"},
		{"damaged CA before a good one", map[string][]byte{"ca.crt": append([]byte("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"), ca...)}, "damaged"},
		{"CA with a key", map[string][]byte{"ca.crt": append(bytes.Clone(ca), clientKey...)}, "PRIVATE KEY"},
		{"CA that is none", map[string][]byte{"ca.crt": clientCert}, "not the certificate of an authority"},
		{"CA without a list", map[string][]byte{"ca.crt": append(bytes.Clone(ca), other.read("ca.crt")...)}, "no list of the authority"},
		{"list gone", map[string][]byte{"ca.crl": nil}, "no such file"},
		{"empty list", map[string][]byte{"ca.crl": {}}, "list 1"},
		{"forged list", map[string][]byte{"ca.crl": forged}, "CRL"},
		{"another's list", map[string][]byte{"ca.crl": other.read("ca.crl")}, "not signed by"},
		{"a good list and another's", map[string][]byte{"ca.crl": append(bytes.Clone(crl), other.read("ca.crl")...)}, "not signed by"},
		{"list that ran out", map[string][]byte{"ca.crl": stale}, "ran out on"},
		{"list of tomorrow", map[string][]byte{"ca.crl": future}, "not valid before"},
		{"good list, bad key", map[string][]byte{"ca.crl": crl, "server-key.pem": clientKey}, "does not match"},
	}
	for _, tt := range tests {
		for name, data := range tt.files {
			if data == nil {
				f.must(nil, os.Remove(f.path(name)))
			} else {
				f.write(name, data)
			}
		}
		reload(t, m, tt.failure)
		if _, err := Load(f.filesWithCRL()); err == nil {
			t.Errorf("%s: loaded at the start", tt.name)
		}
		for _, name := range names {
			f.write(name, before[name])
		}
	}
	s.admits("after all that", f.trust(good))
	s.refuses("revoked, after all that", f.trust(stolen))
	reload(t, m, "")
}

func TestLoadNamesEveryProblem(t *testing.T) {
	_, err := Load(Files{CertFile: "none.crt", ClientCAFile: "none-ca.crt"})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("not ErrNotExist: %v", err)
	}
	for _, want := range []string{"certificate: open none.crt", "key: no file given", "client CA: open none-ca.crt"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
	f := newFolder(t)
	files := f.files()
	files.MinVersion = "1.1"
	if _, err := Load(files); err == nil || !strings.Contains(err.Error(), `"1.1"`) {
		t.Errorf("version 1.1: %v", err)
	}
}

// The clients' authority is replaced: first both, then only the new one. A connection that
// the old one let in is good until then.
func TestRotatedAuthority(t *testing.T) {
	f, next := newFolder(t), newFolder(t)
	old, young := f.client(pki.Request{Name: "orders"}), next.client(pki.Request{Name: "orders"})
	m := f.load(f.files())
	s := serve(t, m.ServerConfig())
	_, first, err := s.dial(f.trust(old))
	f.must(nil, err)
	s.refuses("the new one's, before", f.trust(young))

	f.write("clients.crt", append(f.read("ca.crt"), next.read("ca.crt")...))
	f.must(nil, os.Rename(f.path("clients.crt"), f.path("ca.crt")))
	reload(t, m, "")
	s.admits("the old one's, with both", f.trust(old))
	_, second, err := s.dial(f.trust(young))
	f.must(nil, err)
	for _, conn := range []tls.ConnectionState{first.state, second.state} {
		if err := m.CheckConnection(&conn, time.Now()); err != nil {
			t.Errorf("with both: %v", err)
		}
	}
	config, configOld := f.trust(young), f.trust(old)
	f.write("ca.crt", next.read("ca.crt"))
	reload(t, m, "")
	s.admits("the new one's, after", config)
	s.refuses("the old one's, after", configOld)
	if err := m.CheckConnection(&first.state, time.Now()); !errors.Is(err, ErrUntrusted) {
		t.Errorf("open connection of the old one: %v", err)
	}
	if err := m.CheckConnection(&second.state, time.Now()); err != nil {
		t.Errorf("open connection of the new one: %v", err)
	}
	if err := m.CheckConnection(&tls.ConnectionState{}, time.Now()); !errors.Is(err, ErrUntrusted) {
		t.Errorf("nobody: %v", err)
	}
}

func TestHookIsToldOfReload(t *testing.T) {
	f := newFolder(t)
	m := f.load(f.files())
	var told []error
	m.OnReload = func(err error) { told = append(told, err) }
	reload(t, m, "")
	f.write("server-key.pem", nil)
	reload(t, m, "failed to find")
	if len(told) != 2 || told[0] != nil || told[1] == nil {
		t.Errorf("told %v", told)
	}
	// What was told by Reload is not told again by the next look.
	m.refresh()
	if len(told) != 2 {
		t.Errorf("told %v", told)
	}
}
