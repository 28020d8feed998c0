//go:build unix

package e2e

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/roster-sd/roster/client"
	"github.com/roster-sd/roster/internal/e2e/history"
)

// backend is a running store that nodes can share.
type backend interface {
	// link gives a node a way of its own to the backend, as the section of its
	// configuration.
	link(node int) (section string)
	// late is how long after its deadline an instance may be gone by the backend's rules.
	late() time.Duration
}

// cluster is a registry of some nodes.
type cluster struct {
	t       testing.TB
	backend backend
	secure  bool
	nodes   []*node
}

func newCluster(t testing.TB, b backend, nodes int, secure bool) *cluster {
	t.Helper()
	c := &cluster{t: t, backend: b, secure: secure}
	for range nodes {
		c.add(must(t, current)).start()
	}
	for _, n := range c.nodes {
		n.ready()
	}
	return c
}

// add adds a node that does not run yet.
func (c *cluster) add(program string) *node {
	n := newNode(c.t, len(c.nodes), program, c.backend.link(len(c.nodes)), c.secure)
	c.nodes = append(c.nodes, n)
	return n
}

// client makes a client of one node. It is closed with the test.
func (c *cluster) client(node int, timeout time.Duration) *client.Client {
	c.t.Helper()
	opts := client.Options{Addresses: []string{"http://" + c.nodes[node].addr}, Timeout: timeout}
	if c.secure {
		dir := must(c.t, certificates)
		opts.Addresses = []string{"https://" + c.nodes[node].addr}
		opts.CAFile = filepath.Join(dir, "ca.crt")
		opts.CertFile, opts.KeyFile = filepath.Join(dir, "load.crt"), filepath.Join(dir, "load-key.pem")
	}
	made, err := client.New(opts)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(made.Close)
	return made
}

// bounds are what a scenario holds the registry to. The figures to reach are for a quiet
// machine. In short several scenarios share it, and only what would be a fault anywhere
// fails.
func (c *cluster) bounds() history.Bounds {
	b := history.Bounds{
		Late:      c.backend.late(),
		Typical:   25 * time.Millisecond,
		Visible:   50 * time.Millisecond,
		VisibleBy: 250 * time.Millisecond,
		Stale:     time.Second,
		Refused:   2*time.Second + 100*time.Millisecond, // a store gives up after 2 s, and the answer has to come back
		Converged: 2 * time.Second,
	}
	if !long {
		b.Visible, b.VisibleBy = 750*time.Millisecond, 2*time.Second
		for _, d := range []*time.Duration{&b.Late, &b.Stale, &b.Refused, &b.Converged} {
			*d += 500 * time.Millisecond
		}
	}
	return b
}
