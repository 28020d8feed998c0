package storetest

import (
	"slices"
	"testing"
	"time"

	"github.com/roster-sd/roster/store"
)

// cluster gives what a harness needs.
func (n *naive) cluster() Cluster {
	return Cluster{
		Node:       func(*testing.T) store.Store { return n.open() },
		Compact:    func(*testing.T) { n.locked(func() { n.floor, n.log = n.number, nil }) },
		LoseData:   func(*testing.T) { n.locked(n.lose) },
		Checkpoint: n.checkpoint,
		Outage: func(*testing.T) func() {
			n.locked(func() { n.out = true })
			return func() { n.locked(func() { n.out = false }) }
		},
		Pause: func(t *testing.T, d time.Duration) { n.pause(d) },
	}
}

func (n *naive) locked(f func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	f()
	n.wake()
}

func (n *naive) wake() {
	close(n.changed)
	n.changed = make(chan struct{})
}

func (n *naive) lose() {
	epoch, number := n.epoch, n.number
	n.forgetAll()
	if n.bad("loses data in one epoch") {
		n.epoch, n.number = epoch, number
	}
}

func (n *naive) checkpoint(*testing.T) func() {
	n.mu.Lock()
	defer n.mu.Unlock()
	recs, number, log := map[store.Key]*held{}, n.number, slices.Clone(n.log)
	for key, h := range n.recs {
		c := *h
		recs[key] = &c
	}
	return func() {
		n.locked(func() {
			n.recs, n.number, n.log = recs, number, log
			if !n.bad("goes back in one epoch") {
				n.epoch++
				n.floor, n.log = number, nil
			}
		})
	}
}

// pause lets d pass in which no lease runs, as a clock without gaps does.
func (n *naive) pause(d time.Duration) {
	n.locked(func() {
		for _, h := range n.recs {
			if !h.end.IsZero() && !n.bad("leases run while paused") {
				h.end = h.end.Add(d)
			}
		}
	})
	<-time.After(d)
}
