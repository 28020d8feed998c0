package tlsreload

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"time"
)

// skew is how far in the future a list may have been made, by our clock.
const skew = 5 * time.Minute

// revocations is what the lists of one issuer say.
type revocations struct {
	thisUpdate time.Time           // of the same list as nextUpdate
	nextUpdate time.Time           // of the list that runs out first
	serials    map[string]struct{} // in bytes, big-endian, without leading zeros
}

func (r *revocations) revoked(serial *big.Int) bool {
	// Twenty bytes is the most that RFC 5280 (4.1.2.2) allows; a longer one costs an
	// allocation and is looked up all the same.
	var buf [20]byte
	n := (serial.BitLen() + 7) / 8
	b := buf[:]
	if n > len(buf) {
		b = make([]byte, n)
	}
	serial.FillBytes(b)
	_, ok := r.serials[string(b[len(b)-n:])]
	return ok
}

// readLists reads the revocation lists in data. Each must be signed by one of the roots
// and not be past its next update, and each root must have one: an authority without a
// list would be one whose revoked clients get in.
func readLists(data []byte, roots map[*x509.Certificate]struct{}, now time.Time) (map[string]*revocations, error) {
	ders := [][]byte{data}
	if bytes.Contains(data, []byte("-----BEGIN ")) {
		var err error
		if ders, err = decodePEM(data, "X509 CRL"); err != nil {
			return nil, err
		}
	}
	lists := map[string]*revocations{}
	covered := map[*x509.Certificate]bool{}
	for i, der := range ders {
		list, err := x509.ParseRevocationList(der)
		if err != nil {
			return nil, fmt.Errorf("list %d: %w", i+1, err)
		}
		if err := usable(list, now); err != nil {
			return nil, fmt.Errorf("list %d, of %q: %w", i+1, list.Issuer, err)
		}
		signed := false
		for root := range roots {
			if bytes.Equal(list.RawIssuer, root.RawSubject) && list.CheckSignatureFrom(root) == nil {
				covered[root], signed = true, true
			}
		}
		if !signed {
			return nil, fmt.Errorf("list %d, of %q: not signed by an authority of clients", i+1, list.Issuer)
		}
		merge(lists, list)
	}
	for root := range roots {
		if !covered[root] {
			return nil, fmt.Errorf("no list of the authority %q", root.Subject)
		}
	}
	return lists, nil
}

func usable(list *x509.RevocationList, now time.Time) error {
	switch {
	case list.NextUpdate.IsZero():
		return errors.New("has no next update, and so no end")
	case now.After(list.NextUpdate):
		return fmt.Errorf("ran out on %s and has to be written anew", list.NextUpdate.UTC().Format(time.RFC3339))
	case list.ThisUpdate.After(now.Add(skew)):
		return fmt.Errorf("not valid before %s", list.ThisUpdate.UTC().Format(time.RFC3339))
	}
	// A critical extension changes what the list means: it may be a part of one, or that
	// of another issuer (RFC 5280, 5.2).
	if err := critical(list.Extensions); err != nil {
		return err
	}
	for _, e := range list.RevokedCertificateEntries {
		if err := critical(e.Extensions); err != nil {
			return err
		}
	}
	return nil
}

func critical(extensions []pkix.Extension) error {
	for _, e := range extensions {
		if e.Critical {
			return fmt.Errorf("has a critical extension %v, which is not understood", e.Id)
		}
	}
	return nil
}

func merge(lists map[string]*revocations, list *x509.RevocationList) {
	r := lists[string(list.RawIssuer)]
	if r == nil {
		r = &revocations{
			thisUpdate: list.ThisUpdate, nextUpdate: list.NextUpdate,
			serials: make(map[string]struct{}, len(list.RevokedCertificateEntries)),
		}
		lists[string(list.RawIssuer)] = r
	}
	if list.NextUpdate.Before(r.nextUpdate) {
		r.thisUpdate, r.nextUpdate = list.ThisUpdate, list.NextUpdate
	}
	for _, e := range list.RevokedCertificateEntries {
		r.serials[string(e.SerialNumber.Bytes())] = struct{}{}
	}
}
