package redis

import (
	"math"
	"sync"
	"time"
)

const (
	// drift is by how much the clock of Redis may move otherwise than ours before leases are
	// said to have ended wrongly.
	drift = time.Second
	// anchorFor is how long one pair of readings is compared with. Clocks that are good
	// part by less than a millisecond in it, and must not add up to a drift over days.
	anchorFor = 30 * time.Second
	// steady is how long a reading may take to be one to compare with.
	steady = 100 * time.Millisecond
)

// clock compares the movement of Redis' wall clock, by which leases end, with the monotonic
// clock of this process.
type clock struct {
	now func() time.Time

	mu     sync.Mutex
	at     time.Time // ours, when Redis' was at server; zero: not compared yet
	server int64     // Unix milliseconds
}

// restart forgets what was compared: another server has another clock.
func (c *clock) restart() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = time.Time{}
}

// window gives the times of Redis between which it is as we expect it now.
func (c *clock) window() (from, to int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.at.IsZero() {
		return 0, math.MaxInt64
	}
	now := c.expect(c.now())
	return now - drift.Milliseconds(), now + drift.Milliseconds()
}

// expect needs mu.
func (c *clock) expect(at time.Time) int64 { return c.server + at.Sub(c.at).Milliseconds() }

// compare takes a reading of Redis' clock that was asked for at a moment and has just come.
// It gives by how much that clock has jumped, at least; zero if it need not have.
func (c *clock) compare(asked time.Time, server int64) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	got := c.now()
	var jump time.Duration
	if !c.at.IsZero() {
		early, late := c.expect(asked), c.expect(got)
		switch {
		case server < early:
			jump = time.Duration(server-early) * time.Millisecond
		case server > late:
			jump = time.Duration(server-late) * time.Millisecond
		}
		if jump.Abs() <= drift {
			jump = 0
		}
	}
	if c.at.IsZero() || jump != 0 || got.Sub(c.at) > anchorFor && got.Sub(asked) < steady {
		c.at, c.server = asked.Add(got.Sub(asked)/2), server
	}
	return jump
}

// observe compares the clocks and tells of a jump.
func (s *Store) observe(asked time.Time, server int64) {
	if jump := s.clock.compare(asked, server); jump != 0 {
		s.opts.Logger.Warn("the clock of Redis jumped: leases end by it, too early or too late", "by", jump.String())
		// Other nodes notice it by themselves, if nothing is swept before they have looked.
		s.disturbed("the clock of Redis jumped by "+jump.String(), time.Second)
	}
}
