package cli

import (
	"fmt"
	"sync"
	"time"
)

// progress shows on standard error what a measurement does: a line for each of its parts, and
// on a terminal one that moves.
type progress struct {
	env  Env
	stop chan struct{}
	done sync.WaitGroup

	mu    sync.Mutex
	now   func() string // nil: nothing moves
	shown bool          // a line that moves is on the screen
}

// progressEvery is how often the line moves.
const progressEvery = 500 * time.Millisecond

// progress gives one that the caller closes.
func (e Env) progress() *progress {
	p := &progress{env: e, stop: make(chan struct{})}
	if e.ErrTerminal {
		p.done.Go(p.move)
	}
	return p
}

func (p *progress) move() {
	ticker := time.NewTicker(progressEvery)
	defer ticker.Stop()
	for {
		select {
		case <-p.stop:
			return
		case <-ticker.C:
			p.show()
		}
	}
}

// show writes the line that moves.
func (p *progress) show() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.now != nil {
		fmt.Fprintf(p.env.Stderr, "\r%s\x1b[K", clean(p.now()))
		p.shown = true
	}
}

// Say writes a line.
func (p *progress) Say(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	p.env.say("%s", clean(text))
}

// Watch makes the line that moves tell of something else.
func (p *progress) Watch(now func() string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	p.now = now
}

// clear takes the line that moves away. It needs the lock.
func (p *progress) clear() {
	if p.shown {
		fmt.Fprint(p.env.Stderr, "\r\x1b[K")
		p.shown = false
	}
}

func (p *progress) close() {
	close(p.stop)
	p.done.Wait()
	p.Watch(nil)
}
