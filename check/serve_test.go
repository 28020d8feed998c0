package check

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/roster-sd/roster/store"
)

// serve listens on 127.0.0.1 and gives each connection to handle, which need not close it. The
// count is of the connections that came.
func serve(t *testing.T, handle func(net.Conn)) (port uint16, count *atomic.Int64) {
	t.Helper()
	return serveOn(t, "127.0.0.1:0", nil, handle)
}

func serveOn(t *testing.T, address string, config *tls.Config, handle func(net.Conn)) (port uint16, count *atomic.Int64) {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return serveFrom(t, l, config, handle)
}

func serveFrom(t *testing.T, l net.Listener, config *tls.Config, handle func(net.Conn)) (port uint16, count *atomic.Int64) {
	port, count = uint16(l.Addr().(*net.TCPAddr).Port), &atomic.Int64{}
	if config != nil {
		l = tls.NewListener(l, config)
	}
	var work sync.WaitGroup
	var mu sync.Mutex
	open := map[net.Conn]bool{}
	work.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			count.Add(1)
			mu.Lock()
			open[c] = true
			mu.Unlock()
			work.Go(func() {
				defer c.Close()
				handle(c)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for c := range open {
			c.Close()
		}
		mu.Unlock()
		work.Wait()
	})
	return port, count
}

// closed gives a port of 127.0.0.1 on which nothing listens.
func closed(t *testing.T) uint16 {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return uint16(l.Addr().(*net.TCPAddr).Port)
}

// target is one that is given more time than any machine needs.
func target(kind string, port uint16) Target {
	c := store.Check{Type: kind, Interval: 10 * time.Second, Timeout: 30 * time.Second, Failures: 3, Successes: 2}
	if kind == store.CheckHTTP {
		c.Path = "/healthz"
	}
	return Target{Key: store.InstanceKey("orders", "a"), Generation: 1, Address: "127.0.0.1", Port: port, Check: c}
}

// impatient gives the target too little time for what hangs, whatever the machine.
func impatient(t Target) Target {
	t.Check.Timeout = 50 * time.Millisecond
	return t
}

// expect probes once and compares what is said; empty: it passes.
func expect(t *testing.T, p *Prober, target Target, want string) {
	t.Helper()
	got := ""
	err := p.Probe(t.Context(), target)
	if err != nil {
		got = err.Error()
	}
	if addr := strings.Contains(want, "address") && strings.Contains(want, "not allowed"); errors.Is(err, ErrForbidden) != addr {
		t.Errorf("%s check of %s: %v is ErrForbidden: %t", target.Check.Type, target.Address, err, !addr)
	}
	if got != want {
		t.Errorf("%s check of %s: %q, want %q", target.Check.Type, target.Address, got, want)
	}
}

// answers is a resolver that answers in turn, the last for ever, and counts.
type answers struct {
	of    [][]string
	err   error
	asked atomic.Int64
}

func (a *answers) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	n := int(a.asked.Add(1)) - 1
	if a.err != nil {
		return nil, a.err
	}
	var out []netip.Addr
	for _, s := range a.of[min(n, len(a.of)-1)] {
		out = append(out, netip.MustParseAddr(s))
	}
	return out, ctx.Err()
}
