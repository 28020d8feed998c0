package check

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/roster-sd/roster/store"
)

// trap listens on this machine's loopback addresses, which the unspecified ones lead to as well:
// whatever is let through ends up here.
func trap(t *testing.T) (port uint16, caught func() int64) {
	t.Helper()
	good := func(c net.Conn) { io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") }
	port, count := serve(t, good)
	counts := []*atomic.Int64{count}
	for _, address := range []string{"127.0.0.2", "127.255.255.254", "::1"} {
		on := net.JoinHostPort(address, strconv.Itoa(int(port)))
		if l, err := net.Listen("tcp", on); err != nil {
			t.Logf("no trap on %s: %v", on, err) // a system without IPv6, or one with a single loopback address
		} else {
			_, count := serveFrom(t, l, nil, good)
			counts = append(counts, count)
		}
	}
	return port, func() (n int64) {
		for _, count := range counts {
			n += count.Load()
		}
		return n
	}
}

func TestForbiddenAddressesAreNotConnectedTo(t *testing.T) {
	port, caught := trap(t)
	p := NewProber(ProberOptions{Resolver: &answers{err: errors.New("nothing is to be resolved")}})
	literals := append(append([]string{}, forbiddenAddresses...), loopbackAddresses...)
	// An address in a form that is none for the rules of names, but one for some system.
	literals = append(literals, "2130706433", "0x7f000001", "0x7f.1", "127.1", "127.0.1", "0177.0.0.1", "017700000001", "0x7f.0x0.0x0.0x1",
		"127.0.0.1.", "127.0.0.01", "0", "0.0", "::ffff:127.1", "[::1]", "127.0.0.1:80", "127.0.0.1%25lo", "１２７.0.0.1", "127。0。0。1",
		"localhost\x00", "local host", "user@127.0.0.1", "127.0.0.1/8", "", ".", "-", "0x", "a.0x7f000001", "a.0X7F000001", "a.08")
	for _, kind := range []string{store.CheckTCP, store.CheckHTTP, store.CheckGRPC} {
		for _, address := range literals {
			target := target(kind, port)
			target.Address = address
			if err := p.Probe(t.Context(), target); err == nil || errors.Is(err, ErrUndecided) {
				if address != "-" { // a name, if a strange one
					t.Errorf("%s check of %q: %v", kind, address, err)
				}
			}
		}
	}
	if n := caught(); n != 0 {
		t.Errorf("%d connections to forbidden addresses", n)
	}
}

func TestForbiddenAnswersOfNameServers(t *testing.T) {
	port, caught := trap(t)
	for _, address := range append(append([]string{}, forbiddenAddresses...), loopbackAddresses...) {
		names := &answers{of: [][]string{{address}}}
		p := NewProber(ProberOptions{Resolver: names})
		target := target(store.CheckHTTP, port)
		target.Address = "rebind.example.org"
		expect(t, p, target, "the address of its name is not allowed")
		if names.asked.Load() != 1 {
			t.Errorf("%s: resolved %d times", address, names.asked.Load())
		}
	}
	if n := caught(); n != 0 {
		t.Errorf("%d connections to forbidden addresses", n)
	}
}

// A name whose first answer is good and whose next is not: there is no next.
func TestNameIsResolvedOnce(t *testing.T) {
	port, count := serve(t, func(c net.Conn) { io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") })
	names := &answers{of: [][]string{{"127.0.0.1"}, {"169.254.169.254"}}}
	p := NewProber(ProberOptions{Resolver: names, AllowLoopback: true})
	target := target(store.CheckHTTP, port)
	target.Address = "rebind.example.org"
	expect(t, p, target, "")
	if names.asked.Load() != 1 || count.Load() != 1 {
		t.Errorf("resolved %d times, connected %d times", names.asked.Load(), count.Load())
	}
	expect(t, p, target, "the address of its name is not allowed")
}

// Good and bad answers mixed: only the good ones are tried, one after another.
func TestOnlyGoodAnswersAreTried(t *testing.T) {
	port, count := serve(t, func(net.Conn) {})
	p := NewProber(ProberOptions{AllowLoopback: true, Resolver: &answers{of: [][]string{{"169.254.169.254", "0.0.0.0", "127.0.0.3", "127.0.0.1"}}}})
	target := target(store.CheckTCP, port)
	target.Address, target.Networks = "mixed.example.org", prefixes("127.0.0.1/32")
	expect(t, p, target, "")
	for end := time.Now().Add(20 * time.Second); count.Load() == 0 && time.Now().Before(end); {
		time.Sleep(time.Millisecond) // the system connects before the server accepts
	}
	if count.Load() != 1 {
		t.Errorf("connected %d times", count.Load())
	}
	target.Networks = prefixes("10.0.0.0/8")
	expect(t, p, target, "the address of its name is not allowed")
	target.Networks = []netip.Prefix{}
	expect(t, p, target, "the address of its name is not allowed")
	target.Address = "127.0.0.1"
	expect(t, p, target, "address 127.0.0.1 is not allowed")
}

// The last guard stands alone: what was judged before it may have been another address.
func TestGuard(t *testing.T) {
	p := NewProber(ProberOptions{})
	target := target(store.CheckTCP, 80)
	guard := p.guard(&target)
	for _, s := range append(append([]string{}, forbiddenAddresses...), loopbackAddresses...) {
		if guard("tcp", net.JoinHostPort(s, "80"), nil) == nil {
			t.Errorf("%s passes", s)
		}
	}
	for _, s := range goodAddresses {
		if err := guard("tcp", net.JoinHostPort(s, "80"), nil); err != nil {
			t.Errorf("%s: %v", s, err)
		}
		if guard("tcp", net.JoinHostPort(s, "81"), nil) == nil {
			t.Errorf("another port of %s passes", s)
		}
	}
	port, count := serve(t, func(net.Conn) {})
	target.Port = port
	if c, err := p.connect(t.Context(), &target, netip.MustParseAddr("127.0.0.1"), 1); err == nil {
		c.Close()
		t.Error("connected")
	}
	if count.Load() != 0 {
		t.Error("the guard came too late")
	}
}

func TestNameServers(t *testing.T) {
	target := target(store.CheckTCP, 80)
	target.Address = "orders.example.org"
	expect(t, NewProber(ProberOptions{Resolver: &answers{err: &net.DNSError{Err: "no such host", IsNotFound: true}}}), target, "its name has no address")
	expect(t, NewProber(ProberOptions{Resolver: &answers{of: [][]string{{}}}}), target, "its name has no address")
	for _, broken := range []error{&net.DNSError{Err: "server misbehaving", IsTemporary: true}, &net.DNSError{IsTimeout: true}, io.EOF} {
		err := NewProber(ProberOptions{Resolver: &answers{err: broken}}).Probe(t.Context(), target)
		if !errors.Is(err, ErrUndecided) {
			t.Errorf("after %v: %v", broken, err)
		}
	}
	silent := resolver(func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
	if err := NewProber(ProberOptions{Resolver: silent}).Probe(t.Context(), impatient(target)); !errors.Is(err, ErrUndecided) {
		t.Errorf("without an answer: %v", err)
	}
}

type resolver func(context.Context) error

func (r resolver) LookupNetIP(ctx context.Context, _, _ string) ([]netip.Addr, error) {
	return nil, r(ctx)
}

// An address that hangs leaves time for the next one of the same name.
func TestNextAddress(t *testing.T) {
	port, _ := serve(t, func(net.Conn) {})
	p := NewProber(ProberOptions{AllowLoopback: true, Resolver: &answers{of: [][]string{{"127.0.0.2", "127.0.0.1"}}}})
	target := target(store.CheckTCP, port) // only 127.0.0.1 listens
	target.Address = "two.example.org"
	expect(t, p, target, "")
}

func TestProxyEnvironment(t *testing.T) {
	proxy, asked := serve(t, func(net.Conn) {})
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "GRPC_PROXY"} {
		t.Setenv(name, "http://127.0.0.1:"+strconv.Itoa(int(proxy)))
	}
	p := NewProber(ProberOptions{AllowLoopback: true})
	for _, kind := range []string{store.CheckTCP, store.CheckHTTP, store.CheckGRPC} {
		expect(t, p, target(kind, closed(t)), "connection refused")
	}
	if asked.Load() != 0 {
		t.Error("the proxy was asked")
	}
}

func TestPorts(t *testing.T) {
	expect(t, NewProber(ProberOptions{AllowLoopback: true}), target(store.CheckTCP, 0), "port 0 is not allowed")
}

func TestNames(t *testing.T) {
	for _, s := range []string{"a", "a.b", "redis", "a_b.example.org.", "1a", "10.0.0.1.in-addr.arpa", "x0.y1", "xn--bcher-kva.example"} {
		if !isName(s) {
			t.Errorf("%q is a name", s)
		}
	}
}
