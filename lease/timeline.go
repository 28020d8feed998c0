package lease

import "time"

const (
	// PulseEvery is how often the owner of a table calls [Table.Pulse], at least.
	PulseEvery = 250 * time.Millisecond
	// MaxGap is the longest time between two readings of the clock that counts as time.
	// A longer one is a pause. Twice PulseEvery, so that a late tick is none.
	MaxGap = 500 * time.Millisecond
)

// Pause is time in which the process could not hear a renewal.
type Pause struct {
	Gap time.Duration
	// Suspended: the machine slept, and the monotonic clock with it. Otherwise the
	// process alone was stopped, or starved.
	Suspended bool
}

// timeline is the clock without gaps, and the holds that its gaps gave cause for.
type timeline struct {
	clock    func() time.Duration
	boottime func() time.Duration
	onPause  func(Pause)

	read   time.Duration // the latest reading of clock
	offset time.Duration // what lies between clock and table time

	// The reading of boottime at the latest check, and the reading of clock with it.
	bootRead, bootClock time.Duration
	bootAt              time.Duration // the table time of that check

	holds []hold
}

func (l *timeline) start(opts Options) {
	l.clock, l.boottime, l.onPause = opts.Clock, opts.Boottime, opts.OnPause
	if l.clock == nil {
		origin := time.Now()
		l.clock = func() time.Duration { return time.Since(origin) }
	}
	l.read = l.clock()
	l.offset = l.read
	if l.boottime != nil {
		l.bootRead, l.bootClock = l.boottime(), l.read
	}
}

// Now reads the table's time: the time since the table was made, without gaps.
func (t *Table) Now() time.Duration { return t.now() }

// Pulse reads the clocks and takes note of a pause or a suspend. The owner calls it at
// least every [PulseEvery], with leases or without.
func (t *Table) Pulse() {
	t.now()
	t.checkSuspend()
}

// now is the only place where table time advances.
func (l *timeline) now() time.Duration {
	c := l.clock()
	switch moved := c - l.read; {
	case moved > MaxGap:
		at := l.read - l.offset
		l.offset += moved
		l.hold(at, at, moved)
		l.tell(Pause{Gap: moved})
	case moved < 0:
		l.offset += moved // a clock that is not monotonic must not revive anyone
	}
	l.read = c
	return c - l.offset
}

// checkSuspend compares how far the two clocks moved since the last check. It costs a
// system call and so runs with each pulse, and before a lease is called dead, but not
// with each renewal.
func (l *timeline) checkSuspend() {
	if l.boottime == nil {
		return
	}
	boot := l.boottime()
	gap := (boot - l.bootRead) - (l.read - l.bootClock)
	at := l.read - l.offset
	if gap > MaxGap {
		l.hold(l.bootAt, at, gap)
		l.tell(Pause{Gap: gap, Suspended: true})
	}
	l.bootRead, l.bootClock, l.bootAt = boot, l.read, at
}

func (l *timeline) tell(p Pause) {
	if l.onPause != nil {
		l.onPause(p)
	}
}
