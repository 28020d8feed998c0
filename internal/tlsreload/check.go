package tlsreload

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/roster-sd/roster/auth"
)

// The reasons to refuse a client's certificate, to be matched with [errors.Is].
var (
	ErrUntrusted = errors.New("certificate is of no authority that is trusted now")
	ErrExpired   = errors.New("certificate has expired")
	ErrRevoked   = errors.New("certificate is revoked")
	// ErrNoList: whether it is revoked cannot be known, and so it is refused.
	ErrNoList = errors.New("no revocation list in force for the certificate's issuer")
)

// verify judges a connection in its handshake, after the chain was verified. Any chain
// without a revoked or expired member will do.
func (m *Material) verify(s *state, conn *tls.ConnectionState) error {
	err := ErrUntrusted
	now := m.now()
	for _, chain := range conn.VerifiedChains {
		if err = s.checkChain(chain, now); err == nil {
			break
		}
	}
	if err != nil {
		return err
	}
	_, err = auth.IdentityOf(conn.PeerCertificates[0], m.files.Identity)
	return err
}

func (s *state) checkChain(chain []*x509.Certificate, now time.Time) error {
	for _, cert := range chain[:len(chain)-1] { // the last is a root
		if err := s.check(cert, now); err != nil {
			return err
		}
	}
	return nil
}

// Check tells why a client's certificate, good in its handshake, is no longer good: it
// expired, it is revoked, or the list that would say so ran out. It is cheap enough for
// every request, and without an error it allocates nothing.
func (m *Material) Check(leaf *x509.Certificate, now time.Time) error {
	return m.current.Load().check(leaf, now)
}

// CheckConnection does what [Material.Check] does, and also refuses, with
// [ErrUntrusted], a connection whose authority is no longer trusted. It is as cheap.
func (m *Material) CheckConnection(conn *tls.ConnectionState, now time.Time) error {
	s := m.current.Load()
	for _, chain := range conn.VerifiedChains {
		if _, ok := s.roots[chain[len(chain)-1]]; ok {
			return s.check(chain[0], now)
		}
	}
	return ErrUntrusted
}

func (s *state) check(cert *x509.Certificate, now time.Time) error {
	if now.After(cert.NotAfter) {
		return refusal(cert, ErrExpired)
	}
	if s.lists == nil {
		return nil
	}
	list := s.lists[string(cert.RawIssuer)]
	switch {
	case list == nil || now.After(list.nextUpdate):
		return refusal(cert, ErrNoList)
	case list.revoked(cert.SerialNumber):
		return refusal(cert, ErrRevoked)
	}
	return nil
}

func refusal(cert *x509.Certificate, why error) error {
	return fmt.Errorf("%q, serial %x: %w", cert.Subject, cert.SerialNumber, why)
}
