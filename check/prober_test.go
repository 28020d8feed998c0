package check

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/roster-sd/roster/store"
)

func TestTCP(t *testing.T) {
	p := NewProber(ProberOptions{AllowLoopback: true})
	for _, handle := range []func(net.Conn){func(net.Conn) {}, hangs("")} {
		port, _ := serve(t, handle)
		expect(t, p, target(store.CheckTCP, port), "")
	}
	expect(t, p, target(store.CheckTCP, closed(t)), "connection refused")
}

// A TCP check says nothing: what it is connected to sees the connection end.
func TestTCPSaysNothing(t *testing.T) {
	said := make(chan []byte, 1)
	port, _ := serve(t, func(c net.Conn) {
		b, _ := io.ReadAll(c)
		said <- b
	})
	target := target(store.CheckTCP, port)
	target.TLS = true
	expect(t, NewProber(ProberOptions{AllowLoopback: true}), target, "")
	if b := <-said; len(b) != 0 {
		t.Errorf("it said %q", b)
	}
}

func TestUnknownType(t *testing.T) {
	port, count := serve(t, func(net.Conn) {})
	expect(t, NewProber(ProberOptions{AllowLoopback: true}), target("script", port), "no such type of check")
	if count.Load() != 0 {
		t.Error("connected")
	}
}

// Whoever ends the context gets its error at once, and no verdict.
func TestEndOfContext(t *testing.T) {
	p := NewProber(ProberOptions{AllowLoopback: true})
	for _, kind := range []string{store.CheckHTTP, store.CheckGRPC} {
		for _, tls := range []bool{false, true} {
			ctx, cancel := context.WithCancel(t.Context())
			port, _ := serve(t, func(c net.Conn) {
				cancel()
				io.Copy(io.Discard, c)
			})
			target := target(kind, port)
			target.Check.Timeout, target.TLS = time.Hour, tls
			if err := p.Probe(ctx, target); !errors.Is(err, context.Canceled) {
				t.Errorf("%s, TLS %v: %v", kind, tls, err)
			}
		}
	}
}

// Whatever goes wrong, what is said is one of a few things.
func TestPlain(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{syscall.ECONNREFUSED, "connection refused"},
		{syscall.ECONNRESET, "connection reset"},
		{syscall.EPIPE, "connection reset"},
		{syscall.EHOSTUNREACH, "no route to its address"},
		{syscall.ENETUNREACH, "no route to its address"},
		{syscall.ETIMEDOUT, "timed out"},
		{io.EOF, "connection closed"},
		{syscall.EMFILE, "not checked: too many open files"},
		{syscall.EADDRNOTAVAIL, "not checked: no local port is free"},
		{syscall.EPERM, "connection failed"},
		{errors.New("secret"), "connection failed"},
		{fmt.Errorf("secret: %w", why("answered 500")), "answered 500"},
	} {
		err := plain(&net.OpError{Op: "dial", Err: fmt.Errorf("more: %w", c.err)})
		if err.Error() != c.want {
			t.Errorf("%v: %q, want %q", c.err, err, c.want)
		}
		if own := bytes.HasPrefix([]byte(c.want), []byte("not checked")); errors.Is(err, ErrUndecided) != own {
			t.Errorf("%v: undecided %v", c.err, !own)
		}
	}
	if s := timedOut(2500 * time.Millisecond).Error(); s != "timed out after 2.5 s" {
		t.Error(s)
	}
}

// A target that comes back passes again: nothing is remembered of it.
func TestRecovery(t *testing.T) {
	p := NewProber(ProberOptions{AllowLoopback: true})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := uint16(l.Addr().(*net.TCPAddr).Port)
	target := target(store.CheckTCP, port)
	expect(t, p, target, "")
	l.Close()
	expect(t, p, target, "connection refused")
	if l, err = net.Listen("tcp", l.Addr().String()); err != nil {
		t.Skip("the port was taken by another meanwhile: ", err)
	}
	defer l.Close()
	expect(t, p, target, "")
}
