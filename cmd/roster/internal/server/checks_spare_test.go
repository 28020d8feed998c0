//go:build unix

package server

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/roster-sd/roster/internal/tcpproxy"
	"github.com/roster-sd/roster/wire"
)

// TestEvictionSparesAFleet: of a service whose instances asked to be removed when they fail, and which
// all fail at once, most is there afterwards, and is resolved; the node says so, and when it is
// over one that fails is removed as ever.
func TestEvictionSparesAFleet(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	cfg := secure(f)
	cfg.Lease.DefaultTTL = time.Hour
	cfg.Checks.PerAddress = 1000
	n := serve(t, Options{Config: cfg, checkLoopback: true})
	c := &doctor{n, n.as(f, f.client("orders"), 1)}
	p := admitPatients(t)
	id := func(i int) string { return fmt.Sprintf("o-%d", i) }
	const ours = 8
	for i := range inFleet {
		if i < ours {
			p.register(c.orders, id(i), true)
		} else {
			p.registerIn("others", c.orders, id(i), false) // so that the node does not doubt itself
		}
	}
	eventually(t, "all pass", func() bool { return len(c.health()["passing"]) == ours })
	for i := range ours {
		p.proxies[id(i)].Cut(tcpproxy.Reset)
	}
	eventually(t, "those that are left fail, and are kept", func() bool {
		h := c.health()
		return len(h["passing"]) == 0 && c.status().Spared == len(h["failing"]) && len(h["failing"]) > 0
	})
	left := c.health()["failing"]
	if len(left) < 2 { // over 80 of a hundred
		t.Errorf("only %v are left", left)
	}
	var x wire.Explanation
	c.orders.insist(200, "GET", "/registry/explain/orders/"+left[0], "", nil, &x)
	if x.State != wire.ExplainLive || !x.Spared {
		t.Errorf("explained: %+v", x)
	}
	if text := n.plain(n.srv.AdminAddr()).text(200, "/metrics"); !strings.Contains(text, fmt.Sprintf("roster_check_spared %d\n", len(left))) {
		t.Error("the metrics do not tell")
	}
	for i := range ours {
		p.proxies[id(i)].Heal()
		if !slices.Contains(left, id(i)) {
			p.register(c.orders, id(i), true)
		}
	}
	eventually(t, "all pass again", func() bool { return len(c.health()["passing"]) == ours && c.status().Spared == 0 })
	p.proxies["o-0"].Cut(tcpproxy.Reset)
	eventually(t, "one fails, and is removed", func() bool {
		h := c.health()
		return len(h["passing"]) == ours-1 && len(h["failing"]) == 0
	})
}
