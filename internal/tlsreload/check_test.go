package tlsreload

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/roster-sd/roster/internal/pki"
)

// A connection outlives what let it in.
func TestCheckOfAnOpenConnection(t *testing.T) {
	f := newFolder(t)
	good := f.client(pki.Request{Name: "orders"})
	f.writeCRL(pki.CRLOptions{})
	m := f.load(f.filesWithCRL())
	s := serve(t, m.ServerConfig())
	_, seen, err := s.dial(f.trust(good))
	f.must(nil, err)
	conn, leaf, now := &seen.state, seen.state.PeerCertificates[0], time.Now()
	check := func(what string, now time.Time, want error) {
		t.Helper()
		for _, err := range []error{m.Check(leaf, now), m.CheckConnection(conn, now)} {
			if !errors.Is(err, want) || want == nil && err != nil {
				t.Errorf("%s: %v, want %v", what, err, want)
			}
		}
	}
	check("good", now, nil)
	check("after its end", leaf.NotAfter.Add(time.Second), ErrExpired)
	check("when the list has run out", m.NextUpdate().Add(time.Second), ErrNoList)
	if n := testing.AllocsPerRun(100, func() { _, _ = m.Check(leaf, now), m.CheckConnection(conn, now) }); n != 0 {
		t.Errorf("%v allocations", n)
	}

	f.revoke("orders")
	check("revoked, and not yet reloaded", now, nil)
	reload(t, m, "")
	check("revoked", now, ErrRevoked)
}

// A list that runs out while the server runs refuses everyone, until there is a new one.
func TestListThatRunsOut(t *testing.T) {
	f := newFolder(t)
	good := f.client(pki.Request{Name: "orders"})
	f.writeCRL(pki.CRLOptions{TTL: time.Hour})
	m := f.load(f.filesWithCRL())
	var later atomic.Int64
	m.Now = func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
	s := serve(t, m.ServerConfig())
	s.admits("in time", f.trust(good))
	later.Store(int64(2 * time.Hour))
	if err := s.refuses("too late", f.trust(good)); !errors.Is(err, ErrNoList) {
		t.Errorf("the server says %v", err)
	}
	f.writeCRL(pki.CRLOptions{Now: m.Now()})
	reload(t, m, "")
	s.admits("with a new list", f.trust(good))
}

// Revocation is by issuer and serial number: another authority's list says nothing of a
// certificate with the same number.
func TestSameSerialOfTwoAuthorities(t *testing.T) {
	f, other := newFolder(t), newFolder(t)
	stolen := f.client(pki.Request{Name: "stolen"})
	same := other.sign(func(c *x509.Certificate) {
		c.SerialNumber = stolen.Leaf.SerialNumber
		c.URIs = []*url.URL{uri("spiffe://example.org/a")}
	})
	f.revoke("stolen")
	other.writeCRL(pki.CRLOptions{})
	mine := f.trust(stolen)
	theirs := f.trust(same)
	f.write("ca.crt", append(f.read("ca.crt"), other.read("ca.crt")...))
	f.write("ca.crl", append(f.read("ca.crl"), other.read("ca.crl")...))
	m := f.load(f.filesWithCRL())
	s := serve(t, m.ServerConfig())
	s.refuses("revoked", mine)
	s.admits("the other's", theirs)
}

func TestRevokedSerials(t *testing.T) {
	long := new(big.Int).Lsh(big.NewInt(3), 200) // longer than RFC 5280 allows
	listed := []*big.Int{big.NewInt(1), big.NewInt(255), big.NewInt(256), new(big.Int).Lsh(big.NewInt(1), 159), long}
	r := &revocations{serials: map[string]struct{}{}}
	for _, n := range listed {
		r.serials[string(n.Bytes())] = struct{}{}
	}
	for _, n := range listed {
		if !r.revoked(n) {
			t.Errorf("%x: not found", n)
		}
		if other := new(big.Int).Add(n, big.NewInt(2)); r.revoked(other) {
			t.Errorf("%x: found", other)
		}
	}
	if r.revoked(big.NewInt(0)) {
		t.Error("0: found")
	}
}

func BenchmarkCheckConnection(b *testing.B) {
	root, leaf := &x509.Certificate{RawSubject: make([]byte, 60)}, &x509.Certificate{
		RawIssuer: make([]byte, 60), SerialNumber: new(big.Int).Lsh(big.NewInt(1), 127), NotAfter: time.Now().Add(time.Hour),
	}
	m := &Material{}
	m.current.Store(&state{
		roots: map[*x509.Certificate]struct{}{root: {}},
		lists: map[string]*revocations{string(root.RawSubject): {nextUpdate: time.Now().Add(time.Hour), serials: map[string]struct{}{"x": {}}}},
	})
	conn := &tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{leaf, root}}}
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		if err := m.CheckConnection(conn, now); err != nil {
			b.Fatal(err)
		}
	}
}
