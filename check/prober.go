package check

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/roster-sd/roster/store"
)

// defaultTimeout is that of a check which has none.
const defaultTimeout = 2 * time.Second

// Resolver finds the addresses of a name, as [net.Resolver] does.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// ProberOptions are the options of a prober; the zero value is good for use.
type ProberOptions struct {
	// Certificate gives the client certificate that is shown to targets which ask for one over
	// TLS; nil, or a nil answer: none. It is asked at each handshake.
	Certificate func() *tls.Certificate
	// RootCAs verify the certificates of targets; nil: those of the system.
	RootCAs *x509.CertPool
	// AllowLoopback lets checks connect to this machine.
	AllowLoopback bool
	// Resolver finds addresses; nil: the system's configuration, read by Go.
	Resolver Resolver
}

// Prober looks at targets. Its methods may be used concurrently.
type Prober struct{ options ProberOptions }

// NewProber makes a prober.
func NewProber(options ProberOptions) *Prober {
	if options.Resolver == nil {
		// The resolver of the C library takes numbers in any base for addresses.
		options.Resolver = &net.Resolver{PreferGo: true}
	}
	return &Prober{options: options}
}

// Probe looks at a target once: nil is that it passed. Other errors say why it did not, in
// words that may be shown to anybody: of what the target sent, only a status is in them.
// It takes no longer than the target's timeout. Where the context ends first it gives the
// context's error, and where it could not look at all, one that is [ErrUndecided].
func (p *Prober) Probe(ctx context.Context, t Target) error {
	within := t.Check.Timeout
	if within <= 0 {
		within = defaultTimeout
	}
	limited, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	err := p.look(limited, &t)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, ErrUndecided):
		return plain(err)
	case limited.Err() != nil || errors.Is(err, os.ErrDeadlineExceeded):
		return timedOut(within)
	}
	return plain(err)
}

// look does what the type of the check asks for. Its errors are raw.
func (p *Prober) look(ctx context.Context, t *Target) error {
	var ask func(ctx context.Context, conn net.Conn, t *Target) error
	var protocol string // by which TLS is asked for it
	switch t.Check.Type {
	case store.CheckTCP:
	case store.CheckHTTP:
		if ask, protocol = askHTTP, "http/1.1"; !validPath(t.Check.Path) {
			return errBadPath
		}
	case store.CheckGRPC:
		ask, protocol = askGRPC, "h2"
	default:
		return why("no such type of check")
	}
	conn, err := p.dial(ctx, t)
	if err != nil {
		return err
	}
	defer conn.Close()
	if ask == nil {
		return nil
	}
	// What waits for the target ends with its time, or when the target is taken out.
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if t.TLS {
		secured := tls.Client(conn, p.tls(t, protocol))
		if err := secured.Handshake(); err != nil {
			return refined(err)
		}
		conn = secured
	}
	return ask(ctx, conn, t)
}
