package server

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"

	"github.com/roster-sd/roster/internal/admit"
)

// TestManyIdleConnections: ten thousand connections, or as many as this process may have both
// ends of, of clients that ask once and then stay silent. Each costs a bounded piece of memory,
// another's heartbeats are answered, and what they took is given back.
func TestManyIdleConnections(t *testing.T) {
	n := serve(t, Options{Config: free(), Insecure: true})
	most := 10_000
	if racing {
		most = 3_000 // the detector ends a process with more than 8,128 goroutines
	}
	count := min(most, (admit.Descriptors()-500)/2, connectionsWithin(admit.Descriptors())-100)
	if count < 100 {
		t.Skipf("this process may have %d descriptors", admit.Descriptors())
	}
	heart := n.beating(n.plain(n.srv.Addr()))
	before := measure()
	conns := make([]net.Conn, count)
	defer func() {
		for _, c := range conns {
			if c != nil {
				c.Close()
			}
		}
	}()
	var wg sync.WaitGroup
	const dialers = 8
	for d := range dialers {
		wg.Go(func() {
			for i := d; i < count; i += dialers {
				c, err := net.DialTimeout("tcp", n.srv.Addr(), patient)
				if err != nil {
					t.Error(err)
					return
				}
				conns[i] = c
				fmt.Fprint(c, "GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
				resp, err := http.ReadResponse(bufio.NewReaderSize(c, 512), nil)
				if err != nil || resp.StatusCode != 200 {
					t.Errorf("connection %d: %v", i, err)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
		})
	}
	wg.Wait()
	open := measure()
	each := (open.heap - before.heap) / int64(count)
	t.Logf("%d idle connections: %s; %d bytes each", count, open, each)
	if n.srv.gate.Open() < count {
		t.Errorf("%d of %d are open", n.srv.gate.Open(), count)
	}
	if each > 40<<10 {
		t.Errorf("an idle connection takes %d bytes", each)
	}
	for i, c := range conns {
		c.Close()
		conns[i] = nil
	}
	heart.end(patient)
	returned(t, before)
}
