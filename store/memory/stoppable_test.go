package memory_test

import (
	"sync"
	"time"
)

// stoppable is the clock of a process that can be stopped. While it is, the process reads
// one and the same time, as if it did not read it at all; then the clock has jumped.
type stoppable struct {
	since time.Time

	mu      sync.Mutex
	stopped bool
	at      time.Duration
	ahead   time.Duration
}

func (p *stoppable) clock() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return p.at
	}
	return time.Since(p.since) + p.ahead
}

// skip moves the clock ahead of the timers, as if the goroutines that wait for those had
// not come to run yet.
func (p *stoppable) skip(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ahead += d
}

func (p *stoppable) stop(d time.Duration) {
	p.set(true)
	time.Sleep(d)
	p.set(false)
}

func (p *stoppable) set(stopped bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped, p.at = stopped, time.Since(p.since)+p.ahead
}
