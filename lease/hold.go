package lease

import (
	"slices"
	"time"
)

// MaxHold is the longest that a hold keeps a lease, counted from the recovery.
const MaxHold = 5 * time.Minute

// maxHolds bounds the list of holds on a machine that pauses all the time.
const maxHolds = 64

// hold is lost time, in table time.
type hold struct {
	from  time.Duration // the last moment known to be before the loss
	at    time.Duration // the recovery
	until time.Duration // the recovery and what was lost: the last deadline that it hit
}

// extend gives the deadline for a lease that was due at d. One that was due at from was
// dead before the loss. For one granted or renewed after the recovery, d is already as
// late as what it would get.
func (h *hold) extend(d, ttl time.Duration) time.Duration {
	if d <= h.from || d > h.until {
		return d
	}
	return max(d, h.at+min(ttl, MaxHold))
}

// hold takes note of lost time. Losses with one recovery add up, as when a process was
// stopped on a machine that then was suspended.
func (l *timeline) hold(from, at, gap time.Duration) {
	if n := len(l.holds); n > 0 && l.holds[n-1].at == at {
		h := &l.holds[n-1]
		h.from, h.until = min(h.from, from), later(h.until, gap)
		return
	}
	if len(l.holds) >= maxHolds {
		// The two oldest become one. What was due between them is long reported, so that
		// the join, which errs on the side of keeping, revives nobody.
		l.holds[1].from = l.holds[0].from
		l.holds[1].until = max(l.holds[0].until, l.holds[1].until)
		l.holds = slices.Delete(l.holds, 0, 1)
	}
	l.holds = append(l.holds, hold{from: from, at: at, until: later(at, gap)})
}

// forget drops the holds that can extend nothing any more. The caller has just found
// that no entry is due: a lease that is later due lies past all that these could give.
func (l *timeline) forget(now, maxTTL time.Duration) {
	l.holds = slices.DeleteFunc(l.holds, func(h hold) bool {
		return h.at+min(maxTTL, MaxHold) <= now
	})
}
