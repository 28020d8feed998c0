package patience

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Tolerance is how late a deadline may end a call.
const Tolerance = 500 * time.Millisecond

// Watch keeps the deadlines of connections. Its methods may be called concurrently.
type Watch struct {
	origin time.Time
	now    atomic.Int64 // nanoseconds since origin, at the last look

	mu    sync.Mutex
	conns map[*conn]struct{}
}

// NewWatch makes a watch. Its deadlines are kept while Run runs.
func NewWatch() *Watch {
	return &Watch{origin: time.Now(), conns: make(map[*conn]struct{})}
}

// Listener gives a listener whose connections have their deadlines kept by the watch.
func (w *Watch) Listener(l net.Listener) net.Listener { return &listener{Listener: l, watch: w} }

// Run looks at the deadlines until the context ends, whose error it gives.
func (w *Watch) Run(ctx context.Context) error {
	tick := time.NewTicker(Tolerance)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
			w.look()
		}
	}
}

// look ends the calls that are overdue.
func (w *Watch) look() {
	now := int64(time.Since(w.origin))
	w.now.Store(now)
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.conns {
		c.read.expire(now)
		c.write.expire(now)
	}
}

type listener struct {
	net.Listener
	watch *Watch
}

func (l *listener) Accept() (net.Conn, error) {
	inner, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: inner, watch: l.watch}
	c.read.set, c.write.set = inner.SetReadDeadline, inner.SetWriteDeadline
	l.watch.mu.Lock()
	l.watch.conns[c] = struct{}{}
	l.watch.mu.Unlock()
	return c, nil
}

// conn is a connection whose deadlines a watch keeps.
type conn struct {
	net.Conn
	watch       *Watch
	read, write deadline
}

// Close closes the connection, and the watch forgets it.
func (c *conn) Close() error {
	c.watch.mu.Lock()
	delete(c.watch.conns, c)
	c.watch.mu.Unlock()
	return c.Conn.Close()
}

// SetDeadline sets both deadlines.
func (c *conn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

// SetWriteBuffer bounds what the system keeps of what was written and is not acknowledged, where
// the connection is one that has such a bound.
func (c *conn) SetWriteBuffer(bytes int) error {
	if b, ok := c.Conn.(interface{ SetWriteBuffer(bytes int) error }); ok {
		return b.SetWriteBuffer(bytes)
	}
	return nil
}

// SyscallConn gives the system's connection, where there is one. Deadlines hold for it too.
func (c *conn) SyscallConn() (syscall.RawConn, error) {
	if s, ok := c.Conn.(syscall.Conn); ok {
		return s.SyscallConn()
	}
	return nil, errors.ErrUnsupported
}

// SetReadDeadline sets the deadline of reads.
func (c *conn) SetReadDeadline(t time.Time) error { return c.read.move(c.watch, t) }

// SetWriteDeadline sets the deadline of writes.
func (c *conn) SetWriteDeadline(t time.Time) error { return c.write.move(c.watch, t) }
