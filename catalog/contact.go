package catalog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/roster-sd/roster/store"
)

// How the store is pinged: often enough, and with a limit short enough, that a break of
// whatever kind shows within a second, and more often in a break that may be a short one.
const (
	pingEvery  = 250 * time.Millisecond
	pingSoon   = 100 * time.Millisecond
	pingWithin = 700 * time.Millisecond
)

// Now is the present moment of the catalog's clock; it is at least 1.
func (c *Catalog) Now() Moment { return Moment(max(1, int64(c.clock()))) }

// Stale tells whether the store is out of reach, and for how long what the catalog
// shows may have been out of date.
func (c *Catalog) Stale() (age time.Duration, stale bool) {
	if c.brokenSince.Load() == 0 {
		return 0, false
	}
	return time.Duration(int64(c.Now()) - c.lastContact.Load()), true
}

// broken notes that the feed is broken, or the ping.
func (c *Catalog) broken(down *bool, err error) {
	e := &c.evidence
	e.mu.Lock()
	*down = true
	// What counts is since when there was no word, and not when that was noticed.
	first := c.brokenSince.CompareAndSwap(0, max(1, c.lastContact.Load()))
	e.mu.Unlock()
	if !first {
		return
	}
	if c.IsWarm() {
		c.log.Warn("catalog: lost the store, answering from the last view", "error", err)
	} else {
		c.log.Warn("catalog: the store is out of reach and was never read; this node is not ready until it is", "error", err)
	}
	c.stir()
}

// whole notes that the feed is whole, or the ping was answered. The recovery is when both are.
func (c *Catalog) whole(down *bool) {
	e, now := &c.evidence, c.Now()
	e.mu.Lock()
	*down = false
	var since Moment
	if !e.feedDown && !e.pingDown {
		since = Moment(c.brokenSince.Swap(0))
	}
	e.mu.Unlock()
	if since == 0 {
		return
	}
	if c.holds && time.Duration(now-since) >= noise {
		e.add(disturbance{at: now, gap: time.Duration(now - since), cause: Outage}, now)
	}
	if c.IsWarm() {
		c.log.Info("catalog: following the store again", "after", time.Duration(now-since).String())
	}
	c.stir()
}

// contact is a sign of life of the feed.
func (c *Catalog) contact() {
	c.lastContact.Store(int64(c.Now()))
	if c.brokenSince.Load() != 0 {
		c.whole(&c.evidence.feedDown)
	}
}

// ping asks the store again and again whether it answers.
func (c *Catalog) ping(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		asked := int64(c.Now())
		within, cancel := context.WithTimeout(ctx, pingWithin)
		err := c.opts.Store.Ping(within)
		cancel()
		switch {
		case ctx.Err() != nil || errors.Is(err, store.ErrClosed):
			return
		case err != nil:
			if errors.Is(err, context.DeadlineExceeded) {
				err = fmt.Errorf("ping %s: no answer within %v", c.opts.Store.Capabilities().Backend, pingWithin)
			}
			c.broken(&c.evidence.pingDown, err)
		default:
			c.pinged(asked)
		}
		timer.Reset(pingEvery)
		if since := Moment(c.brokenSince.Load()); since != 0 && time.Duration(c.Now()-since) < shortBreak {
			timer.Reset(pingSoon)
		}
	}
}

// settled is how long a watcher must not have failed for a quiet feed to be whole again: it
// may be made without a word with the store.
const settled = 50 * time.Millisecond

// pinged takes in that the store answered a ping that was asked at that moment.
func (c *Catalog) pinged(asked int64) {
	e := &c.evidence
	if made := c.watching.Load(); made != 0 && asked >= made+int64(settled) {
		if c.whole(&e.feedDown); c.lastContact.Load() < asked {
			c.lastContact.Store(asked) // a quiet feed of a store that answers is up to date
		}
	}
	e.mu.Lock()
	returned := e.pingDown
	e.mu.Unlock()
	if returned {
		c.whole(&e.pingDown)
		token(c.again) // the feed need not wait any longer to try again
	}
}
