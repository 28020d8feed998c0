package pki_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io/fs"
	"maps"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/roster-sd/roster/internal/pki"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// newFolder gives a folder with an authority made at start.
func newFolder(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "certs")
	if _, err := pki.Init(dir, pki.Options{TrustDomain: "example.org", Now: start}); err != nil {
		t.Fatal(err)
	}
	return dir
}

func mode(t *testing.T, file string) fs.FileMode {
	t.Helper()
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}

// contents gives every file of the folder.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all[e.Name()] = string(data)
	}
	return all
}

func readCert(t *testing.T, file string) *x509.Certificate {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	block, rest := pem.Decode(data)
	if block == nil || len(rest) > 0 {
		t.Fatalf("%s: want one PEM block", file)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func TestInit(t *testing.T) {
	dir := newFolder(t)
	if m := mode(t, dir); m != 0o700 {
		t.Errorf("folder has mode %o", m)
	}
	if m := mode(t, filepath.Join(dir, "ca-key.pem")); m != 0o600 {
		t.Errorf("key has mode %o", m)
	}
	a, err := pki.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	c := a.Cert
	if a.TrustDomain != "example.org" || c.URIs[0].String() != "spiffe://example.org" {
		t.Errorf("trust domain %q, %v", a.TrustDomain, c.URIs)
	}
	if !c.IsCA || !c.BasicConstraintsValid || c.MaxPathLen != 0 || !c.MaxPathLenZero {
		t.Errorf("CA %v, path length %d", c.IsCA, c.MaxPathLen)
	}
	if c.KeyUsage != x509.KeyUsageCertSign|x509.KeyUsageCRLSign {
		t.Errorf("key usage %b", c.KeyUsage)
	}
	if key, ok := c.PublicKey.(*ecdsa.PublicKey); !ok || key.Curve != elliptic.P256() {
		t.Errorf("key of type %T", c.PublicKey)
	}
	if !c.NotBefore.Before(start) || !c.NotAfter.Equal(start.Add(pki.DefaultAuthorityTTL)) {
		t.Errorf("holds from %v to %v", c.NotBefore, c.NotAfter)
	}
	if c.SerialNumber.BitLen() < 64 || len(c.SubjectKeyId) == 0 {
		t.Errorf("serial %v, key id %x", c.SerialNumber, c.SubjectKeyId)
	}
}

func TestInitOverwritesNothing(t *testing.T) {
	for _, file := range []string{"ca.crt", "ca-key.pem"} {
		dir := newFolder(t)
		for _, other := range []string{"ca.crt", "ca-key.pem"} {
			if other != file {
				if err := os.Remove(filepath.Join(dir, other)); err != nil {
					t.Fatal(err)
				}
			}
		}
		before := contents(t, dir)
		if _, err := pki.Init(dir, pki.Options{}); !errors.Is(err, pki.ErrExists) {
			t.Errorf("%s there: %v", file, err)
		}
		if after := contents(t, dir); !maps.Equal(before, after) {
			t.Errorf("%s there: the folder changed", file)
		}
	}
}

func TestInitRefuses(t *testing.T) {
	for name, opts := range map[string]pki.Options{
		"trust domain with a scheme": {TrustDomain: "spiffe://example.org"},
		"trust domain in capitals":   {TrustDomain: "Example.org"},
		"negative lifetime":          {TTL: -time.Hour},
	} {
		dir := filepath.Join(t.TempDir(), "certs")
		if _, err := pki.Init(dir, opts); !errors.Is(err, pki.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: the folder was made", name)
		}
	}
}

func TestTwoAuthoritiesHaveTwoNames(t *testing.T) {
	a, b := readCert(t, filepath.Join(newFolder(t), "ca.crt")), readCert(t, filepath.Join(newFolder(t), "ca.crt"))
	if a.Subject.String() == b.Subject.String() {
		t.Fatalf("both are %s", a.Subject)
	}
}

// An authority made by another tool: a key in the older form, and no trust domain.
func TestLoadForeignAuthority(t *testing.T) {
	dir := t.TempDir()
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "foreign"},
		NotBefore: start, NotAfter: start.Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	keyPEM := append(pem.EncodeToMemory(&pem.Block{Type: "EC PARAMETERS", Bytes: []byte{6, 0}}),
		pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER})...)
	write(t, filepath.Join(dir, "ca.crt"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	write(t, filepath.Join(dir, "ca-key.pem"), keyPEM)
	issued, err := pki.Issue(dir, pki.Request{Name: "orders", Now: start})
	if err != nil {
		t.Fatal(err)
	}
	if issued.Identity != "spiffe://"+pki.DefaultTrustDomain+"/orders" {
		t.Errorf("identity %q", issued.Identity)
	}
	if want := start.Add(24 * time.Hour); !issued.NotAfter.Equal(want) {
		t.Errorf("outlasts its authority: %v", issued.NotAfter)
	}
}

func TestLoadRefuses(t *testing.T) {
	other := newFolder(t)
	otherKey, err := os.ReadFile(filepath.Join(other, "ca-key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	issued, err := pki.Issue(other, pki.Request{Name: "orders", Now: start})
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := os.ReadFile(issued.CertPath)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(dir string){
		"another's key":      func(dir string) { write(t, filepath.Join(dir, "ca-key.pem"), otherKey) },
		"no key in the file": func(dir string) { write(t, filepath.Join(dir, "ca-key.pem"), leaf) },
		"a leaf":             func(dir string) { write(t, filepath.Join(dir, "ca.crt"), leaf) },
		"no PEM":             func(dir string) { write(t, filepath.Join(dir, "ca.crt"), []byte("x")) },
	} {
		dir := newFolder(t)
		change(dir)
		if _, err := pki.Load(dir); err == nil {
			t.Errorf("%s: loaded", name)
		}
	}
	if _, err := pki.Load(t.TempDir()); !errors.Is(err, pki.ErrNoAuthority) {
		t.Errorf("empty folder: %v", err)
	}
}

func write(t *testing.T, file string, data []byte) {
	t.Helper()
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestInitWithIsAllOrNothing(t *testing.T) {
	server := pki.Request{Server: true, SANs: []string{"localhost"}}
	bad := server
	bad.SANs = []string{"a b"}
	for name, tt := range map[string]struct {
		first *pki.Request
		file  string // that is there already
		want  error
	}{
		"bad request":       {&bad, "", pki.ErrInvalid},
		"certificate there": {&server, "server.crt", pki.ErrExists},
		"key there":         {&server, "server-key.pem", pki.ErrExists},
		"authority there":   {&server, "ca.crt", pki.ErrExists},
		"index there":       {&server, "index.jsonl", pki.ErrExists},
		"list there":        {nil, "ca.crl", pki.ErrExists},
	} {
		dir := t.TempDir()
		want := 0
		if tt.file != "" {
			write(t, filepath.Join(dir, tt.file), []byte("mine"))
			want = 1
		}
		if _, _, err := pki.InitWith(dir, pki.Options{}, tt.first); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", name, err)
		}
		got := contents(t, dir)
		delete(got, ".lock")
		if len(got) != want || want == 1 && got[tt.file] != "mine" {
			t.Errorf("%s: the folder has %v", name, got)
		}
	}
	dir := t.TempDir()
	a, issued, err := pki.InitWith(dir, pki.Options{}, &server)
	if err != nil || a.TrustDomain != pki.DefaultTrustDomain || issued.CertPath != filepath.Join(dir, "server.crt") {
		t.Fatalf("got %+v, %+v, %v", a, issued, err)
	}
	verifyAt(t, dir, issued.CertPath, x509.ExtKeyUsageServerAuth, "localhost", time.Now())
	if entries, err := pki.List(dir); err != nil || len(entries) != 1 || entries[0].Serial != issued.Serial {
		t.Errorf("list: %+v, %v", entries, err)
	}
}
