package check

import (
	"container/heap"
	"context"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"github.com/roster-sd/roster/store"
)

const (
	defaultWorkers    = 1024
	defaultPerAddress = 20
	// freshEvery is how far apart the first looks at targets begin that nobody has looked at, so
	// that many of them at once make no storm.
	freshEvery = 2 * time.Millisecond
	// firstRetell is how long after Retell a verdict is given again, at first.
	firstRetell = time.Second
)

// ScheduleOptions are the options of a schedule. Probe and Report are required.
type ScheduleOptions struct {
	// Probe looks at a target once: [Prober.Probe], or what wraps it and passes its context on.
	// Errors that are [ErrUndecided] count neither as passed nor as failed.
	Probe func(context.Context, Target) error
	// Report is told a verdict when it is first known, when it changes, and after Retell and Again. It is
	// called from a worker, which it keeps busy, without a lock, and never twice at once for a key.
	Report func(context.Context, Report)
	// Observe, where it is given, is told of each check that was decided: when it began, how
	// it ended, how long it took, and how long after its time it began. It is called before
	// Report, never twice at once for a key, and concurrently for several.
	Observe func(t Target, began time.Time, err error, took, late time.Duration)
	// Workers bounds how many checks are under way at once; zero is 1024.
	Workers int
	// PerAddress bounds the checks a second of one IP address; zero is 20, below zero no bound.
	PerAddress int
}

// Schedule looks at targets when it is time to. Its methods may be used concurrently.
type Schedule struct {
	options ScheduleOptions
	now     func() time.Duration // by a clock that no one sets
	kick    chan struct{}        // holds one: there is something to do before wake
	work    sync.WaitGroup

	mu      sync.Mutex
	targets map[store.Key]*entry
	due     byTime
	pace    pace
	lanes   lanes
	fresh   time.Duration // when the next first look may begin
	pulse   time.Duration // when the clock was last read
	pauses  int           // how often this process did not run for a while
	wake    time.Duration // when Run will look at what is due
	running bool
}

// NewSchedule makes a schedule, which does nothing until it runs.
func NewSchedule(options ScheduleOptions) *Schedule {
	if options.Workers <= 0 {
		options.Workers = defaultWorkers
	}
	if options.PerAddress == 0 {
		options.PerAddress = defaultPerAddress
	}
	began := time.Now()
	return &Schedule{
		options: options,
		now:     func() time.Duration { return time.Since(began) },
		kick:    make(chan struct{}, 1),
		targets: make(map[store.Key]*entry),
		pace:    pace{perSecond: options.PerAddress},
		lanes:   lanes{workers: options.Workers},
	}
}

// Set takes a target in. One of the same key with another generation, address, port or
// check begins anew; any other difference counts from the next check on. But one that was
// registered again as what it was, and is taken to pass, goes on with the failures that it has:
// who registers more often than a verdict takes would never fail.
func (s *Schedule) Set(t Target) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.targets[t.Key]; e != nil {
		if !e.target.anew(&t) || e.goesOn(&t) {
			e.target = t
			return
		}
		s.drop(e)
	}
	e := &entry{target: t, index: -1}
	if addr, err := netip.ParseAddr(t.Address); err == nil {
		e.addr = addr.Unmap()
	}
	s.targets[t.Key] = e
	s.place(e, s.now())
	s.push(e)
}

// Remove takes a target out and ends a check of it that is under way, without a verdict. A
// report that was being given may still be under way when Remove returns.
func (s *Schedule) Remove(key store.Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.targets[key]; e != nil {
		s.drop(e)
		delete(s.targets, key)
	}
}

// Retell gives the verdict on a target again in a second, and later each time it is asked to
// while the verdict stands; not before a check that says the same, if the last said otherwise.
// It may be called from Report. Nothing is done for an unknown key, or without a verdict.
func (s *Schedule) Retell(key store.Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.targets[key]
	if e == nil || e.verdict == unknown {
		return
	}
	e.owed = true
	e.retell = s.now() + min(firstRetell<<e.retold, max(e.target.Check.Interval, firstRetell))
	e.retold = min(e.retold+1, 16)
	if e.index >= 0 {
		heap.Fix(&s.due, e.index)
		s.hurry()
	}
}

// Again has a target's verdict given once more, after the next check that says the same. It may
// be called from Report. Nothing is done for an unknown key, or without a verdict.
func (s *Schedule) Again(key store.Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.targets[key]; e != nil && e.verdict != unknown {
		e.again = true
	}
}

// Len is how many targets there are.
func (s *Schedule) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.targets)
}

// place chooses when the first look at a target is due, or the next one after a pause; the
// lock is held. Who waits to be seen for the first time comes soon, the others some time
// within their interval.
func (s *Schedule) place(e *entry, now time.Duration) {
	interval := e.interval()
	e.turnAddr = netip.Addr{}
	e.due = now + rand.N(interval)
	if at := max(now, s.fresh); e.target.Unseen && e.verdict == unknown && at < now+interval {
		s.fresh = at + freshEvery
		e.due = at
	}
}

// push puts an entry where its time is waited for; the lock is held.
func (s *Schedule) push(e *entry) {
	heap.Push(&s.due, e)
	s.hurry()
}

// hurry wakes Run if the first entry is due before Run would look; the lock is held.
func (s *Schedule) hurry() {
	if s.running && s.due[0].when() < s.wake {
		if s.wake == forever {
			s.pulse = s.now() // nobody read the clock while there was nothing to do
		}
		s.wake = s.due[0].when()
		select {
		case s.kick <- struct{}{}:
		default: // is awake already
		}
	}
}

// drop makes an entry one that nothing comes of any more; the lock is held.
func (s *Schedule) drop(e *entry) {
	e.gone = true
	if e.index >= 0 {
		heap.Remove(&s.due, e.index)
	}
	if e.cancel != nil {
		e.cancel()
	}
}
