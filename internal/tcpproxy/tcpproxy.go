// Package tcpproxy is a TCP proxy with which tests cut a network and heal it again.
package tcpproxy

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// Mode is how a network is cut.
type Mode int

const (
	// Reset ends every connection with a reset, and every new one as soon as it is made: as
	// a host does whose program is gone.
	Reset Mode = iota
	// BlackHole lets nothing through and says nothing: as a cable does that was pulled.
	// Connections stay, new ones are taken and left without an answer, and what was on its
	// way arrives after the network has healed.
	BlackHole
)

// dialWithin bounds the connecting to the target.
const dialWithin = 5 * time.Second

// Proxy passes connections on to a target. All methods may be used concurrently.
type Proxy struct {
	listener net.Listener
	done     chan struct{} // closed by Close
	work     sync.WaitGroup

	mu     sync.Mutex
	target string
	flow   chan struct{} // closed while bytes may pass
	reset  bool
	closed bool
	conns  map[net.Conn]struct{} // of both sides
}

// New listens on a free port of 127.0.0.1 and passes what comes on to the target, host:port.
func New(target string) (*Proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("tcp proxy: %w", err)
	}
	p := &Proxy{listener: l, done: make(chan struct{}), target: target, conns: map[net.Conn]struct{}{}, flow: make(chan struct{})}
	close(p.flow)
	p.work.Go(p.accept)
	return p, nil
}

// Addr is where the proxy listens, host:port.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Cut cuts the network in one of two ways, until Heal. A second Cut may change the way.
func (p *Proxy) Cut(mode Mode) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reset = mode == Reset; p.reset {
		p.dropAll()
		p.open()
	} else if flowing(p.flow) {
		p.flow = make(chan struct{})
	}
}

// Heal lets everything pass again.
func (p *Proxy) Heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reset = false
	p.open()
}

// open ends a black hole; mu is held.
func (p *Proxy) open() {
	if !flowing(p.flow) {
		close(p.flow)
	}
}

// Redirect ends every connection with a reset and passes those that come on to another
// target.
func (p *Proxy) Redirect(target string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target = target
	p.dropAll()
}

// Close ends every connection and waits for what the proxy runs. It may be called more
// than once.
func (p *Proxy) Close() {
	p.mu.Lock()
	if !p.closed {
		p.closed = true
		close(p.done)
		_ = p.listener.Close() // nothing is lost with it
		p.dropAll()
	}
	p.mu.Unlock()
	p.work.Wait()
}

func flowing(flow <-chan struct{}) bool {
	select {
	case <-flow:
		return true
	default:
		return false
	}
}

// dropAll ends the connections; mu is held.
func (p *Proxy) dropAll() {
	for c := range p.conns {
		drop(c)
	}
}

// drop ends a connection with a reset, not with the end of its data.
func drop(c net.Conn) {
	if t, ok := c.(*net.TCPConn); ok {
		_ = t.SetLinger(0) // fails only where it has ended
	}
	c.Close()
}

func (p *Proxy) accept() {
	for {
		c, err := p.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			time.Sleep(time.Millisecond) // such as no descriptor left: others may end meanwhile
			continue
		}
		if target, ok := p.keep(c, ""); ok {
			p.work.Go(func() { p.serve(c, target) })
		}
	}
}

// keep makes a connection one that a cut ends, and gives the target. A connection ends at
// once while the network is cut, and so does one to what is no longer the target.
func (p *Proxy) keep(c net.Conn, to string) (target string, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reset || p.closed || to != "" && to != p.target {
		drop(c)
		return "", false
	}
	p.conns[c] = struct{}{}
	return p.target, true
}

func (p *Proxy) forget(c net.Conn) {
	c.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
}

// serve passes one connection on until both sides are done with it.
func (p *Proxy) serve(in net.Conn, target string) {
	defer p.forget(in)
	if !p.pass() {
		return
	}
	out, err := net.DialTimeout("tcp", target, dialWithin)
	if err != nil {
		drop(in)
		return
	}
	if _, ok := p.keep(out, target); !ok {
		drop(in)
		return
	}
	defer p.forget(out)
	var back sync.WaitGroup
	back.Go(func() { p.copy(in, out) })
	p.copy(out, in)
	back.Wait()
}

// copy moves bytes one way. The end of the data is passed on as such; an error ends both
// ways.
func (p *Proxy) copy(dst, src net.Conn) {
	buf := make([]byte, 32<<10)
	for {
		n, err := src.Read(buf)
		if !p.pass() {
			return
		}
		if n > 0 {
			if _, err := dst.Write(buf[:n]); err != nil {
				drop(src)
				return
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			_ = dst.(*net.TCPConn).CloseWrite() // fails only where it has ended
			return
		case err != nil:
			drop(dst)
			return
		}
	}
}

// pass waits until bytes may pass; false once the proxy is closed.
func (p *Proxy) pass() bool {
	p.mu.Lock()
	flow := p.flow
	p.mu.Unlock()
	select {
	case <-flow:
		return true
	case <-p.done:
		return false
	}
}
