package catalog

import (
	"math"
	"slices"
	"sync"
	"time"

	"github.com/roster-sd/roster/store"
)

// The rules of evidence (FAULTS, "Any node").
const (
	// maxHold bounds how long after a recovery an instance is kept that is not heard of.
	maxHold = 5 * time.Minute
	// noise is how long a break must last to be evidence: clients bridge a shorter one.
	noise = 500 * time.Millisecond
	// pauseAfter is how long this process must not have run for that to be evidence.
	pauseAfter = time.Second
	// lateness is how late the end of a lease may be announced.
	lateness = 2 * time.Second
	// maxPast bounds how many disturbances are remembered.
	maxPast = 64
)

// Moment is a moment of a Catalog's clock, which is monotonic.
type Moment int64

// forever is later than every moment.
const forever Moment = math.MaxInt64

func (m Moment) after(d time.Duration) Moment { return m + Moment(d) }

// disturbance is a time in which leases may have ended by a fault of ours or the backend's.
type disturbance struct {
	at    Moment        // the recovery
	gap   time.Duration // how long it was, by a clock that did not stop
	cause Cause
}

// until gives up to when an instance is kept whose deletion was seen at that moment; 0:
// this is no evidence for it. A client's renewals come again within the length of the
// disturbance after it, so only a lease that ended by then can have ended for its sake.
func (d *disturbance) until(seen, now Moment, ttl time.Duration) Moment {
	end := d.at.after(min(ttl, maxHold))
	if seen > d.at.after(d.gap+lateness) || now >= end {
		return 0
	}
	return end
}

// evidence is what speaks against the registry or its backend, and the state that it is
// made of.
type evidence struct {
	mu   sync.Mutex
	past []disturbance // oldest first

	feedDown, pingDown bool

	pulse Moment        // when this process was last seen to run
	boot  time.Duration // the boot time then
}

// add takes in a disturbance. One that goes on where the last one was is one with it.
func (e *evidence) add(d disturbance, now Moment) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.past = slices.DeleteFunc(e.past, func(old disturbance) bool { return now > old.at.after(maxHold) })
	if n := len(e.past); n > 0 {
		if last := &e.past[n-1]; last.cause == d.cause && d.at >= last.at && d.at.after(-d.gap) <= last.at.after(time.Second) {
			last.gap += time.Duration(d.at - last.at)
			last.at = d.at
			return
		}
		if n >= maxPast {
			e.past = slices.Delete(e.past, 0, 1)
		}
	}
	e.past = append(e.past, d)
}

// until gives the latest moment up to which a disturbance of the past is evidence, 0 for none.
func (e *evidence) until(seen, now Moment, ttl time.Duration) (until Moment, cause Cause) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i := range e.past {
		if end := e.past[i].until(seen, now, ttl); end > until {
			until, cause = end, e.past[i].cause
		}
	}
	return until, cause
}

// WasOut tells whether a moment that was so long ago lies in a time in which the store was
// out of reach, where that time ended within the grace.
func (c *Catalog) WasOut(ago, grace time.Duration) bool {
	if !c.holds {
		return false
	}
	now, e := c.Now(), &c.evidence
	at := now.after(-ago)
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.ContainsFunc(e.past, func(d disturbance) bool {
		return d.cause == Outage && at >= d.at.after(-d.gap) && at <= d.at && now <= d.at.after(grace)
	})
}

// Disturbed tells of a time in which leases may have ended wrongly, which only the backend
// knows of. It must be told before the deletions that it excuses are announced.
func (c *Catalog) Disturbed(d store.Disturbance) {
	if !c.holds {
		return
	}
	now := c.Now()
	at := now.after(-max(0, time.Since(d.At)))
	c.evidence.add(disturbance{at: at, gap: max(0, d.At.Sub(d.From)), cause: Backend}, now)
	c.log.Warn("the backend was disturbed; leases that ended in that time are held", "why", d.Why, "for", d.At.Sub(d.From).String())
	c.stir()
}

// pulse notes that this process runs, and finds out how long it did not.
func (c *Catalog) pulse() {
	if !c.holds {
		return
	}
	e, now := &c.evidence, c.Now()
	e.mu.Lock()
	gap := time.Duration(now - e.pulse)
	e.pulse = now
	if c.opts.Boottime != nil {
		boot := c.opts.Boottime()
		// The monotonic clock stands still in a suspend, the boot time does not.
		gap, e.boot = max(gap, boot-e.boot), boot
	}
	e.mu.Unlock()
	if gap <= pauseAfter {
		return
	}
	e.add(disturbance{at: now, gap: gap, cause: Pause}, now)
	c.log.Warn("the registry did not run for a while; leases that ended in that time are held", "gap", gap.String())
	if c.opts.OnPause != nil {
		c.opts.OnPause(gap)
	}
	c.stir()
}

// firstPulse is the pulse before which nothing was.
func (c *Catalog) firstPulse() {
	c.evidence.mu.Lock()
	defer c.evidence.mu.Unlock()
	c.evidence.pulse = c.Now()
	if c.opts.Boottime != nil {
		c.evidence.boot = c.opts.Boottime()
	}
}
