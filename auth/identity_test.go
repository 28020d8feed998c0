package auth_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/roster-sd/roster/auth"
)

func certificate(t *testing.T, uris, names []string, commonName string) *x509.Certificate {
	t.Helper()
	cert := &x509.Certificate{DNSNames: names, Subject: pkix.Name{CommonName: commonName}}
	for _, s := range uris {
		u, err := url.Parse(s)
		if err != nil {
			t.Fatalf("parse %q: %v", s, err)
		}
		cert.URIs = append(cert.URIs, u)
	}
	return cert
}

func TestIdentityOf(t *testing.T) {
	const orders = "spiffe://example.org/ns/prod/orders"
	uriOnly := []auth.Source{auth.SourceURI}
	dnsOnly := []auth.Source{auth.SourceDNS}
	withCN := []auth.Source{auth.SourceCN, auth.SourceDNS, auth.SourceURI}
	tests := []struct {
		name    string
		uris    []string
		names   []string
		cn      string
		sources []auth.Source
		want    string
		refused string // part of the error
	}{
		{name: "uri", uris: []string{orders}, want: orders},
		{name: "uri before dns and cn", uris: []string{orders}, names: []string{"a", "b"}, cn: "c", sources: withCN, want: orders},
		{name: "scheme in capitals is the same scheme", uris: []string{"SPIFFE://example.org/x"}, want: "spiffe://example.org/x"},
		{name: "two uris", uris: []string{orders, "spiffe://example.org/admin"}, refused: "2 URI SANs"},
		{name: "two uris, though uri is no source", uris: []string{orders, orders}, names: []string{"a"}, sources: dnsOnly, refused: "2 URI SANs"},
		{name: "two uris of which one is no SPIFFE ID", uris: []string{orders, "https://example.org/"}, refused: "2 URI SANs"},
		{name: "another uri never falls back to dns", uris: []string{"https://example.org/x"}, names: []string{"a"}, refused: "no SPIFFE ID"},
		{name: "another uri where uri is no source", uris: []string{"https://example.org/x"}, names: []string{"a"}, sources: dnsOnly, want: "a"},
		{name: "dns", names: []string{"Orders.Example.org"}, want: "orders.example.org"},
		{name: "dns before cn", names: []string{"orders"}, cn: "admin", sources: withCN, want: "orders"},
		{name: "two dns names", names: []string{"a", "b"}, refused: "2 DNS SANs"},
		{name: "two dns names never fall back to cn", names: []string{"a", "b"}, cn: "c", sources: withCN, refused: "2 DNS SANs"},
		{name: "wildcard", names: []string{"*.example.org"}, refused: "no name of a host"},
		{name: "dns where it is no source", names: []string{"orders"}, sources: uriOnly, refused: "(uri)"},
		{name: "common name not asked for", cn: "orders", refused: "(uri, dns)"},
		{name: "common name asked for", cn: "Orders Team", sources: withCN, want: "Orders Team"},
		{name: "common name that plays a SPIFFE ID", cn: orders, sources: withCN, refused: "looks like a URI"},
		{name: "common name with a line break", cn: "a\nb", sources: withCN, refused: "common name"},
		{name: "common name that is not UTF-8", cn: "a\xff", sources: withCN, refused: "UTF-8"},
		{name: "nothing", refused: "nothing of what may name one"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := auth.IdentityOf(certificate(t, tt.uris, tt.names, tt.cn), tt.sources)
			if tt.refused == "" {
				if err != nil || got != tt.want {
					t.Fatalf("got %q, %v; want %q", got, err, tt.want)
				}
				return
			}
			if got != "" || !errors.Is(err, auth.ErrNoIdentity) || !strings.Contains(err.Error(), tt.refused) {
				t.Fatalf("got %q, %v; want a refusal with %q", got, err, tt.refused)
			}
		})
	}
}

func TestIdentityOfRefusesCAAndNil(t *testing.T) {
	ca := certificate(t, []string{"spiffe://example.org/x"}, nil, "")
	ca.IsCA = true
	for name, cert := range map[string]*x509.Certificate{"CA": ca, "nil": nil} {
		if got, err := auth.IdentityOf(cert, nil); got != "" || !errors.Is(err, auth.ErrNoIdentity) {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
}

func TestCheckSPIFFE(t *testing.T) {
	long := strings.Repeat("a", 2048-len("spiffe://example.org/"))
	good := []string{
		"spiffe://example.org/orders",
		"spiffe://roster.local/A.b_c-1/d",
		"spiffe://a/...",
		"spiffe://example.org/" + long,
	}
	bad := map[string]string{
		"https://example.org/orders":           "scheme",
		"spiffe:orders":                        "want spiffe://",
		"spiffe:///orders":                     "no trust domain",
		"spiffe://example.org":                 "no path",
		"spiffe://example.org/":                "no path",
		"spiffe://example.org/a/":              "empty path segment",
		"spiffe://example.org//a":              "empty path segment",
		"spiffe://example.org/./a":             "relative",
		"spiffe://example.org/a/..":            "relative",
		"spiffe://example.org/a?b=c":           "query",
		"spiffe://example.org/a?":              "query",
		"spiffe://example.org/a#b":             "fragment",
		"spiffe://user@example.org/a":          "user",
		"spiffe://@example.org/a":              "user",
		"spiffe://example.org:443/a":           "trust domain",
		"spiffe://example.org:/a":              "trust domain",
		"spiffe://Example.org/a":               "trust domain",
		"spiffe://[::1]/a":                     "trust domain",
		"spiffe://example.org/%61":             "escaped",
		"spiffe://example.org/a%2Fb":           "escaped",
		"spiffe://example.org/a*":              "path",
		"spiffe://example.org/ä":               "path",
		"spiffe://example.org/a" + long:        "longer than",
		"spiffe://" + strings.Repeat("a", 256): "trust domain longer",
	}
	for _, s := range good {
		u, err := url.Parse(s)
		if err == nil {
			err = auth.CheckSPIFFE(u)
		}
		if err != nil {
			t.Errorf("%.40s: %v", s, err)
		}
	}
	for s, want := range bad {
		u, err := url.Parse(s)
		if err != nil {
			t.Fatalf("%s: %v", s, err)
		}
		if err := auth.CheckSPIFFE(u); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40s: got %v, want an error with %q", s, err, want)
		}
	}
}

func TestCheckDNSName(t *testing.T) {
	for _, name := range []string{"a", "orders.example.org", "A-1_b", strings.Repeat("a", 63)} {
		if err := auth.CheckDNSName(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{"", ".", "a.", ".a", "a..b", "-a", "a-", "*.a", "a b", "a/b", "ä", strings.Repeat("a", 64), strings.Repeat("a.", 127) + "a"} {
		if auth.CheckDNSName(name) == nil {
			t.Errorf("%q: taken", name)
		}
	}
}

func TestParseSource(t *testing.T) {
	for _, s := range []string{"uri", "dns", "cn"} {
		if got, err := auth.ParseSource(s); err != nil || string(got) != s {
			t.Errorf("%q: got %q, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "URI", "email"} {
		if _, err := auth.ParseSource(s); err == nil {
			t.Errorf("%q: taken", s)
		}
	}
}
