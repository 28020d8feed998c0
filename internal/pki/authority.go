package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/roster-sd/roster/auth"
)

// The kinds of error of this package, to be matched with [errors.Is].
var (
	ErrExists      = errors.New("exists already")
	ErrNoAuthority = errors.New("no certificate authority in the folder")
	ErrNotFound    = errors.New("not found")
	ErrInvalid     = errors.New("invalid request") // the caller asked for what cannot be
	ErrRevoked     = errors.New("already revoked")
)

// DefaultTrustDomain is the trust domain of an authority that was given none.
const DefaultTrustDomain = "roster.local"

// The lifetimes that hold where none is given.
const (
	DefaultAuthorityTTL = 10 * 365 * 24 * time.Hour
	DefaultTTL          = 365 * 24 * time.Hour
)

// backdate is how far before its making a certificate or a list begins to hold, for the
// sake of machines whose clocks are late.
const backdate = 5 * time.Minute

// Options are those of a new authority.
type Options struct {
	TrustDomain string        // of the SPIFFE IDs that it will issue; empty: DefaultTrustDomain
	TTL         time.Duration // how long it lives; zero: DefaultAuthorityTTL
	Now         time.Time     // zero: now
}

// Authority is a certificate authority, loaded from its folder.
type Authority struct {
	Cert        *x509.Certificate
	TrustDomain string
	CertFile    string
	KeyFile     string

	dir string
	key crypto.Signer
}

// Init makes a new authority in dir, which it creates where needed. It fails with
// [ErrExists] where there is one, or a part of one.
func Init(dir string, opts Options) (*Authority, error) {
	a, _, err := InitWith(dir, opts, nil)
	return a, err
}

// InitWith makes a new authority and, unless first is nil, its first certificate. It is
// all or nothing: a certificate that cannot be issued leaves no authority behind.
func InitWith(dir string, opts Options, first *Request) (*Authority, *Issued, error) {
	a, issued, err := initWith(dir, opts, first)
	if err != nil {
		return nil, nil, fmt.Errorf("init: %w", err)
	}
	return a, issued, nil
}

func initWith(dir string, opts Options, first *Request) (*Authority, *Issued, error) {
	a, keyPEM, err := create(dir, opts)
	if err != nil {
		return nil, nil, err
	}
	// Looked at before anything is made, and once more when it is written. An index and
	// a list are those of an authority that is gone, and not this one's.
	if err := absent(a.CertFile, a.KeyFile, indexFile(dir), crlFile(dir)); err != nil {
		return nil, nil, err
	}
	if first != nil {
		trial := *first
		if _, err := a.template(&trial); err != nil {
			return nil, nil, err
		}
		if err := absent(a.pathsOf(trial.File)); err != nil {
			return nil, nil, err
		}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, nil, err
	}
	unlock, err := lock(dir)
	if err != nil {
		return nil, nil, err
	}
	defer unlock()
	if err := writePair(a.KeyFile, keyPEM, a.CertFile, encodeCert(a.Cert.Raw)); err != nil {
		return nil, nil, err
	}
	if first == nil {
		return a, nil, nil
	}
	issued, err := a.issue(*first, nil)
	if err != nil {
		return nil, nil, errors.Join(err, os.Remove(a.CertFile), os.Remove(a.KeyFile))
	}
	return a, issued, nil
}

// create makes an authority and writes nothing.
func create(dir string, opts Options) (a *Authority, keyPEM []byte, err error) {
	if opts.TrustDomain == "" {
		opts.TrustDomain = DefaultTrustDomain
	}
	if err := auth.CheckTrustDomain(opts.TrustDomain); err != nil {
		return nil, nil, invalid("trust domain %q: %v", opts.TrustDomain, err)
	}
	if opts.TTL == 0 {
		opts.TTL = DefaultAuthorityTTL
	}
	if opts.TTL < 0 {
		return nil, nil, invalid("lifetime %v", opts.TTL)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	serial := newSerial()
	now := moment(opts.Now)
	template := &x509.Certificate{
		SerialNumber: serial,
		// Two authorities never share a name: a client with the certificates of both
		// would have to guess which one issued what.
		Subject:               pkix.Name{Organization: []string{"Roster"}, CommonName: "Roster CA " + serialText(serial)[:8]},
		NotBefore:             now.Add(-backdate),
		NotAfter:              now.Add(opts.TTL),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
		// As X509-SVID, section 3.2, asks of a signing certificate.
		URIs: []*url.URL{{Scheme: "spiffe", Host: opts.TrustDomain}},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, nil, err
	}
	a = &Authority{
		TrustDomain: opts.TrustDomain, CertFile: authorityCertFile(dir), KeyFile: authorityKeyFile(dir),
		dir: dir, key: key,
	}
	if a.Cert, err = x509.ParseCertificate(der); err != nil {
		return nil, nil, err
	}
	keyPEM, err = encodeKey(key)
	return a, keyPEM, err
}

// Load reads the authority in dir. It fails with [ErrNoAuthority] where there is none.
func Load(dir string) (*Authority, error) {
	a, err := load(dir)
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	return a, nil
}

func load(dir string) (*Authority, error) {
	a := &Authority{
		CertFile: authorityCertFile(dir), KeyFile: authorityKeyFile(dir),
		TrustDomain: DefaultTrustDomain, dir: dir,
	}
	certPEM, err := os.ReadFile(a.CertFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", dir, ErrNoAuthority)
	}
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(certPEM)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, fmt.Errorf("%s: no certificate in PEM", a.CertFile)
	}
	if a.Cert, err = x509.ParseCertificate(block.Bytes); err != nil {
		return nil, fmt.Errorf("%s: %w", a.CertFile, err)
	}
	if !a.Cert.IsCA || a.Cert.KeyUsage&x509.KeyUsageCertSign == 0 {
		return nil, fmt.Errorf("%s: not the certificate of an authority", a.CertFile)
	}
	keyPEM, err := os.ReadFile(a.KeyFile)
	if err != nil {
		return nil, err
	}
	if a.key, err = decodeKey(keyPEM); err != nil {
		return nil, fmt.Errorf("%s: %w", a.KeyFile, err)
	}
	public, ok := a.key.Public().(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !public.Equal(a.Cert.PublicKey) {
		return nil, fmt.Errorf("%s is not the key of %s", a.KeyFile, a.CertFile)
	}
	if len(a.Cert.URIs) == 1 && a.Cert.URIs[0].Scheme == "spiffe" && auth.CheckTrustDomain(a.Cert.URIs[0].Host) == nil {
		a.TrustDomain = a.Cert.URIs[0].Host
	}
	return a, nil
}

func authorityCertFile(dir string) string { return filepath.Join(dir, "ca.crt") }
func authorityKeyFile(dir string) string  { return filepath.Join(dir, "ca-key.pem") }

// newSerial gives 128 random bits, and not zero, which RFC 5280 (4.1.2.2) forbids.
func newSerial() *big.Int {
	var b [16]byte
	for {
		rand.Read(b[:]) // never fails
		if n := new(big.Int).SetBytes(b[:]); n.Sign() > 0 {
			return n
		}
	}
}

// serialText gives a serial number as it stands in the index: 32 hexadecimal digits.
func serialText(n *big.Int) string {
	if n.BitLen() > 128 {
		return hex.EncodeToString(n.Bytes())
	}
	return hex.EncodeToString(n.FillBytes(make([]byte, 16)))
}

// moment gives t, or now for none, as certificates hold it: in UTC and whole seconds.
func moment(t time.Time) time.Time {
	if t.IsZero() {
		t = time.Now()
	}
	return t.UTC().Truncate(time.Second)
}
