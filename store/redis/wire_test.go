package redis

import (
	"bytes"
	"context"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
)

// wire makes connections that a test can cut. They are TCP connections themselves, so that
// the driver can look at their sockets as it does with any.
type wire struct {
	mu    sync.Mutex
	down  bool
	conns []net.Conn

	renewals atomic.Int64 // how many writes began with a renewal
}

// seen is a TCP connection whose writes are looked at.
type seen struct {
	*net.TCPConn
	w *wire
}

func (s seen) Write(b []byte) (int, error) {
	if bytes.HasPrefix(b, []byte("*3\r\n$7\r\npexpire\r\n")) {
		s.w.renewals.Add(1)
	}
	return s.TCPConn.Write(b)
}

func (w *wire) dial(ctx context.Context, network, address string) (net.Conn, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.down {
		return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	w.conns = append(w.conns, conn)
	return seen{conn.(*net.TCPConn), w}, nil
}

// cut ends all connections and refuses new ones until end is called.
func (w *wire) cut() (end func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down = true
	for _, c := range w.conns {
		c.Close()
	}
	w.conns = nil
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.down = false
	}
}
