package check

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"time"
)

const (
	leastInterval = 100 * time.Millisecond
	firstAgain    = time.Second // after a first look that failed
	// slowAfter is how long a check takes that may keep others from their workers.
	slowAfter = 500 * time.Millisecond
	// jitter is by how much of itself an interval is made shorter or longer.
	jitter = 0.05
)

type verdict uint8

const (
	unknown verdict = iota
	passing
	failing
)

// entry is a target and what is known of it. The schedule's lock guards it.
type entry struct {
	target Target
	addr   netip.Addr // that of the target; not valid: has a name
	due    time.Duration
	index  int // in the heap; below zero: not in it
	cancel context.CancelFunc
	gone   bool // removed, or replaced
	slow   bool // the last check took long

	probing bool // given to a worker to be checked, and not only to be told

	verdict verdict
	first   bool // the verdict is the first
	passed  bool // how the last check ended
	why     string
	run     int           // how many in a row ended so and counted
	early   int           // first looks that failed
	counted time.Duration // when a failure last counted; zero: never

	owed    bool          // the verdict is to be told again
	retell  time.Duration // not before
	retold  int
	refused bool // the last check was not allowed its address
	again   bool // the verdict is to be told once more after a check that agrees

	turnAddr netip.Addr // the address at which it has a turn
	turnAt   time.Duration
}

func (e *entry) interval() time.Duration { return max(e.target.Check.Interval, leastInterval) }

// agrees tells whether the last check said what the verdict says.
func (e *entry) agrees() bool { return e.verdict != unknown && e.passed == (e.verdict == passing) }

// when is the time at which something is to be done with the entry.
func (e *entry) when() time.Duration {
	if e.owed && e.agrees() {
		return min(e.due, e.retell)
	}
	return e.due
}

// goesOn tells whether another registration of the target is checked on as what it was: it
// stands as passing, and no check has said otherwise.
func (e *entry) goesOn(t *Target) bool {
	same := *t
	same.Generation = e.target.Generation
	return e.verdict != failing && !e.target.Unseen && !t.Unseen && !t.Failing && !e.target.anew(&same)
}

// settle takes in how a check ended, and tells whether that makes another verdict.
func (e *entry) settle(passed bool, why string, now time.Duration) bool {
	if passed != e.passed {
		e.passed, e.run = passed, 0
	}
	e.why = why
	if !passed && e.waited() && e.counted != 0 && now-e.counted < e.interval()*9/10 {
		return false // an early look: the target has the time that its thresholds give it
	}
	if !passed {
		e.counted = max(now, 1)
	}
	e.run++
	is, need := failing, int(e.target.Check.Failures)
	if passed {
		if is, need = passing, int(e.target.Check.Successes); e.verdict == unknown && !e.target.Failing {
			need = 1
		}
	}
	if e.verdict == is || e.run < need {
		return false
	}
	e.first, e.verdict = e.verdict == unknown, is
	e.owed, e.retold, e.again = false, 0, false
	return true
}

// waited tells whether somebody waits for the target to pass for the first time.
func (e *entry) waited() bool { return e.target.Unseen && e.verdict == unknown && !e.passed }

// next chooses when the next check is due, after one that was to begin at e.due.
func (e *entry) next(began, now time.Duration) {
	from := e.due
	if began-from > e.interval()/10 {
		from = began // what is late stays late, or it would be followed too closely
	}
	e.due = max(from+jittered(e.interval()), now)
	if e.waited() && e.counted != 0 {
		again := now + jittered(min(firstAgain<<e.early, e.interval()))
		e.early = min(e.early+1, 16)
		e.due = min(e.due, max(again, now), max(e.counted+e.interval(), now))
	}
}

func jittered(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (1 - jitter + 2*jitter*rand.Float64()))
}

// report is the verdict as it is told.
func (e *entry) report() Report {
	return Report{Target: e.target, Passing: e.verdict == passing, Why: e.why, Refused: e.refused, First: e.first, Run: e.run}
}

// byTime is a heap of entries, the one to be looked after first on top.
type byTime []*entry

func (h byTime) Len() int           { return len(h) }
func (h byTime) Less(i, j int) bool { return h[i].when() < h[j].when() }

func (h byTime) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *byTime) Push(x any) {
	e := x.(*entry)
	e.index = len(*h)
	*h = append(*h, e)
}

func (h *byTime) Pop() any {
	last := len(*h) - 1
	e := (*h)[last]
	(*h)[last], *h = nil, (*h)[:last]
	e.index = -1
	return e
}
