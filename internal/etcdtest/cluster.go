//go:build unix

package etcdtest

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// Cluster is several servers with one history.
type Cluster struct {
	Members []*Server
	tb      testing.TB
}

// StartCluster runs n servers as one cluster until the test ends, and waits until all
// answer.
func StartCluster(tb testing.TB, n int, opts Options) *Cluster {
	tb.Helper()
	binary := Binary(tb)
	for try := 0; ; try++ {
		ports, err := freePorts(2 * n)
		if err != nil {
			tb.Fatalf("etcdtest: %v", err)
		}
		c := &Cluster{tb: tb}
		var peers []string
		for i := range n {
			s := &Server{
				tb: tb, opts: opts, binary: binary, name: fmt.Sprint("m", i), dir: filepath.Join(tb.TempDir(), "data"),
				client: ports[2*i], peer: ports[2*i+1],
			}
			peers = append(peers, s.member())
			c.Members = append(c.Members, s)
			tb.Cleanup(s.end)
		}
		err = c.launch(strings.Join(peers, ","))
		if err == nil {
			return c
		}
		if try == 3 {
			tb.Fatalf("etcdtest: %v", err)
		}
		for _, s := range c.Members {
			if s.proc != nil {
				s.proc.kill()
			}
		}
	}
}

func (c *Cluster) launch(peers string) error {
	for _, s := range c.Members {
		s.peers = peers
		if err := s.launch(); err != nil {
			return err
		}
	}
	for _, s := range c.Members {
		if err := s.ready(startWithin); err != nil {
			return err
		}
	}
	return nil
}

// Endpoints gives the URLs of all members.
func (c *Cluster) Endpoints() []string {
	var urls []string
	for _, s := range c.Members {
		urls = append(urls, s.Addr())
	}
	return urls
}

// Client gives a client of all members, closed when the test ends.
func (c *Cluster) Client() *clientv3.Client {
	c.tb.Helper()
	return client(c.Members[0], c.Endpoints()...)
}

// Leader waits for a member that says it leads, and gives it.
func (c *Cluster) Leader() *Server {
	c.tb.Helper()
	end := time.Now().Add(startWithin)
	for time.Now().Before(end) {
		for _, s := range c.Members {
			if !s.proc.running() {
				continue
			}
			ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
			leads := s.leads(ctx)
			cancel()
			if leads {
				return s
			}
		}
	}
	c.tb.Fatalf("etcdtest: no member leads after %v", startWithin)
	return nil
}

// Others gives the members but one.
func (c *Cluster) Others(but *Server) []*Server {
	var others []*Server
	for _, s := range c.Members {
		if s != but {
			others = append(others, s)
		}
	}
	return others
}
