package catalog

import (
	"container/heap"
	"context"
	"time"

	"github.com/roster-sd/roster/store"
)

// portion is how many instances leave in one hold of mu at the end of holds.
const portion = 512

// token puts a token where one is waited for, unless there is one.
func token(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// stir has what is kept judged again, after the evidence has changed or something new is kept.
func (c *Catalog) stir() { token(c.stirred) }

// keep ends holds when it is time, until the context ends.
func (c *Catalog) keep(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.stirred:
		case <-timer.C:
		}
		for {
			wait, some := c.endDue()
			if !some {
				timer.Stop()
			} else if wait > 0 {
				timer.Reset(wait)
			} else if ctx.Err() == nil {
				continue
			}
			break
		}
	}
}

// beat notes again and again that this process runs.
func (c *Catalog) beat(ctx context.Context) {
	ticker := time.NewTicker(pulseEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			c.pulse()
		}
	}
}

// endDue ends the holds that are over, a portion of them, and gives when to look again;
// false: there is nothing to wait for.
func (c *Catalog) endDue() (wait time.Duration, some bool) {
	c.pulse()
	c.write.Lock()
	defer c.write.Unlock()
	now := c.Now()
	broken := Moment(c.brokenSince.Load())
	if broken == 0 {
		for _, k := range c.ends {
			if k.until == forever {
				k.until = now // the disturbance is over: by when they end can be told
			}
		}
		heap.Init(&c.ends)
	}
	d := c.draft(c.applied, 0)
	for n := 0; n < portion && len(c.ends) > 0 && c.ends[0].until <= now; n++ {
		c.endOne(d, c.ends[0], broken, now)
	}
	if steps := d.close(); len(steps) > 0 {
		c.commit(c.applied, steps)
	}
	if len(c.ends) == 0 || c.ends[0].until == forever {
		return 0, false
	}
	return max(0, time.Duration(c.ends[0].until-c.Now())), true
}

// endOne decides on one whose time is over, or whose end could not be told before.
func (c *Catalog) endOne(d *draft, k *kept, broken, now Moment) {
	before := c.shown(k.key)
	until, cause := c.evident(k, before.entry.state, now)
	switch {
	case until != 0:
	case broken != 0: // whether this is an outage will show
		k.until = broken.after(noise)
		c.schedule(k)
		return
	case min(k.acked, k.seen.after(maxHold)) > now:
		until, cause = min(k.acked, k.seen.after(maxHold)), EarlyEnd
	default:
		d.leave(before, store.Reason{Code: store.Expired})
		return
	}
	c.mu.Lock()
	was := k.suspect
	k.hold(until, cause)
	if was {
		c.count(k, cause)
	}
	c.mu.Unlock()
	if was {
		c.schedule(k)
		return
	}
	d.keep(before, k)
}

// Leave has an instance leave that is kept, because the store knows how its life ended, or a
// later one. What the feed has yet to tell of is left to the feed.
func (c *Catalog) Leave(end store.Tombstone) {
	c.write.Lock()
	defer c.write.Unlock()
	before := c.shown(end.Record.Key)
	if before.kept == nil || before.kept.rec.Generation() > end.Record.Generation || c.applied.Before(end.Revision) {
		return
	}
	d := c.draft(c.applied, 1)
	d.leave(before, end.Reason)
	c.commit(c.applied, d.close())
}

// period is a time in which something is held, for the log.
type period struct {
	on   bool
	from Moment
	most int
}

// tellPeriod tells the log when holds begin and end, and not of each instance. It needs write.
func (c *Catalog) tellPeriod(held int) {
	p := &c.period
	if !p.on && held == 0 {
		return
	}
	p.most = max(p.most, held)
	switch {
	case !p.on:
		*p = period{on: true, from: c.Now(), most: held}
		c.log.Warn("instances are held: kept past the end of their leases, as suspect", "instances", held, "because", c.because())
	case held == 0:
		c.log.Info("no instance is held any more", "at_most", p.most, "after", time.Duration(c.Now()-p.from).String())
		*p = period{}
	}
}

// because names the causes for which instances are held. It needs write.
func (c *Catalog) because() string {
	text := ""
	for cause, n := range c.keptBy {
		if n > 0 {
			if text != "" {
				text += ", "
			}
			text += Cause(cause).Text()
		}
	}
	return text
}

func sum(by *[Causes]int) int {
	n := 0
	for _, held := range by {
		n += held
	}
	return n
}
