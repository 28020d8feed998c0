//go:build unix

package e2e

import (
	"testing"

	"github.com/roster-sd/roster/internal/tcpproxy"
)

// links are the ways of the nodes to the servers of a backend: each node has a proxy of
// its own to each server.
type links struct {
	t       testing.TB
	servers []string // host:port
	proxies map[int][]*tcpproxy.Proxy
}

func newLinks(t testing.TB, servers ...string) *links {
	return &links{t: t, servers: servers, proxies: map[int][]*tcpproxy.Proxy{}}
}

// join gives the addresses at which a node finds the servers.
func (k *links) join(node int) (addresses []string) {
	k.t.Helper()
	for _, server := range k.servers {
		p, err := tcpproxy.New(server)
		if err != nil {
			k.t.Fatal(err)
		}
		k.t.Cleanup(p.Close)
		k.proxies[node] = append(k.proxies[node], p)
		addresses = append(addresses, p.Addr())
	}
	return addresses
}

// cut parts a node from all servers.
func (k *links) cut(node int, how tcpproxy.Mode) {
	for _, p := range k.proxies[node] {
		p.Cut(how)
	}
}

func (k *links) heal(node int) {
	for _, p := range k.proxies[node] {
		p.Heal()
	}
}
