//go:build unix

package admit

import (
	"errors"
	"io"
	"sync"
	"syscall"
)

// outlet writes to a connection, and tells before it waits for the other end.
type outlet struct {
	raw     syscall.RawConn
	blocked func()

	mu   sync.Mutex // a TLS connection is written to by its readers too
	rest []byte     // of what is being written
	err  error
	try  func(fd uintptr) bool // once for all, so that a write allocates nothing
}

// WhenBlocked has f called, by whoever writes, each time that a write has to wait for the other
// end to read. It is false where that is not told of.
func (c *Conn) WhenBlocked(f func()) bool {
	s, ok := c.Conn.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return false
	}
	o := &outlet{raw: raw, blocked: f}
	o.try = o.some
	c.out.Store(o)
	return true
}

func (o *outlet) write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.rest, o.err = b, nil
	err := o.raw.Write(o.try)
	n := len(b) - len(o.rest)
	o.rest = nil
	if o.err != nil {
		err = o.err
	}
	return n, err
}

// some writes what the system takes now; false: it is to be called again when it takes more.
func (o *outlet) some(fd uintptr) bool {
	for len(o.rest) > 0 {
		n, err := syscall.Write(int(fd), o.rest)
		switch {
		case errors.Is(err, syscall.EAGAIN):
			o.blocked()
			return false
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			o.err = err
			return true
		case n == 0:
			o.err = io.ErrUnexpectedEOF
			return true
		default:
			o.rest = o.rest[n:]
		}
	}
	return true
}
