// Package tlsreload keeps the server's side of mutual TLS: its certificate, the authority
// of its clients and their revocation list, read from files and read again when they
// change, while connections go on.
//
// A change is taken whole or not at all. New files that do not fit together, or that
// nobody could use, leave the old ones in force; that is logged once, and tried again
// until the files are right.
//
// A connection is judged twice: in the handshake, by [Material.ServerConfig], and at each
// request by [Material.CheckConnection], since a connection may outlive what let it in.
package tlsreload

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/roster-sd/roster/auth"
)

// Files says where the material lies and how it is used.
type Files struct {
	CertFile string // the server's certificate, and those between it and its root
	KeyFile  string
	// ClientCAFile holds the authorities of clients, and no other authority is trusted.
	ClientCAFile string
	// CRLFile holds a revocation list of each of them, in PEM or DER; empty: none is
	// checked.
	CRLFile string
	// MinVersion is "1.3", which is also what empty means, or "1.2".
	MinVersion string
	// Identity lists what may name a client; empty is [auth.DefaultSources].
	Identity []auth.Source
}

// Material is what was read from the files. Set the exported fields, if at all, between
// [Load] and the first use of anything else; then it may be used from many goroutines.
type Material struct {
	// Log takes reloads, failures and what is about to expire; nil is slog.Default().
	Log *slog.Logger
	// OnReload is told of each reload that took effect, with nil, and of each that
	// failed, once for a change. It may be called from any goroutine.
	OnReload func(err error)
	// Now is the clock that certificates are judged by; nil is time.Now.
	Now func() time.Time

	files   Files
	current atomic.Pointer[state]

	mu   sync.Mutex     // held by one reload at a time
	told failure        // the last failure that was told; zero: none since it last worked
	said map[string]int // see remind
}

// Load reads the files. Its error names every problem that it found, and is
// fs.ErrNotExist too where a file is not there.
func Load(files Files) (*Material, error) {
	m := &Material{files: files}
	if _, err := m.load(); err != nil {
		return nil, fmt.Errorf("load TLS files: %w", err)
	}
	return m, nil
}

// load also gives the digest of what it read.
func (m *Material) load() ([32]byte, error) {
	data, err := readFiles(m.files)
	if err != nil {
		return data.digest, err
	}
	s, err := m.build(data)
	if err != nil {
		return data.digest, err
	}
	m.current.Store(s)
	return data.digest, nil
}

// ServerConfig gives the configuration of a listener. Each handshake uses the material of
// its moment: TLS 1.3 unless MinVersion says otherwise, a client certificate of the
// authorities in ClientCAFile, not revoked, that names one caller. There is no
// resumption, for it would skip those checks (CVE-2025-68121). HTTP/2 and 1.1 are offered.
func (m *Material) ServerConfig() *tls.Config {
	config := m.current.Load().config.Clone()
	config.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		return m.current.Load().config, nil
	}
	return config
}

// Reload reads the files at once, as upon SIGHUP. On an error the old ones stay in force.
func (m *Material) Reload() error {
	m.mu.Lock()
	digest, err := m.load()
	m.told, m.said = failure{}, nil
	if err != nil {
		err = fmt.Errorf("reload TLS files: %w", err)
		m.told = failure{digest, err.Error()}
	}
	m.mu.Unlock()
	if m.OnReload != nil {
		m.OnReload(err)
	}
	return err
}

// failure is that of certain contents of the files.
type failure struct {
	digest [32]byte
	text   string
}

// refresh reads the files if they are others than those in force, and tells the log and
// the hook; of a failure only once.
func (m *Material) refresh() {
	m.mu.Lock()
	tell, err := m.refreshLocked()
	m.mu.Unlock()
	if !tell {
		return
	}
	if err != nil {
		m.log().Error("TLS files changed and cannot be used; the old ones stay in force", "error", err)
	} else {
		m.log().Info("TLS files reloaded", "certificate_expires", m.NotAfter())
	}
	if m.OnReload != nil {
		m.OnReload(err)
	}
}

func (m *Material) refreshLocked() (tell bool, err error) {
	data, err := readFiles(m.files)
	if err == nil && data.digest == m.current.Load().digest {
		m.told = failure{}
		return false, nil
	}
	var s *state
	if err == nil {
		s, err = m.build(data)
	}
	if err != nil {
		err = fmt.Errorf("reload TLS files: %w", err)
		before := m.told
		m.told = failure{data.digest, err.Error()}
		return m.told != before, err
	}
	m.current.Store(s)
	m.told, m.said = failure{}, nil
	return true, nil
}

// NotAfter is when the server's own certificate expires.
func (m *Material) NotAfter() time.Time { return m.current.Load().leaf.NotAfter }

// NextUpdate is when the first of the revocation lists runs out, from when on its clients
// are refused; zero without lists.
func (m *Material) NextUpdate() (first time.Time) {
	for _, l := range m.current.Load().lists {
		if first.IsZero() || l.nextUpdate.Before(first) {
			first = l.nextUpdate
		}
	}
	return first
}

// Identity gives the identity of the client of a connection, as [auth.IdentityOf]. It
// costs an allocation: remember it for as long as the connection lives.
func (m *Material) Identity(conn tls.ConnectionState) (string, error) {
	if len(conn.VerifiedChains) == 0 {
		return "", ErrUntrusted
	}
	return auth.IdentityOf(conn.PeerCertificates[0], m.files.Identity)
}

func (m *Material) now() time.Time {
	if m.Now != nil {
		return m.Now()
	}
	return time.Now()
}

func (m *Material) log() *slog.Logger {
	if m.Log != nil {
		return m.Log
	}
	return slog.Default()
}

// known gives the certificate in force that is the same as c, or c. A root is then one
// pointer from reload to reload, which makes CheckConnection cheap.
func (m *Material) known(c *x509.Certificate) *x509.Certificate {
	if s := m.current.Load(); s != nil {
		for root := range s.roots {
			if root.Equal(c) {
				return root
			}
		}
	}
	return c
}
