package tlsreload

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/roster-sd/roster/internal/pki"
)

// A list that has the authority's name and was signed by somebody else.
func TestForgedList(t *testing.T) {
	f := newFolder(t)
	authority, err := pki.Load(f.dir)
	f.must(nil, err)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	f.must(nil, err)
	impostor := *authority.Cert
	impostor.PublicKey = key.Public()
	der, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
		Number: big.NewInt(1), ThisUpdate: time.Now(), NextUpdate: time.Now().Add(time.Hour),
	}, &impostor, key)
	f.must(nil, err)
	f.write("ca.crl", der)
	if _, err := Load(f.filesWithCRL()); err == nil || !strings.Contains(err.Error(), "not signed by") {
		t.Errorf("got %v", err)
	}
	// The authority's own is read in this form too.
	f.must(nil, os.Remove(f.path("ca.crl")))
	f.writeCRL(pki.CRLOptions{})
	blocks, err := decodePEM(f.read("ca.crl"), "X509 CRL")
	f.must(nil, err)
	f.write("ca.crl", blocks[0])
	f.load(f.filesWithCRL())
}

// The authority's key, and another's name: which certificates it speaks of is not clear.
func TestListUnderAnotherName(t *testing.T) {
	f := newFolder(t)
	authority, err := tls.LoadX509KeyPair(f.path("ca.crt"), f.path("ca-key.pem"))
	f.must(nil, err)
	other := *authority.Leaf
	other.RawSubject, other.Subject = nil, pkix.Name{CommonName: "other"}
	der, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
		Number: big.NewInt(1), ThisUpdate: time.Now(), NextUpdate: time.Now().Add(time.Hour),
	}, &other, authority.PrivateKey.(crypto.Signer))
	f.must(nil, err)
	f.write("ca.crl", der)
	if _, err := Load(f.filesWithCRL()); err == nil || !strings.Contains(err.Error(), "not signed by") {
		t.Errorf("got %v", err)
	}
}

func TestUsable(t *testing.T) {
	now := time.Now()
	good := func() *x509.RevocationList {
		return &x509.RevocationList{
			ThisUpdate: now, NextUpdate: now.Add(time.Hour),
			Extensions:                []pkix.Extension{{Id: []int{2, 5, 29, 20}}},
			RevokedCertificateEntries: []x509.RevocationListEntry{{Extensions: []pkix.Extension{{Id: []int{2, 5, 29, 21}}}}},
		}
	}
	if err := usable(good(), now); err != nil {
		t.Error(err)
	}
	for says, spoil := range map[string]func(*x509.RevocationList){
		"has no next update":           func(l *x509.RevocationList) { l.NextUpdate = time.Time{} },
		"ran out":                      func(l *x509.RevocationList) { l.NextUpdate = now.Add(-time.Second) },
		"not valid before":             func(l *x509.RevocationList) { l.ThisUpdate = now.Add(skew + time.Second) },
		"critical extension 2.5.29.20": func(l *x509.RevocationList) { l.Extensions[0].Critical = true },
		"critical extension 2.5.29.21": func(l *x509.RevocationList) { l.RevokedCertificateEntries[0].Extensions[0].Critical = true },
	} {
		list := good()
		spoil(list)
		if err := usable(list, now); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", says, err)
		}
	}
}
