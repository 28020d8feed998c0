package pki

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"time"
)

// DefaultCRLTTL is how long a revocation list holds where nothing else is asked for.
const DefaultCRLTTL = 7 * 24 * time.Hour

// CRLOptions are those of a new revocation list.
type CRLOptions struct {
	// TTL is how long the list holds. Past that a server which uses it refuses every
	// client, so it has to be written anew in time; zero is DefaultCRLTTL.
	TTL time.Duration
	Now time.Time // zero: now
}

// CRL is a revocation list that was written.
type CRL struct {
	Path       string    `json:"path"`
	Number     string    `json:"number"` // decimal; grows with every list
	NextUpdate time.Time `json:"nextUpdate"`
	Revoked    int       `json:"revoked"` // how many certificates it lists
}

// Revoke ends a certificate before its time: the one of that serial number, or else every
// one of that name that is still valid. It gives what it revoked and the new revocation
// list. It fails with [ErrNotFound] and with [ErrRevoked] when there is nothing to revoke.
func Revoke(dir, serialOrName string, opts CRLOptions) ([]Entry, *CRL, error) {
	var revoked []Entry
	var list *CRL
	err := locked(dir, func(a *Authority, entries []Entry) error {
		if opts.TTL < 0 {
			return invalid("lifetime %v of a revocation list", opts.TTL)
		}
		now := moment(opts.Now)
		chosen, err := choose(entries, serialOrName, now)
		if err != nil {
			return err
		}
		for _, i := range chosen {
			entries[i].RevokedAt = now
			revoked = append(revoked, entries[i])
		}
		// The index goes first: from it the list can be written again.
		if err := writeIndex(dir, entries); err != nil {
			return err
		}
		if list, err = a.writeCRL(entries, opts); err != nil {
			return fmt.Errorf("revoked in the index only, and the list has still to be written: %w", err)
		}
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("revoke: %w", err)
	}
	return revoked, list, nil
}

// choose gives the places of the entries to revoke.
func choose(entries []Entry, serialOrName string, now time.Time) ([]int, error) {
	serial := plainSerial(serialOrName)
	var valid []int
	known, expired := 0, 0
	for i := range entries {
		e := &entries[i]
		if e.Serial == serial {
			if e.State(now) == StateRevoked {
				return nil, fmt.Errorf("%s (%s): %w, on %s", e.Serial, e.Name, ErrRevoked, e.RevokedAt.Format(time.RFC3339))
			}
			return []int{i}, nil
		}
		if e.Name != serialOrName {
			continue
		}
		known++
		switch e.State(now) {
		case StateValid:
			valid = append(valid, i)
		case StateExpired:
			expired++
		}
	}
	switch {
	case len(valid) > 0:
		return valid, nil
	case known == 0:
		return nil, fmt.Errorf("no certificate with the serial number or name %q: %w", serialOrName, ErrNotFound)
	case expired > 0:
		return nil, fmt.Errorf("no certificate of %q is still valid: %w", serialOrName, ErrNotFound)
	}
	return nil, fmt.Errorf("%q: %w", serialOrName, ErrRevoked)
}

// WriteCRL writes the revocation list of the authority in dir anew, with what is revoked
// already. A list is good for a while only, revocations or not.
func WriteCRL(dir string, opts CRLOptions) (*CRL, error) {
	var list *CRL
	err := locked(dir, func(a *Authority, entries []Entry) (err error) {
		if opts.TTL < 0 {
			return invalid("lifetime %v of a revocation list", opts.TTL)
		}
		list, err = a.writeCRL(entries, opts)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("write CRL: %w", err)
	}
	return list, nil
}

func crlFile(dir string) string { return filepath.Join(dir, "ca.crl") }

// writeCRL needs the lock.
func (a *Authority) writeCRL(entries []Entry, opts CRLOptions) (*CRL, error) {
	if opts.TTL == 0 {
		opts.TTL = DefaultCRLTTL
	}
	now := moment(opts.Now)
	template := &x509.RevocationList{
		Number:     nextCRLNumber(crlFile(a.dir), now),
		ThisUpdate: now.Add(-backdate),
		NextUpdate: now.Add(opts.TTL),
	}
	for _, e := range entries {
		// What expired a whole list ago is refused for that, and need not be listed.
		if e.RevokedAt.IsZero() || now.After(e.NotAfter.Add(opts.TTL)) {
			continue
		}
		serial, err := parseSerial(e.Serial)
		if err != nil {
			return nil, err
		}
		template.RevokedCertificateEntries = append(template.RevokedCertificateEntries,
			x509.RevocationListEntry{SerialNumber: serial, RevocationTime: e.RevokedAt})
	}
	der, err := x509.CreateRevocationList(rand.Reader, template, a.Cert, a.key)
	if err != nil {
		return nil, err
	}
	if err := replace(crlFile(a.dir), pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der}), 0o644); err != nil {
		return nil, err
	}
	return &CRL{
		Path: crlFile(a.dir), Number: template.Number.String(),
		NextUpdate: template.NextUpdate, Revoked: len(template.RevokedCertificateEntries),
	}, nil
}

// nextCRLNumber grows from list to list (RFC 5280, 5.2.3). It begins with the time, so
// that it grows even when the list before was lost.
func nextCRLNumber(file string, now time.Time) *big.Int {
	number := big.NewInt(now.Unix())
	data, err := os.ReadFile(file)
	if err != nil {
		return number
	}
	if block, _ := pem.Decode(data); block != nil {
		data = block.Bytes
	}
	last, err := x509.ParseRevocationList(data)
	if err != nil || last.Number == nil || last.Number.Cmp(number) < 0 {
		return number
	}
	return number.Add(last.Number, big.NewInt(1))
}

func parseSerial(s string) (*big.Int, error) {
	n, ok := new(big.Int).SetString(s, 16)
	if !ok || n.Sign() <= 0 {
		return nil, fmt.Errorf("serial number %q: want hexadecimal digits", s)
	}
	return n, nil
}
