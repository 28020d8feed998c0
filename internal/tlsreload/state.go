package tlsreload

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"
)

// contents is what the files hold, read at one moment.
type contents struct {
	cert, key, clientCA, crl []byte
	digest                   [32]byte
}

func readFiles(files Files) (contents, error) {
	var c contents
	var problems []error
	digest := sha256.New()
	for _, f := range []struct {
		what, path string
		optional   bool
		data       *[]byte
	}{
		{"certificate", files.CertFile, false, &c.cert},
		{"key", files.KeyFile, false, &c.key},
		{"client CA", files.ClientCAFile, false, &c.clientCA},
		{"CRL", files.CRLFile, true, &c.crl},
	} {
		if f.path == "" {
			if !f.optional {
				problems = append(problems, fmt.Errorf("%s: no file given", f.what))
			}
			continue
		}
		data, err := os.ReadFile(f.path)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", f.what, err))
			continue
		}
		*f.data = data
		// The length keeps the end of one file from passing for the start of the next.
		digest.Write(binary.BigEndian.AppendUint64(nil, uint64(len(data))))
		digest.Write(data)
	}
	digest.Sum(c.digest[:0])
	return c, errors.Join(problems...)
}

// state is one set of files that fit together. It never changes.
type state struct {
	digest [32]byte
	leaf   *x509.Certificate
	roots  map[*x509.Certificate]struct{}
	lists  map[string]*revocations // by the issuer's name in DER; nil: none are checked
	config *tls.Config
}

// build makes a state of the contents, or says everything that is wrong with them.
func (m *Material) build(c contents) (*state, error) {
	s := &state{digest: c.digest, roots: map[*x509.Certificate]struct{}{}}
	version, err0 := minVersion(m.files.MinVersion)
	pair, err1 := m.serverPair(c)
	pool, err2 := m.clientCAs(s, c.clientCA)
	var err3 error
	if m.files.CRLFile != "" && err2 == nil {
		s.lists, err3 = readLists(c.crl, s.roots, m.now())
		if err3 != nil {
			err3 = fmt.Errorf("CRL %s: %w", m.files.CRLFile, err3)
		}
	}
	if err := errors.Join(err0, err1, err2, err3); err != nil {
		return nil, err
	}
	s.leaf = pair.Leaf
	s.config = &tls.Config{
		Certificates:           []tls.Certificate{pair},
		ClientAuth:             tls.RequireAndVerifyClientCert,
		ClientCAs:              pool,
		MinVersion:             version,
		NextProtos:             []string{"h2", "http/1.1"},
		SessionTicketsDisabled: true,
		Time:                   m.now,
		VerifyConnection:       func(conn tls.ConnectionState) error { return m.verify(s, &conn) },
	}
	return s, nil
}

func minVersion(s string) (uint16, error) {
	switch s {
	case "", "1.3":
		return tls.VersionTLS13, nil
	case "1.2":
		return tls.VersionTLS12, nil
	}
	return 0, fmt.Errorf("minimum TLS version %q: want 1.2 or 1.3", s)
}

// serverPair refuses a certificate that every client would refuse.
func (m *Material) serverPair(c contents) (tls.Certificate, error) {
	pair, err := tls.X509KeyPair(c.cert, c.key)
	if err != nil {
		return pair, fmt.Errorf("certificate %s with key %s: %w", m.files.CertFile, m.files.KeyFile, err)
	}
	leaf, now := pair.Leaf, m.now()
	switch {
	case now.After(leaf.NotAfter):
		err = fmt.Errorf("expired on %s", leaf.NotAfter.UTC().Format(time.RFC3339))
	case now.Before(leaf.NotBefore):
		err = fmt.Errorf("not valid before %s", leaf.NotBefore.UTC().Format(time.RFC3339))
	case !serves(leaf):
		err = errors.New("is not for servers (no server authentication in its extended key usage)")
	}
	if err != nil {
		return pair, fmt.Errorf("certificate %s: %w", m.files.CertFile, err)
	}
	return pair, nil
}

func serves(leaf *x509.Certificate) bool {
	if len(leaf.ExtKeyUsage)+len(leaf.UnknownExtKeyUsage) == 0 {
		return true
	}
	return slices.ContainsFunc(leaf.ExtKeyUsage, func(u x509.ExtKeyUsage) bool {
		return u == x509.ExtKeyUsageServerAuth || u == x509.ExtKeyUsageAny
	})
}

// clientCAs reads the authorities of clients into s. A file with anything else in it is
// refused: a bundle cut short would lock out the clients of what is missing.
func (m *Material) clientCAs(s *state, data []byte) (*x509.CertPool, error) {
	fail := func(format string, args ...any) (*x509.CertPool, error) {
		return nil, fmt.Errorf("client CA %s: %w", m.files.ClientCAFile, fmt.Errorf(format, args...))
	}
	blocks, err := decodePEM(data, "CERTIFICATE")
	if err != nil {
		return fail("%w", err)
	}
	pool := x509.NewCertPool()
	for i, der := range blocks {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return fail("certificate %d: %w", i+1, err)
		}
		if !cert.IsCA {
			return fail("%q is not the certificate of an authority", cert.Subject)
		}
		cert = m.known(cert)
		s.roots[cert] = struct{}{}
		pool.AddCert(cert)
	}
	if len(blocks) == 0 {
		return fail("holds no certificate")
	}
	return pool, nil
}

// decodePEM gives the contents of the blocks, all of which must be of that type. The
// decoder passes over a block that is damaged, so they are counted too.
func decodePEM(data []byte, kind string) ([][]byte, error) {
	begun := bytes.Count(data, []byte("-----BEGIN "))
	var blocks [][]byte
	for {
		block, rest := pem.Decode(data)
		if block == nil {
			break
		}
		if block.Type != kind {
			return nil, fmt.Errorf("holds a %s, want nothing but %s", block.Type, kind)
		}
		blocks, data = append(blocks, block.Bytes), rest
	}
	if len(blocks) != begun {
		return nil, fmt.Errorf("holds %d blocks of PEM, of which %d are damaged or cut short", begun, begun-len(blocks))
	}
	return blocks, nil
}
