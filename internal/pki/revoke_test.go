package pki_test

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/roster-sd/roster/internal/pki"
)

func issue(t *testing.T, dir string, req pki.Request) *pki.Issued {
	t.Helper()
	if req.Now.IsZero() {
		req.Now = start
	}
	issued, err := pki.Issue(dir, req)
	if err != nil {
		t.Fatal(err)
	}
	return issued
}

// readCRL gives the list of the folder, with its signature checked.
func readCRL(t *testing.T, dir string) *x509.RevocationList {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "ca.crl"))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(data)
	if block == nil || block.Type != "X509 CRL" {
		t.Fatal("no list in PEM")
	}
	list, err := x509.ParseRevocationList(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if err := list.CheckSignatureFrom(readCert(t, filepath.Join(dir, "ca.crt"))); err != nil {
		t.Fatal(err)
	}
	return list
}

func serials(list *x509.RevocationList) string {
	var all []string
	for _, e := range list.RevokedCertificateEntries {
		all = append(all, fmt.Sprintf("%032x", e.SerialNumber))
	}
	return strings.Join(all, " ")
}

func TestRevokeByName(t *testing.T) {
	dir := newFolder(t)
	old := issue(t, dir, pki.Request{Name: "orders", TTL: time.Hour})
	one := issue(t, dir, pki.Request{Name: "orders", File: "one"})
	two := issue(t, dir, pki.Request{Name: "orders", File: "two"})
	issue(t, dir, pki.Request{Name: "users"})
	now := start.Add(2 * time.Hour)
	revoked, list, err := pki.Revoke(dir, "orders", pki.CRLOptions{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	if len(revoked) != 2 || revoked[0].Serial != one.Serial || revoked[1].Serial != two.Serial || !revoked[0].RevokedAt.Equal(now) {
		t.Fatalf("revoked %+v", revoked)
	}
	if list.Revoked != 2 || !list.NextUpdate.Equal(now.Add(pki.DefaultCRLTTL)) || list.Path != filepath.Join(dir, "ca.crl") {
		t.Errorf("list %+v", list)
	}
	crl := readCRL(t, dir)
	if serials(crl) != one.Serial+" "+two.Serial || !crl.NextUpdate.Equal(list.NextUpdate) || !crl.ThisUpdate.Before(now) {
		t.Errorf("list of %s, from %v to %v", serials(crl), crl.ThisUpdate, crl.NextUpdate)
	}
	entries, err := pki.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	var states []string
	for _, e := range entries {
		states = append(states, e.State(now))
	}
	if got := strings.Join(states, " "); got != "expired revoked revoked valid" {
		t.Errorf("states %s", got)
	}
	if _, _, err := pki.Revoke(dir, old.Serial, pki.CRLOptions{Now: now}); err != nil {
		t.Errorf("one that expired, by its serial: %v", err)
	}
}

func TestRevokeBySerial(t *testing.T) {
	dir := newFolder(t)
	spell := []func(string) string{
		func(s string) string { return s },
		strings.ToUpper,
		func(s string) string { return "0x" + strings.TrimLeft(s, "0") },
		func(s string) string {
			var b strings.Builder
			for i := 0; i < len(s); i += 2 {
				fmt.Fprintf(&b, ":%s", s[i:i+2])
			}
			return b.String()[1:]
		},
	}
	for i, how := range spell {
		issued := issue(t, dir, pki.Request{Name: fmt.Sprintf("n%d", i)})
		revoked, _, err := pki.Revoke(dir, how(issued.Serial), pki.CRLOptions{Now: start})
		if err != nil || len(revoked) != 1 || revoked[0].Name != issued.Name {
			t.Errorf("%s: %+v, %v", how(issued.Serial), revoked, err)
		}
		if _, _, err := pki.Revoke(dir, how(issued.Serial), pki.CRLOptions{Now: start}); !errors.Is(err, pki.ErrRevoked) {
			t.Errorf("again: %v", err)
		}
	}
	if crl := readCRL(t, dir); len(crl.RevokedCertificateEntries) != len(spell) {
		t.Errorf("listed %s", serials(crl))
	}
}

func TestRevokeRefuses(t *testing.T) {
	dir := newFolder(t)
	issue(t, dir, pki.Request{Name: "short", TTL: time.Hour})
	issue(t, dir, pki.Request{Name: "gone"})
	if _, _, err := pki.Revoke(dir, "gone", pki.CRLOptions{Now: start}); err != nil {
		t.Fatal(err)
	}
	before := readCRL(t, dir).Number
	for name, want := range map[string]error{
		"nobody": pki.ErrNotFound, "": pki.ErrNotFound, "gon": pki.ErrNotFound, "1f": pki.ErrNotFound,
		"short": pki.ErrNotFound, "gone": pki.ErrRevoked,
	} {
		if _, _, err := pki.Revoke(dir, name, pki.CRLOptions{Now: start.Add(2 * time.Hour)}); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", name, err, want)
		}
	}
	if _, _, err := pki.Revoke(dir, "short", pki.CRLOptions{Now: start, TTL: -1}); !errors.Is(err, pki.ErrInvalid) {
		t.Errorf("negative lifetime: %v", err)
	}
	if after := readCRL(t, dir).Number; after.Cmp(before) != 0 {
		t.Errorf("a list was written: %v, %v before", after, before)
	}
}

func TestWriteCRL(t *testing.T) {
	dir := newFolder(t)
	issued := issue(t, dir, pki.Request{Name: "orders", TTL: 24 * time.Hour})
	write := func(now time.Time) *big.Int {
		t.Helper()
		list, err := pki.WriteCRL(dir, pki.CRLOptions{Now: now, TTL: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		crl := readCRL(t, dir)
		if !crl.NextUpdate.Equal(now.Add(time.Hour)) || crl.Number.String() != list.Number || list.Revoked != len(crl.RevokedCertificateEntries) {
			t.Errorf("got %+v and a list of number %v until %v", list, crl.Number, crl.NextUpdate)
		}
		return crl.Number
	}
	grows := func(what string, before, after *big.Int) {
		t.Helper()
		if after.Cmp(before) <= 0 {
			t.Errorf("%s: number %v after %v", what, after, before)
		}
	}
	first := write(start)
	second := write(start)
	grows("in the same second", first, second)
	third := write(start.Add(-time.Hour))
	grows("after the clock went back", second, third)
	if err := os.Remove(filepath.Join(dir, "ca.crl")); err != nil {
		t.Fatal(err)
	}
	fourth := write(start.Add(time.Minute))
	grows("after the list was lost", third, fourth)

	if _, _, err := pki.Revoke(dir, "orders", pki.CRLOptions{Now: start}); err != nil {
		t.Fatal(err)
	}
	write(start.Add(24 * time.Hour))
	if got := serials(readCRL(t, dir)); got != issued.Serial {
		t.Errorf("listed %s", got)
	}
	write(start.Add(26 * time.Hour))
	if got := serials(readCRL(t, dir)); got != "" {
		t.Errorf("still lists what expired a list ago: %s", got)
	}
	if _, err := pki.WriteCRL(dir, pki.CRLOptions{TTL: -1}); !errors.Is(err, pki.ErrInvalid) {
		t.Errorf("negative lifetime: %v", err)
	}
}
