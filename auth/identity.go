// Package auth decides who a caller is, what a token is worth, and what a caller may do.
//
// It is pure: it reads no files, keeps no connections, and imports nothing but the
// standard library, so that every surface of Roster asks the same three questions in
// the same place: [IdentityOf] a verified certificate, [Pair.Check] of a token's
// digest, and [Authorizer.Authorize] for an action on a service.
package auth

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Source is a part of a certificate that may name its holder.
type Source string

// The sources of an identity, in the order in which they are asked. The order is fixed:
// a list of sources says which may be used, not which comes first.
const (
	SourceURI Source = "uri" // the one URI SAN, a SPIFFE ID
	SourceDNS Source = "dns" // the one DNS SAN
	SourceCN  Source = "cn"  // the subject's common name; never used unless listed
)

// DefaultSources are the sources that hold where none are listed.
func DefaultSources() []Source { return []Source{SourceURI, SourceDNS} }

// ParseSource reads a source as it stands in the configuration.
func ParseSource(s string) (Source, error) {
	switch src := Source(s); src {
	case SourceURI, SourceDNS, SourceCN:
		return src, nil
	}
	return "", fmt.Errorf("identity source %q: want uri, dns or cn", s)
}

// ErrNoIdentity is the kind of every error of [IdentityOf]: the certificate may be good,
// but it does not name one caller beyond doubt.
var ErrNoIdentity = errors.New("certificate names no caller")

// IdentityOf gives the identity in a client certificate that has been verified: the one
// SPIFFE URI SAN as it stands, else the one DNS SAN in lower case, else, only if sources
// lists [SourceCN], the common name. No sources means [DefaultSources].
//
// A certificate that could be read in two ways is refused and never guessed at: more
// than one URI SAN always, a URI SAN that is no SPIFFE ID, more than one DNS SAN where
// the DNS SAN is what counts, and the certificate of a CA. The rules are those of the
// SPIFFE X509-SVID standard.
func IdentityOf(cert *x509.Certificate, sources []Source) (string, error) {
	if cert == nil {
		return "", refuse("there is none")
	}
	if len(cert.URIs) > 1 {
		return "", refuse("it has %d URI SANs and may have one", len(cert.URIs))
	}
	if cert.IsCA {
		return "", refuse("it is that of a CA")
	}
	if allows(sources, SourceURI) && len(cert.URIs) == 1 {
		if err := CheckSPIFFE(cert.URIs[0]); err != nil {
			return "", refuse("its URI SAN %q is no SPIFFE ID: %v", cert.URIs[0].Redacted(), err)
		}
		return "spiffe://" + cert.URIs[0].Host + cert.URIs[0].Path, nil
	}
	if allows(sources, SourceDNS) && len(cert.DNSNames) > 0 {
		if len(cert.DNSNames) > 1 {
			return "", refuse("it has %d DNS SANs and may have one", len(cert.DNSNames))
		}
		if err := CheckDNSName(cert.DNSNames[0]); err != nil {
			return "", refuse("its DNS SAN %q is no name of a host: %v", cert.DNSNames[0], err)
		}
		return strings.ToLower(cert.DNSNames[0]), nil
	}
	if slices.Contains(sources, SourceCN) && cert.Subject.CommonName != "" {
		if err := checkCommonName(cert.Subject.CommonName); err != nil {
			return "", refuse("its common name %q cannot be used: %v", cert.Subject.CommonName, err)
		}
		return cert.Subject.CommonName, nil
	}
	if len(sources) == 0 {
		sources = DefaultSources()
	}
	return "", refuse("it has nothing of what may name one (%s)", join(sources))
}

func refuse(format string, args ...any) error {
	return fmt.Errorf("identity: %w: %s", ErrNoIdentity, fmt.Sprintf(format, args...))
}

// allows tells whether src may be used. It allocates nothing, unlike asking a default list.
func allows(sources []Source, src Source) bool {
	if len(sources) == 0 {
		return src != SourceCN
	}
	return slices.Contains(sources, src)
}

