package pki_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/roster-sd/roster/auth"
	"github.com/roster-sd/roster/internal/pki"
)

// verify checks the certificate as a peer would, at start.
func verify(t *testing.T, dir, file string, usage x509.ExtKeyUsage, host string) {
	t.Helper()
	verifyAt(t, dir, file, usage, host, start)
}

func verifyAt(t *testing.T, dir, file string, usage x509.ExtKeyUsage, host string, now time.Time) {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(readCert(t, filepath.Join(dir, "ca.crt")))
	_, err := readCert(t, file).Verify(x509.VerifyOptions{
		Roots: roots, KeyUsages: []x509.ExtKeyUsage{usage}, DNSName: host, CurrentTime: now,
	})
	if err != nil {
		t.Errorf("%s for %q: %v", file, host, err)
	}
}

func TestIssueServer(t *testing.T) {
	dir := newFolder(t)
	issued, err := pki.Issue(dir, pki.Request{
		Server: true, Now: start,
		SANs: []string{"localhost", "127.0.0.1", "::1", "*.Example.org", "localhost", "0:0::1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if issued.CertPath != filepath.Join(dir, "server.crt") || issued.KeyPath != filepath.Join(dir, "server-key.pem") {
		t.Errorf("files %s, %s", issued.CertPath, issued.KeyPath)
	}
	if want := []string{"localhost", "*.example.org", "127.0.0.1", "::1"}; !slices.Equal(issued.SANs, want) {
		t.Errorf("SANs %q, want %q", issued.SANs, want)
	}
	for _, host := range []string{"localhost", "127.0.0.1", "[::1]", "a.example.org"} {
		verify(t, dir, issued.CertPath, x509.ExtKeyUsageServerAuth, host)
	}
	cert := readCert(t, issued.CertPath)
	if len(cert.ExtKeyUsage) != 1 || cert.KeyUsage != x509.KeyUsageDigitalSignature || cert.IsCA || len(cert.URIs) != 0 {
		t.Errorf("usage %v %b, CA %v, URIs %v", cert.ExtKeyUsage, cert.KeyUsage, cert.IsCA, cert.URIs)
	}
	if m := mode(t, issued.KeyPath); m != 0o600 {
		t.Errorf("key has mode %o", m)
	}
	if _, err := tls.LoadX509KeyPair(issued.CertPath, issued.KeyPath); err != nil {
		t.Error(err)
	}
}

func TestIssueClient(t *testing.T) {
	dir := newFolder(t)
	issued, err := pki.Issue(dir, pki.Request{Name: "Orders.v2", TTL: time.Hour, Now: start})
	if err != nil {
		t.Fatal(err)
	}
	verify(t, dir, issued.CertPath, x509.ExtKeyUsageClientAuth, "")
	cert := readCert(t, issued.CertPath)
	if len(cert.URIs) != 1 || !slices.Equal(cert.DNSNames, []string{"orders.v2"}) || len(cert.ExtKeyUsage) != 1 {
		t.Errorf("URIs %v, DNS names %v, usage %v", cert.URIs, cert.DNSNames, cert.ExtKeyUsage)
	}
	if id, err := auth.IdentityOf(cert, nil); err != nil || id != "spiffe://example.org/Orders.v2" || id != issued.Identity {
		t.Errorf("identity %q, %v; the index has %q", id, err, issued.Identity)
	}
	if !cert.NotBefore.Before(start) || !cert.NotAfter.Equal(start.Add(time.Hour)) || cert.SerialNumber.BitLen() < 64 {
		t.Errorf("from %v to %v, serial %v", cert.NotBefore, cert.NotAfter, cert.SerialNumber)
	}
	entries, err := pki.List(dir)
	if err != nil || len(entries) != 1 {
		t.Fatalf("list: %v, %v", entries, err)
	}
	if e := entries[0]; e.Serial != fmt.Sprintf("%032x", cert.SerialNumber) || e.Kind != pki.KindClient || e.CertFile != "Orders.v2.crt" || !e.NotAfter.Equal(cert.NotAfter) {
		t.Errorf("entry %+v", e)
	}
}

func TestIssueOwnSPIFFE(t *testing.T) {
	dir := newFolder(t)
	issued, err := pki.Issue(dir, pki.Request{Name: "orders", SPIFFE: "spiffe://other.org/ns/prod/orders", Now: start})
	if err != nil || issued.Identity != "spiffe://other.org/ns/prod/orders" {
		t.Fatalf("got %+v, %v", issued, err)
	}
}

func TestIssueOverwritesNothing(t *testing.T) {
	dir := newFolder(t)
	write(t, filepath.Join(dir, "a.crt"), []byte("mine"))
	write(t, filepath.Join(dir, "b-key.pem"), []byte("mine"))
	if err := os.Symlink("nowhere", filepath.Join(dir, "c.crt")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "b", "c"} {
		if _, err := pki.Issue(dir, pki.Request{Name: name, Now: start}); !errors.Is(err, pki.ErrExists) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := os.Remove(filepath.Join(dir, "c.crt")); err != nil {
		t.Fatal(err)
	}
	want := []string{".lock", "a.crt", "b-key.pem", "ca-key.pem", "ca.crt"}
	if got := slices.Sorted(maps.Keys(contents(t, dir))); !slices.Equal(got, want) {
		t.Errorf("the folder has %q, want %q", got, want)
	}
	issued, err := pki.Issue(dir, pki.Request{Name: "a", File: "a-2027", Now: start})
	if err != nil || issued.CertPath != filepath.Join(dir, "a-2027.crt") || issued.Name != "a" {
		t.Errorf("beside the old one: %+v, %v", issued, err)
	}
}

func TestIssueRefuses(t *testing.T) {
	dir := newFolder(t)
	before := contents(t, dir)
	for name, req := range map[string]pki.Request{
		"no name":                   {},
		"the name of the authority": {Name: "ca"},
		"path":                      {Name: "../orders"},
		"dot":                       {Name: ".orders"},
		"slash":                     {Name: "a/b"},
		"space":                     {Name: "a b"},
		"long":                      {Name: strings.Repeat("a", 64)},
		"empty label":               {Name: "a..b"},
		"file in another folder":    {Name: "a", File: "../a"},
		"file of the authority":     {Name: "a", File: "ca"},
		"client with SANs":          {Name: "a", SANs: []string{"b"}},
		"server without SANs":       {Server: true},
		"SAN with a port":           {Server: true, SANs: []string{"localhost:8443"}},
		"SAN with a scheme":         {Server: true, SANs: []string{"https://localhost"}},
		"empty SAN":                 {Server: true, SANs: []string{""}},
		"bare star":                 {Server: true, SANs: []string{"*"}},
		"star within":               {Server: true, SANs: []string{"a.*.org"}},
		"no SPIFFE ID":              {Name: "a", SPIFFE: "https://example.org/a"},
		"SPIFFE ID of a domain":     {Name: "a", SPIFFE: "spiffe://example.org"},
		"negative lifetime":         {Name: "a", TTL: -time.Second},
		"outlasts the authority":    {Name: "a", TTL: pki.DefaultAuthorityTTL + time.Hour},
	} {
		req.Now = start
		if _, err := pki.Issue(dir, req); !errors.Is(err, pki.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := pki.Issue(dir, pki.Request{Name: "a", Now: start.Add(pki.DefaultAuthorityTTL + time.Hour)}); err == nil {
		t.Error("issued by an authority that has expired")
	}
	if after := contents(t, dir); !maps.Equal(before, after) {
		t.Error("the folder changed")
	}
}

func TestNoAuthority(t *testing.T) {
	dir := t.TempDir()
	_, issue := pki.Issue(dir, pki.Request{Name: "a"})
	_, _, revoke := pki.Revoke(dir, "a", pki.CRLOptions{})
	_, list := pki.List(dir)
	_, crl := pki.WriteCRL(dir, pki.CRLOptions{})
	for call, err := range map[string]error{"issue": issue, "revoke": revoke, "list": list, "crl": crl} {
		if !errors.Is(err, pki.ErrNoAuthority) {
			t.Errorf("%s: %v", call, err)
		}
	}
	if got := contents(t, dir); len(got) != 0 {
		t.Errorf("left behind: %v", got)
	}
	if _, err := pki.List(filepath.Join(dir, "none")); !errors.Is(err, pki.ErrNoAuthority) || errors.Is(err, fs.ErrPermission) {
		t.Errorf("no folder: %v", err)
	}
}

// Every certificate that exists is in the index, whoever else issues at that moment, and
// a name goes to one.
func TestIssueAtOnce(t *testing.T) {
	dir := newFolder(t)
	const names, rivals = 8, 3
	var wg sync.WaitGroup
	errs := make([]error, names*rivals)
	for i := range errs {
		wg.Go(func() {
			_, errs[i] = pki.Issue(dir, pki.Request{Name: fmt.Sprintf("n%d", i%names), Now: start})
		})
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		switch {
		case err == nil:
			won++
		case !errors.Is(err, pki.ErrExists):
			t.Error(err)
		}
	}
	entries, err := pki.List(dir)
	if err != nil || won != names || len(entries) != names {
		t.Fatalf("%d won, %d in the index, want %d each; %v", won, len(entries), names, err)
	}
	serials := map[string]bool{}
	for _, e := range entries {
		serials[e.Serial] = true
		cert := readCert(t, filepath.Join(dir, e.CertFile))
		if e.Serial != fmt.Sprintf("%032x", cert.SerialNumber) {
			t.Errorf("%s: serial %032x, the index has %s", e.Name, cert.SerialNumber, e.Serial)
		}
	}
	if len(serials) != names {
		t.Errorf("%d serials", len(serials))
	}
}

// What cannot be written into the index is not issued: it could never be revoked.
func TestIssueNeedsTheIndex(t *testing.T) {
	dir := newFolder(t)
	write(t, filepath.Join(dir, "index.jsonl"), []byte("{\"serial\":\"1f\"}\nnonsense\n"))
	before := contents(t, dir)
	_, err := pki.Issue(dir, pki.Request{Name: "a", Now: start})
	if err == nil || !strings.Contains(err.Error(), "index.jsonl, line 2") {
		t.Errorf("got %v", err)
	}
	if after := contents(t, dir); !maps.Equal(before, after) {
		t.Error("the folder changed")
	}
}
