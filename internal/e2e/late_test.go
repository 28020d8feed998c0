//go:build unix

package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/roster-sd/roster/wire"
)

// startedWithout starts two nodes while their backend is down. They do not end, say that
// they are not ready and why, and become ready by themselves.
func startedWithout(t *testing.T, backend string, open func(testing.TB) sharedBackend) {
	b := open(t)
	b.down()
	c := &cluster{t: t, backend: b}
	for range 2 {
		c.add(must(t, current)).start()
	}
	for _, n := range c.nodes {
		var said wire.Health
		eventually(t, fmt.Sprintf("node %d says why it is not ready", n.index), func() bool {
			status, body := n.ask("/ready")
			if err := json.Unmarshal([]byte(body), &said); status != http.StatusServiceUnavailable || err != nil {
				t.Fatalf("/ready of node %d: %d %s", n.index, status, body)
			}
			return len(said.Reasons) > 0
		})
		if said.Status != "starting" {
			t.Errorf("node %d says %+v, want that it is starting", n.index, said)
		}
		if status, body := n.ask("/health"); status != http.StatusOK {
			t.Errorf("/health of node %d: %d %s", n.index, status, body)
		}
	}
	b.up()
	back := time.Now()
	for _, n := range c.nodes {
		n.ready()
	}
	t.Logf("two nodes started without a backend were ready %s after it came up", time.Since(back).Round(time.Millisecond))

	// And they are one registry.
	l := c.load()
	l.run(warm)
	l.finish(backend + ", nodes started without it")
}
