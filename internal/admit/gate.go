package admit

import (
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"

	"github.com/roster-sd/roster/internal/limit"
)

// Kind names a bound that something ran into.
type Kind string

// The bounds of a Gate.
const (
	Total       Kind = "total_connections"    // of the listener, whoever opened them
	PerAddress  Kind = "address_connections"  // open ones of one address
	PerSecond   Kind = "address_rate"         // new ones of one address
	Unproved    Kind = "handshakes"           // ones of one address that have not proved an identity
	PerIdentity Kind = "identity_connections" // open ones of one identity
)

// Options say what a Gate lets in. A bound of 0 is none.
type Options struct {
	Total      int // connections that are open
	PerAddress int // connections of one address that are open
	PerSecond  int // connections that one address opens in a second; as many may come at once
	// Unproved bounds the connections of one address that have not proved an identity, where
	// each has to: handshakes under way.
	Unproved    int
	PerIdentity int // connections of one identity that are open
	// Shares are those of the identities; nil: none are kept.
	Shares *Shares
	// Refused is told of each refusal, from many goroutines; nil: nobody is. It must not block.
	Refused func(kind Kind, from string)
}

// Gate decides which connections of a listener are kept. Its methods may be called
// concurrently.
type Gate struct {
	opts     Options
	open     atomic.Int64
	address  *Counts[netip.Addr]
	unproved *Counts[netip.Addr]
	identity *Counts[string]
	// beyond are those that an identity has too many of: as many again are kept until they
	// are told, and what comes on top ends in the handshake.
	beyond *Counts[string]
	rate   *limit.Rate
}

// NewGate makes a gate.
func NewGate(opts Options) *Gate {
	g := &Gate{opts: opts, address: NewCounts[netip.Addr](opts.PerAddress), unproved: NewCounts[netip.Addr](opts.Unproved),
		identity: NewCounts[string](opts.PerIdentity), beyond: NewCounts[string](opts.PerIdentity)}
	if opts.PerSecond > 0 {
		g.rate = limit.New(float64(opts.PerSecond), opts.PerSecond)
	}
	return g
}

// Open is how many connections are open.
func (g *Gate) Open() int { return int(g.open.Load()) }

// Listener gives a listener that accepts what the gate lets in, and closes the rest before a
// byte of it is read. Its connections are of type *Conn.
func (g *Gate) Listener(l net.Listener) net.Listener { return &listener{l, g} }

type listener struct {
	net.Listener
	gate *Gate
}

func (l *listener) Accept() (net.Conn, error) {
	for {
		inner, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c := &Conn{Conn: inner, gate: l.gate, from: network(inner.RemoteAddr())}
		if why := l.gate.enter(c); why != "" {
			inner.Close()
			l.gate.refused(why, c.from.String())
			continue
		}
		return c, nil
	}
}

// network is what an address is counted as: a machine with IPv6 has a whole network of 64
// bits to call from (RFC 4291, 2.5.1).
func network(a net.Addr) netip.Addr {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.Addr{} // no address at all, as of a pipe: all of them count as one
	}
	ip := tcp.AddrPort().Addr().Unmap().WithZone("")
	if ip.Is6() {
		if p, err := ip.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return ip
}

// enter counts a connection, or says why it may not come in, with nothing counted.
func (g *Gate) enter(c *Conn) Kind {
	if n := g.open.Add(1); g.opts.Total > 0 && n > int64(g.opts.Total) {
		g.open.Add(-1)
		return Total
	}
	why := g.enterAddress(c)
	if why != "" {
		g.open.Add(-1)
	}
	return why
}

func (g *Gate) enterAddress(c *Conn) Kind {
	if !g.address.Enter(c.from) {
		return PerAddress
	}
	if !g.unproved.Enter(c.from) {
		g.address.Leave(c.from)
		return Unproved
	}
	// Last, so that what is refused for another reason takes nothing from the rate.
	if g.rate != nil && g.rate.Allow(c.from.String()) > 0 {
		g.unproved.Leave(c.from)
		g.address.Leave(c.from)
		return PerSecond
	}
	c.unproved = true
	return ""
}

func (g *Gate) refused(why Kind, from string) {
	if g.opts.Refused != nil {
		g.opts.Refused(why, from)
	}
}

// tooMany is why a handshake fails of an identity that has gone far beyond its bound.
func (g *Gate) tooMany(identity string) error {
	return fmt.Errorf("identity %q has %d connections open, and as many that it may not have", identity, g.opts.PerIdentity)
}
