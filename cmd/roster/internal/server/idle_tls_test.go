package server

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/roster-sd/roster/internal/admit"
)

// sized gives the number of a variable, and otherwise one that CI has the time for.
func sized(t *testing.T, variable string, usual int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return usual
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s=%s: not a number of clients", variable, text)
	}
	return n
}

// TestManyIdleConnectionsTLS is TestManyIdleConnections over mutual TLS, with the clients in a
// process of their own, so that all memory is the server's. ROSTER_IDLE=10000 is its full size.
func TestManyIdleConnectionsTLS(t *testing.T) {
	count := sized(t, "ROSTER_IDLE", 300)
	if most := connectionsWithin(admit.Descriptors()) - 100; count > most {
		t.Skipf("this process may have %d descriptors", admit.Descriptors())
	}
	f := newFolder(t)
	n := serve(t, Options{Config: secure(f)})
	heart := n.beating(n.as(f, f.client("good"), 1))
	f.client("idle")
	eventually(t, "the heart beats", func() bool { return n.srv.gate.Open() > 0 })
	before := measure()
	began := time.Now()
	c := startChild(t, "hold", n.srv.Addr(), f.dir, strconv.Itoa(count))
	c.hear("open")
	took := time.Since(began)
	open := measure()
	each := (open.heap - before.heap) / int64(count)
	t.Logf("%d idle connections over mutual TLS, opened in %s: %s; %d bytes each, resident %s", count, took.Round(time.Millisecond), open, each, resident())
	if n.srv.gate.Open() < count {
		t.Errorf("%d of %d are open", n.srv.gate.Open(), count)
	}
	// What else the process does is spread over few connections in CI.
	if each > 64<<10+(16<<20)/int64(count) {
		t.Errorf("an idle connection takes %d bytes", each)
	}
	c.end()
	heart.end(patient)
	returned(t, before)
}

// hold runs in the child: connections that ask once and then stay silent, until its standard
// input ends.
func hold(part []string) error {
	address, dir := part[0], part[1]
	count, err := strconv.Atoi(part[2])
	if err != nil {
		return err
	}
	pair, err := tls.LoadX509KeyPair(dir+"/idle.crt", dir+"/idle-key.pem")
	if err != nil {
		return err
	}
	config := &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}, Certificates: []tls.Certificate{pair}}
	conns, errs := make([]net.Conn, count), make([]error, count)
	var wg sync.WaitGroup
	const dialers = 8
	for d := range dialers {
		wg.Go(func() {
			for i := d; i < count; i += dialers {
				conns[i], errs[i] = openIdle(address, config)
			}
		})
	}
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			return fmt.Errorf("connection %d: %w", i, err)
		}
	}
	fmt.Println("open")
	_, _ = io.Copy(io.Discard, os.Stdin) // to its end
	for _, c := range conns {
		c.Close()
	}
	return nil
}

// openIdle opens a connection and asks once. On a slow machine a handshake may come too late for
// the limits of the server.
func openIdle(address string, config *tls.Config) (c net.Conn, err error) {
	for range attempts {
		if c, err = tls.DialWithDialer(&net.Dialer{Timeout: patient}, "tcp", address, config); err != nil {
			continue
		}
		fmt.Fprint(c, "GET /ready HTTP/1.1\r\nHost: x\r\n\r\n")
		var resp *http.Response
		if resp, err = http.ReadResponse(bufio.NewReaderSize(c, 512), nil); err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			return c, nil
		}
		c.Close()
	}
	return nil, err
}
