package admit

import (
	"crypto/tls"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
)

// Conn is a connection that a gate let in. What Identify finds out may be read once it has
// returned, as the handlers of a server do, that run after the handshake.
type Conn struct {
	net.Conn
	gate *Gate
	from netip.Addr

	share  *Share
	excess bool
	out    atomic.Pointer[outlet] // by which it writes; nil: as ever

	mu       sync.Mutex // guards what follows: a connection may be closed at any time
	closed   bool
	unproved bool
	identity string // whose count it is in, empty if in none
	member   string // whose share it uses, empty if nobody's
}

// Of gives the connection under what a server calls one, nil if no gate let it in.
func Of(c net.Conn) *Conn {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	own, _ := c.(*Conn)
	return own
}

// Identify says whose connection it is, once: a handshake has proved it. Beyond the bound of
// the identity the connection is marked as [Conn.Excess]; far beyond it that is an error, with
// which the handshake is to fail.
func (c *Conn) Identify(identity string) error {
	g := c.gate
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return net.ErrClosed
	}
	if c.unproved {
		g.unproved.Leave(c.from)
		c.unproved = false
	}
	if c.identity != "" || c.member != "" {
		return nil
	}
	if !g.identity.Enter(identity) {
		g.refused(PerIdentity, c.from.String())
		if !g.beyond.Enter(identity) {
			return g.tooMany(identity)
		}
		c.excess = true
	}
	c.identity = identity
	if g.opts.Shares != nil {
		c.share, c.member = g.opts.Shares.Join(identity), identity
	}
	return nil
}

// Identity gives whose connection it is, empty if no handshake has told.
func (c *Conn) Identity() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.identity
}

// Excess tells that its identity has too many connections: whoever asks for something on it
// is to be told that, and it is to be closed.
func (c *Conn) Excess() bool { return c.excess }

// Share gives the share of its identity, nil where none is kept.
func (c *Conn) Share() *Share { return c.share }

// SetWriteBuffer bounds what the system keeps of what was written and is not acknowledged, where
// the connection is one that has such a bound.
func (c *Conn) SetWriteBuffer(bytes int) error {
	if b, ok := c.Conn.(interface{ SetWriteBuffer(bytes int) error }); ok {
		return b.SetWriteBuffer(bytes)
	}
	return nil
}

// Write writes to the connection.
func (c *Conn) Write(b []byte) (int, error) {
	if o := c.out.Load(); o != nil {
		return o.write(b)
	}
	return c.Conn.Write(b)
}

// Close closes the connection and counts it no longer.
func (c *Conn) Close() error {
	c.leave()
	return c.Conn.Close()
}

func (c *Conn) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	c.closed = true
	g := c.gate
	g.open.Add(-1)
	g.address.Leave(c.from)
	if c.unproved {
		g.unproved.Leave(c.from)
	}
	switch {
	case c.identity == "":
	case c.excess:
		g.beyond.Leave(c.identity)
	default:
		g.identity.Leave(c.identity)
	}
	if c.member != "" {
		g.opts.Shares.Leave(c.member)
	}
}
