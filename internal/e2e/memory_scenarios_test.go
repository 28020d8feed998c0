//go:build unix

package e2e

import (
	"testing"
	"time"

	"github.com/roster-sd/roster/internal/e2e/history"
)

// TestMemory: a node with the memory backend is the whole registry.
func TestMemory(t *testing.T) {
	t.Run("quiet", func(t *testing.T) {
		t.Parallel()
		l := newCluster(t, inMemory{}, 1, false).load()
		l.run(rounds(4 * time.Second))
		l.finish("memory, undisturbed")
	})
	t.Run("restart", func(t *testing.T) {
		t.Parallel()
		c := newCluster(t, inMemory{}, 1, true)
		l := c.load()
		l.run(2 * time.Second)
		l.disrupt(history.Disruption{Effect: history.Forgotten}, c.nodes[0].kill, 200*time.Millisecond, func() {
			c.nodes[0].start()
			c.nodes[0].ready()
		})
		l.run(2 * time.Second)
		l.finish("memory, kill -9 and restart, mTLS")
	})
	t.Run("pause", func(t *testing.T) {
		t.Parallel()
		c := newCluster(t, inMemory{}, 1, false)
		l := c.load()
		l.run(2 * time.Second)
		l.disrupt(history.Disruption{Effect: history.Down}, c.nodes[0].pause, 2*maxTTL, c.nodes[0].resume)
		l.run(maxTTL)
		l.finish("memory, the node stopped for two TTLs")
	})
}

// rounds makes a time longer in a long run.
func rounds(d time.Duration) time.Duration {
	if long {
		return 10 * d
	}
	return d
}

func TestMemoryTakesAnyCall(t *testing.T) {
	t.Parallel()
	anyNode(t, "memory, any call", newCluster(t, inMemory{}, 1, false))
}