func join(sources []Source) string {
	names := make([]string, len(sources))
	for i, s := range sources {
		names[i] = string(s)
	}
	return strings.Join(names, ", ")
}

// The bounds of a SPIFFE ID, in bytes (SPIFFE-ID, section 2).
const (
	maxSPIFFE      = 2048
	maxTrustDomain = 255
)

// CheckSPIFFE tells what keeps u from being the SPIFFE ID of a workload: scheme, trust
// domain and a path of plain segments, and nothing else of a URI (SPIFFE-ID, section 2).
func CheckSPIFFE(u *url.URL) error {
	switch {
	case u.Scheme != "spiffe":
		return fmt.Errorf("scheme %q, want spiffe", u.Scheme)
	case u.Opaque != "":
		return errors.New("want spiffe:// and a trust domain")
	case u.User != nil:
		return errors.New("it holds a user")
	case u.RawQuery != "" || u.ForceQuery:
		return errors.New("it holds a query")
	case u.Fragment != "" || u.RawFragment != "":
		return errors.New("it holds a fragment")
	case len("spiffe://")+len(u.Host)+len(u.Path) > maxSPIFFE:
		return fmt.Errorf("longer than %d bytes", maxSPIFFE)
	}
	if err := CheckTrustDomain(u.Host); err != nil {
		return err
	}
	if u.Path == "" || u.Path == "/" {
		return errors.New("no path: it names a trust domain, not a workload")
	}
	for segment := range strings.SplitSeq(u.Path[1:], "/") {
		switch {
		case segment == "":
			return errors.New("empty path segment")
		case segment == "." || segment == "..":
			return errors.New("relative path segment")
		}
		for _, c := range segment {
			if c > 0x7F || !alphanumeric(byte(c)) && c != '.' && c != '-' && c != '_' {
				return fmt.Errorf("character %q in the path", c)
			}
		}
	}
	if u.RawPath != "" {
		return errors.New("it holds escaped characters")
	}
	return nil
}

// CheckTrustDomain tells what keeps name from being a SPIFFE trust domain: lower-case
// letters, digits, dots, dashes and underscores, and so neither a port nor a user.
func CheckTrustDomain(name string) error {
	if name == "" {
		return errors.New("no trust domain")
	}
	if len(name) > maxTrustDomain {
		return fmt.Errorf("trust domain longer than %d bytes", maxTrustDomain)
	}
	for i := range len(name) {
		c := name[i]
		if !alphanumeric(c) && c != '.' && c != '-' && c != '_' || 'A' <= c && c <= 'Z' {
			return fmt.Errorf("character %q in the trust domain", c)
		}
	}
	return nil
}

// CheckDNSName tells what keeps name from being one host's DNS name: labels of letters,
// digits, dashes and underscores, and no wildcard, which would name many.
func CheckDNSName(name string) error {
	if name == "" || len(name) > 253 {
		return errors.New("want 1 to 253 bytes")
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 {
			return errors.New("want labels of 1 to 63 bytes")
		}
		if label[0] == '-' || label[len(label)-1] == '-' {
			return errors.New("a label begins or ends with a dash")
		}
		for i := range len(label) {
			if c := label[i]; !alphanumeric(c) && c != '-' && c != '_' {
				return fmt.Errorf("character %q", c)
			}
		}
	}
	return nil
}

// checkCommonName keeps a common name from passing for an identity of another source:
// a CA that checks SANs with care may let anything stand in a subject.
func checkCommonName(name string) error {
	if len(name) > 256 || !utf8.ValidString(name) {
		return errors.New("want at most 256 bytes of UTF-8")
	}
	if strings.Contains(name, "://") {
		return errors.New("it looks like a URI")
	}
	for _, r := range name {
		if !unicode.IsPrint(r) {
			return fmt.Errorf("character %q", r)
		}
	}
	return nil
}

func alphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}
