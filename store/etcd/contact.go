package etcd

import (
	"fmt"
	"sync"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"

	"github.com/roster-sd/roster/store"
)

// contact knows when etcd last answered something that needs a leader, and under which
// leader.
type contact struct {
	s *Store

	mu    sync.Mutex
	heard time.Time
	term  uint64
	lost  time.Time // when it was last heard before it was found to be out of reach; zero: it is in reach
}

func (c *contact) init(s *Store) {
	c.s = s
	c.heard = time.Now()
}

// hear takes note of an answer. What it shows of a disturbance is told at once.
func (c *contact) hear(header *pb.ResponseHeader) {
	if header == nil {
		return
	}
	now := time.Now()
	c.mu.Lock()
	from, term, lost := c.heard, c.term, c.lost
	c.heard, c.term, c.lost = now, max(term, header.RaftTerm), time.Time{}
	c.mu.Unlock()
	if !lost.IsZero() {
		c.tell(lost, now, "etcd did not answer")
	}
	if term != 0 && header.RaftTerm > term {
		// Leases run anew under the new leader; the old one may have ended some wrongly.
		c.tell(from, now, fmt.Sprintf("etcd changed its leader: term %d after %d", header.RaftTerm, term))
	}
}

// isLost tells whether nothing was heard for too long, by whoever asks all the time.
func (c *contact) isLost() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lost.IsZero() && time.Since(c.heard) > c.s.opts.Silence {
		c.lost = c.heard
	}
	return !c.lost.IsZero()
}

func (c *contact) tell(from, at time.Time, why string) {
	c.s.opts.Logger.Info("etcd: a disturbance", "why", why, "for", at.Sub(from).Round(time.Millisecond).String())
	c.s.opts.OnDisturbance(store.Disturbance{From: from, At: at, Why: why})
}
