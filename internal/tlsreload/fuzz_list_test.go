package tlsreload

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"maps"
	"math/big"
	"slices"
	"testing"
	"time"
)

// Nobody can make a revocation list but the authority: of whatever bytes, either nothing is
// taken, or exactly what the authority has signed.
func FuzzReadLists(f *testing.F) {
	now := time.Now()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, SubjectKeyId: []byte{1},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(240 * time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCRLSign | x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		f.Fatal(err)
	}
	root, err := x509.ParseCertificate(der)
	if err != nil {
		f.Fatal(err)
	}
	list, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: now, NextUpdate: now.Add(240 * time.Hour),
		RevokedCertificateEntries: []x509.RevocationListEntry{{SerialNumber: big.NewInt(77), RevocationTime: now}}}, root, key)
	if err != nil {
		f.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: list})
	f.Add([]byte{})
	f.Add(list)
	f.Add(text)
	f.Add(append(slices.Clone(text), text...))
	f.Add(text[:len(text)/2])
	f.Add(bytes.Replace(list, []byte{77}, []byte{78}, 1))
	f.Add([]byte("-----BEGIN X509 CRL-----\n-----END X509 CRL-----\n"))
	roots := map[*x509.Certificate]struct{}{root: {}}
	f.Fuzz(func(t *testing.T, data []byte) {
		lists, err := readLists(data, roots, now)
		if err != nil {
			return
		}
		for issuer, l := range lists {
			if issuer != string(root.RawSubject) || !slices.Equal(slices.Collect(maps.Keys(l.serials)), []string{string([]byte{77})}) {
				t.Fatalf("a list of %q revokes %v", issuer, l.serials)
			}
		}
		if len(lists) != 1 {
			t.Fatalf("%d lists", len(lists))
		}
	})
}
