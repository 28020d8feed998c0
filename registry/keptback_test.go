package registry

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/catalog/catalogtest"
)

// TestKeptBack: of a backend that is known to end leases early, a node does not tell the
// holder that an instance is gone while it still shows it. Another node may have promised a
// longer lease, and is about to bring it back.
func TestKeptBack(t *testing.T) {
	for name, after := range map[string]time.Duration{
		"hidden": 30*time.Second + time.Millisecond, "kept back": 31*time.Second + 200*time.Millisecond,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := form(t, 2, catalogtest.New(catalogtest.Options{KeepBack: 500 * time.Millisecond, Lag: time.Second}), setup{})
				first := c.nodes[0].register(orders, "o1")
				pass(after)
				wantErr(t, "at another node", c.nodes[1].beat(orders, "o1", first.Token), "ok")
				c.wantShown("it is back", "o1", "passing")
				pass(32 * time.Second)
				c.wantShown("it has stopped", "o1", "")
				wantErr(t, "late", c.nodes[1].beat(orders, "o1", first.Token), "lease_lost expired")
			})
		})
	}
}
