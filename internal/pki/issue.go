package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/roster-sd/roster/auth"
)

// Request asks for a certificate.
type Request struct {
	// Name is whom the certificate is for: common name, DNS SAN of a client, last part of
	// its SPIFFE ID, and name of the files. Empty is "server" for a server.
	Name string
	// Server asks for a server's certificate, which clients check against SANs; else it
	// is a client's, which names one caller.
	Server bool
	// SANs are the DNS names and IP addresses of a server, one at least; none for a client.
	SANs []string
	// SPIFFE is the SPIFFE ID; empty is spiffe://<trust domain>/<name> for a client and
	// none for a server.
	SPIFFE string
	// File is the name of the files without their ends; empty is Name. It lets a new
	// certificate of the same name stand beside the old one.
	File string
	TTL  time.Duration // zero: DefaultTTL, or what is left of the authority's own life
	Now  time.Time     // zero: now
}

// Issued is a new certificate and where it lies.
type Issued struct {
	Entry
	CertPath string
	KeyPath  string
}

var fileName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$`)

// Issue makes a key and a certificate for it, in dir. It fails with [ErrInvalid] when the
// request cannot be met, with [ErrExists] when a file of that name is there, and with
// [ErrNoAuthority].
func Issue(dir string, req Request) (*Issued, error) {
	var issued *Issued
	err := locked(dir, func(a *Authority, entries []Entry) (err error) {
		issued, err = a.issue(req, entries)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("issue: %w", err)
	}
	return issued, nil
}

func (a *Authority) issue(req Request, entries []Entry) (*Issued, error) {
	template, err := a.template(&req)
	if err != nil {
		return nil, err
	}
	issued := &Issued{
		Entry: Entry{
			Serial: serialText(template.SerialNumber), Name: req.Name, Kind: KindClient, SANs: sans(template),
			CertFile: req.File + ".crt", NotBefore: template.NotBefore, NotAfter: template.NotAfter,
		},
	}
	issued.CertPath, issued.KeyPath = a.pathsOf(req.File)
	if req.Server {
		issued.Kind = KindServer
	}
	if len(template.URIs) > 0 {
		issued.Identity = template.URIs[0].String()
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.Cert, key.Public(), a.key)
	if err != nil {
		return nil, err
	}
	keyPEM, err := encodeKey(key)
	if err != nil {
		return nil, err
	}
	if err := absent(issued.CertPath, issued.KeyPath); err != nil {
		return nil, err
	}
	// The index goes first: a certificate that is not in it could not be revoked.
	if err := writeIndex(a.dir, append(slices.Clip(entries), issued.Entry)); err != nil {
		return nil, err
	}
	if err := writePair(issued.KeyPath, keyPEM, issued.CertPath, encodeCert(der)); err != nil {
		return nil, errors.Join(err, writeIndex(a.dir, entries))
	}
	return issued, nil
}

func (a *Authority) pathsOf(base string) (cert, key string) {
	return filepath.Join(a.dir, base+".crt"), filepath.Join(a.dir, base+"-key.pem")
}

// template checks the request, fills in what it leaves out, and makes the certificate of it.
func (a *Authority) template(req *Request) (*x509.Certificate, error) {
	if req.Server && req.Name == "" {
		req.Name = KindServer
	}
	if req.File == "" {
		req.File = req.Name
	}
	if !fileName.MatchString(req.Name) {
		return nil, invalid("name %q: want 1 to 63 letters, digits, dots, dashes and underscores, the first and last a letter or digit", req.Name)
	}
	if !fileName.MatchString(req.File) || req.File == "ca" {
		return nil, invalid("file name %q: want the same as of a name, and not ca", req.File)
	}
	now := moment(req.Now)
	notAfter, err := a.until(now, req.TTL)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          newSerial(),
		Subject:               pkix.Name{Organization: []string{"Roster"}, CommonName: req.Name},
		NotBefore:             now.Add(-backdate),
		NotAfter:              notAfter,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		BasicConstraintsValid: true,
	}
	if req.SPIFFE == "" && !req.Server {
		req.SPIFFE = "spiffe://" + a.TrustDomain + "/" + req.Name
	}
	if req.SPIFFE != "" {
		u, err := url.Parse(req.SPIFFE)
		if err == nil {
			err = auth.CheckSPIFFE(u)
		}
		if err != nil {
			return nil, invalid("SPIFFE ID %q: %v", req.SPIFFE, err)
		}
		template.URIs = []*url.URL{u}
	}
	if req.Server {
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		return template, addServerNames(template, req.SANs)
	}
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	if len(req.SANs) > 0 {
		return nil, invalid("a client's certificate names one caller: SANs are for servers")
	}
	if err := auth.CheckDNSName(req.Name); err != nil {
		return nil, invalid("name %q cannot be a DNS name: %v", req.Name, err)
	}
	template.DNSNames = []string{strings.ToLower(req.Name)}
	return template, nil
}

// until gives the end of a certificate's life, which never outlasts the authority's.
func (a *Authority) until(now time.Time, ttl time.Duration) (time.Time, error) {
	switch end := now.Add(ttl); {
	case ttl < 0:
		return time.Time{}, invalid("lifetime %v", ttl)
	case now.After(a.Cert.NotAfter):
		return time.Time{}, fmt.Errorf("%s expired on %s: make a new authority in another folder", a.CertFile, a.Cert.NotAfter.Format(time.DateOnly))
	case ttl > 0 && end.After(a.Cert.NotAfter):
		return time.Time{}, invalid("a lifetime of %v outlasts the authority, which ends on %s", ttl, a.Cert.NotAfter.Format(time.DateOnly))
	case ttl > 0:
		return end, nil
	}
	if end := now.Add(DefaultTTL); end.Before(a.Cert.NotAfter) {
		return end, nil
	}
	return a.Cert.NotAfter, nil
}

func addServerNames(template *x509.Certificate, names []string) error {
	if len(names) == 0 {
		return invalid("a server's certificate needs a SAN: the DNS names and IP addresses that clients connect to")
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			if !slices.ContainsFunc(template.IPAddresses, ip.Equal) {
				template.IPAddresses = append(template.IPAddresses, ip)
			}
			continue
		}
		// A wildcard stands for one whole label, the first (RFC 6125, 6.4.3).
		if err := auth.CheckDNSName(strings.TrimPrefix(name, "*.")); err != nil {
			return invalid("SAN %q is neither an IP address nor a DNS name: %v", name, err)
		}
		if name = strings.ToLower(name); !slices.Contains(template.DNSNames, name) {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	return nil
}

func sans(cert *x509.Certificate) []string {
	all := slices.Clone(cert.DNSNames)
	for _, ip := range cert.IPAddresses {
		all = append(all, ip.String())
	}
	return all
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrInvalid, fmt.Sprintf(format, args...))
}
