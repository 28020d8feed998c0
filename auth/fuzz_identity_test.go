package auth

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net/url"
	"strings"
	"testing"
	"unicode"
)

// Whatever stands in a certificate, an identity is of the kind that its source says, holds
// nothing that could be taken for another one, and is refused with one kind of error.
func FuzzIdentityOf(f *testing.F) {
	f.Add("spiffe://example.org/orders", "orders.example", "orders", false)
	f.Add("", "ORDERS.example", "", false)
	f.Add("", "", "orders", true)
	f.Add("https://example.org/orders", "", "", true)
	f.Add("spiffe://example.org:8443/a?b#c", "*.example", "spiffe://example.org/admin", true)
	f.Add("spiffe://user@example.org/a", "a..b", "a\nb", true)
	f.Add("spiffe:opaque", "-a", "", false)
	f.Add("spiffe://example.org/../admin", "a b", "\x00", true)
	f.Add("spiffe://example.org/%61dmin", "", "", false)
	f.Fuzz(func(t *testing.T, uri, dns, cn string, common bool) {
		cert := &x509.Certificate{}
		if u, err := url.Parse(uri); uri != "" && err == nil {
			cert.URIs = []*url.URL{u}
		}
		if dns != "" {
			cert.DNSNames = []string{dns}
		}
		cert.Subject.CommonName = cn
		sources := DefaultSources()
		if common {
			sources = append(sources, SourceCN)
		}
		id, err := IdentityOf(cert, sources)
		if err != nil {
			if !errors.Is(err, ErrNoIdentity) || id != "" {
				t.Fatalf("refused with %q, %v", id, err)
			}
			return
		}
		spiffe := strings.HasPrefix(id, "spiffe://")
		switch {
		case id == "" || strings.ContainsFunc(id, unicode.IsControl):
			t.Fatalf("the identity is %q", id)
		case len(cert.URIs) > 0 && (!spiffe || id != "spiffe"+strings.TrimSuffix(uri[len("spiffe"):], "#")): // of schemes the case does not count
			t.Fatalf("the URI is %q, the identity %q", uri, id)
		case len(cert.URIs) == 0 && strings.Contains(id, "://"):
			t.Fatalf("%q passes for a URI", id)
		case len(cert.URIs) == 0 && dns != "" && id != strings.ToLower(dns):
			t.Fatalf("the DNS name is %q, the identity %q", dns, id)
		case len(cert.URIs) == 0 && dns == "" && (!common || id != cn):
			t.Fatalf("the common name is %q, the identity %q", cn, id)
		}
		// Two URIs name nobody, whatever they are.
		if cert.URIs = append(cert.URIs, &url.URL{Scheme: "spiffe", Host: "example.org", Path: "/b"}); len(cert.URIs) == 2 {
			if id, err := IdentityOf(cert, sources); err == nil {
				t.Fatalf("two URIs are %q", id)
			}
		}
	})
}

// A certificate of any bytes is one that cannot be read, or has an identity or none.
func FuzzCertificate(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0x30, 0x82, 0x01, 0x00})
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	for _, c := range []*x509.Certificate{
		{URIs: []*url.URL{{Scheme: "spiffe", Host: "example.org", Path: "/orders"}}},
		{DNSNames: []string{"orders.example", "billing.example"}, Subject: pkix.Name{CommonName: "orders"}},
		{Subject: pkix.Name{CommonName: "orders"}, IsCA: true, BasicConstraintsValid: true},
	} {
		c.SerialNumber = big.NewInt(1)
		der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(der)
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return
		}
		if id, err := IdentityOf(cert, []Source{SourceURI, SourceDNS, SourceCN}); (err == nil) == (id == "") {
			t.Fatalf("%q, %v", id, err)
		}
	})
}
