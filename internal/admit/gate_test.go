package admit

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// caller is the server's end of a connection from an address.
type caller struct {
	net.Conn
	from net.Addr
}

func (c caller) RemoteAddr() net.Addr { return c.from }

// door is a listener at which connections come in as a test wants.
type door struct{ in chan net.Conn }

func (d door) Accept() (net.Conn, error) {
	c, ok := <-d.in
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}
func (d door) Close() error   { close(d.in); return nil }
func (d door) Addr() net.Addr { return &net.TCPAddr{} }

// guarded is a gate with what it let in and what it refused.
type guarded struct {
	*testing.T
	*Gate
	door door
	in   chan *Conn

	mu      sync.Mutex
	refused []Kind
}

func guard(t *testing.T, opts Options) *guarded {
	x := &guarded{T: t, door: door{make(chan net.Conn)}, in: make(chan *Conn, 100)}
	opts.Refused = func(why Kind, _ string) {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.refused = append(x.refused, why)
	}
	x.Gate = NewGate(opts)
	l := x.Listener(x.door)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			x.in <- c.(*Conn)
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return x
}

// call connects from an address and gives the connection, nil if it was refused and closed.
func (x *guarded) call(from string) *Conn {
	x.Helper()
	ours, theirs := net.Pipe()
	x.Cleanup(func() { ours.Close(); theirs.Close() })
	x.door.in <- caller{ours, net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(from), 1234))}
	synctest.Wait()
	select {
	case c := <-x.in:
		return c
	default:
	}
	if _, err := theirs.Read(make([]byte, 1)); err == nil {
		x.Errorf("from %s: refused and not closed", from)
	}
	return nil
}

// come connects from each address in turn and tells which got in.
func (x *guarded) come(from ...string) (in []bool) {
	x.Helper()
	for _, a := range from {
		in = append(in, x.call(a) != nil)
	}
	return in
}

func (x *guarded) why() []Kind {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Clone(x.refused)
}

func TestTotal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := guard(t, Options{Total: 2})
		first := x.call("192.0.2.1")
		if got := x.come("192.0.2.2", "192.0.2.3"); !slices.Equal(got, []bool{true, false}) {
			t.Errorf("got in: %v", got)
		}
		first.Close()
		first.Close() // counted once
		if x.Open() != 1 {
			t.Errorf("%d are open, want 1", x.Open())
		}
		if got := x.come("192.0.2.3", "192.0.2.3"); !slices.Equal(got, []bool{true, false}) {
			t.Errorf("after one was closed, got in: %v", got)
		}
		if got := x.why(); !slices.Equal(got, []Kind{Total, Total}) {
			t.Errorf("refused for %v", got)
		}
	})
}

// TestPerAddress: a network of 64 bits is one address of IPv6, and one of IPv4 is the same in
// both its forms.
func TestPerAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := guard(t, Options{PerAddress: 1})
		if got := x.come("192.0.2.1", "192.0.2.1", "::ffff:192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2:1", "2001:db8:0:1::1"); !slices.Equal(got,
			[]bool{true, false, false, true, true, false, true}) {
			t.Errorf("got in: %v", got)
		}
		if got := x.why(); !slices.Equal(got, []Kind{PerAddress, PerAddress, PerAddress}) {
			t.Errorf("refused for %v", got)
		}
		if x.Open() != 4 {
			t.Errorf("%d are open, want 4", x.Open())
		}
	})
}

func TestPerSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := guard(t, Options{PerSecond: 2})
		if got := x.come("192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2"); !slices.Equal(got, []bool{true, true, false, true}) {
			t.Errorf("got in: %v", got)
		}
		time.Sleep(time.Second / 2)
		if got := x.come("192.0.2.1", "192.0.2.1"); !slices.Equal(got, []bool{true, false}) {
			t.Errorf("half a second later, got in: %v", got)
		}
		if got := x.why(); !slices.Equal(got, []Kind{PerSecond, PerSecond}) {
			t.Errorf("refused for %v", got)
		}
		if x.Open() != 4 {
			t.Errorf("%d are open, want 4", x.Open())
		}
	})
}

// TestUnproved: a handshake that ends, well or not, makes room for another.
func TestUnproved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := guard(t, Options{Unproved: 2})
		a, b := x.call("192.0.2.1"), x.call("192.0.2.1")
		if got := x.come("192.0.2.1", "192.0.2.2"); !slices.Equal(got, []bool{false, true}) {
			t.Errorf("got in: %v", got)
		}
		if err := a.Identify("a"); err != nil {
			t.Fatal(err)
		}
		b.Close()
		if got := x.come("192.0.2.1", "192.0.2.1", "192.0.2.1"); !slices.Equal(got, []bool{true, true, false}) {
			t.Errorf("after two ended, got in: %v", got)
		}
		a.Close()
		if x.call("192.0.2.1") != nil {
			t.Error("one that had proved itself makes room for one that has not")
		}
		if err := b.Identify("b"); !errors.Is(err, net.ErrClosed) {
			t.Errorf("one that was closed is identified: %v", err)
		}
	})
}

// TestPerIdentity: too many are marked, far too many fail, and each counts once.
func TestPerIdentity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := guard(t, Options{PerIdentity: 2, Shares: NewShares()})
		var open []*Conn
		for i, want := range []string{"in", "in", "excess", "excess", "failed"} {
			c := x.call("192.0.2.1")
			got := "in"
			if err := c.Identify("a"); err != nil {
				got = "failed"
				c.Close()
			} else if c.Excess() {
				got = "excess"
			}
			if got != want {
				t.Errorf("connection %d is %s, want %s", i, got, want)
			}
			open = append(open, c)
		}
		other := x.call("192.0.2.1")
		if err := other.Identify("b"); err != nil || other.Excess() {
			t.Errorf("another identity: %v, excess %v", err, other.Excess())
		}
		if a, b := open[0].Share(), open[1].Share(); a == nil || a != b || a == other.Share() {
			t.Error("connections of an identity do not have one share of their own")
		}
		open[2].Close() // in excess: makes no room for a good one
		again := x.call("192.0.2.1")
		if err := again.Identify("a"); err != nil || !again.Excess() {
			t.Errorf("after one in excess was closed: %v, excess %v", err, again.Excess())
		}
		open[0].Close()
		last := x.call("192.0.2.1")
		if err := last.Identify("a"); err != nil || last.Excess() {
			t.Errorf("after a good one was closed: %v, excess %v", err, last.Excess())
		}
		for _, c := range append(open, other, again, last) {
			c.Close()
		}
		if x.Open() != 0 || len(x.identity.n) != 0 || len(x.beyond.n) != 0 || len(x.opts.Shares.of) != 0 {
			t.Errorf("after all were closed %d are open, counted are %v, %v and %v", x.Open(), x.identity.n, x.beyond.n, x.opts.Shares.of)
		}
		if got := x.why(); len(got) != 4 || slices.ContainsFunc(got, func(k Kind) bool { return k != PerIdentity }) {
			t.Errorf("refused for %v", got)
		}
	})
}

// TestDescriptors: a process has some.
func TestDescriptors(t *testing.T) {
	if n := Descriptors(); n < 16 {
		t.Errorf("%d descriptors", n)
	}
}
