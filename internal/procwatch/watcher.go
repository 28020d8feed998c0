package procwatch

import (
	"sync"
	"time"
)

// Every is how often a process is looked at of whose end the system does not tell.
const Every = 25 * time.Millisecond

// Options open a Watcher. The zero value is good.
type Options struct {
	// Descriptors is how many processes at most are watched by a descriptor each; the
	// others are polled. Zero: as many as half of the files that this process may open,
	// since the rest is for its connections. Negative: none.
	Descriptors int
}

// Watcher watches processes. Its methods may be called concurrently.
type Watcher struct {
	sys   system
	fds   *pidfds // nil: everything is polled
	most  int     // descriptors
	wake  chan struct{}
	nudge chan struct{} // tells the polling goroutine that there is something; holds one
	stop  chan struct{}
	wg    sync.WaitGroup

	mu      sync.Mutex // guards everything below
	closed  bool
	watched map[Identity]*watched
	byToken map[uint64]*watched // those with a descriptor
	polled  map[*watched]struct{}
	ended   []Identity // not yet taken
}

// watched is a process that is watched.
type watched struct {
	id    Identity
	token uint64 // what its descriptor's events carry; 0: it is polled
	fd    int    // with a token
	// scarce: it is polled because there were descriptors for others only.
	scarce bool
}

// Open makes a Watcher of this machine's processes and starts its goroutines, which Close
// ends. Where the system has no descriptors for processes that is no error: it polls.
func Open(opts Options) *Watcher {
	most := opts.Descriptors
	if most == 0 {
		most = openFiles() / 2
	}
	var fds *pidfds
	if most > 0 {
		fds = openPidfds()
	}
	return open(machine(), fds, most)
}

func open(sys system, fds *pidfds, most int) *Watcher {
	w := &Watcher{
		sys: sys, fds: fds, most: most,
		wake: make(chan struct{}, 1), nudge: make(chan struct{}, 1), stop: make(chan struct{}),
		watched: map[Identity]*watched{}, byToken: map[uint64]*watched{}, polled: map[*watched]struct{}{},
	}
	if fds != nil {
		w.wg.Go(func() { fds.wait(w.readable); w.pollAll() })
	}
	w.wg.Go(w.poll)
	return w
}

// Close ends the watching, lets go of every descriptor and waits for the goroutines. It may
// be called more than once. What has ended and was not taken can still be taken.
func (w *Watcher) Close() error {
	w.mu.Lock()
	if !w.closed {
		w.closed = true
		close(w.stop)
		for id := range w.watched {
			w.drop(id)
		}
		if w.fds != nil {
			w.fds.close()
		}
	}
	w.mu.Unlock()
	w.wg.Wait()
	return nil
}

// Identify names the process that has the pid now. Empty: none is seen alive, as with the
// pid of a process that has ended and was not yet waited for, or one in a container.
func (w *Watcher) Identify(pid int) Identity { return identify(w.sys, pid) }

// Watch begins to watch a process, whose end [Watcher.TakeEnded] then gives once: also if it
// has ended already. One that is watched is not watched twice. An identity that was made in
// another container, or by another system, tells nothing here and is not watched.
func (w *Watcher) Watch(id Identity) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed || w.watched[id] != nil {
		return
	}
	switch stateOf(w.sys, id) {
	case foreign:
		return
	case ended:
		w.tell(id)
		return
	}
	p := &watched{id: id}
	w.watched[id] = p
	if w.describe(p) && stateOf(w.sys, id) == ended {
		// It ended before there was a descriptor, which may then be another's: the pid was
		// given away in between.
		w.drop(id)
		w.tell(id)
	} else if p.token == 0 {
		w.pollToo(p)
	}
}

// Release ends the watching of a process. Its end is not told then, unless it was already.
func (w *Watcher) Release(id Identity) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.drop(id)
}

// Ended holds a token while there is something to take.
func (w *Watcher) Ended() <-chan struct{} { return w.wake }

// TakeEnded gives the watched processes that have ended since it was last called. They are
// not watched any more.
func (w *Watcher) TakeEnded() []Identity {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case <-w.wake: // what it was for is taken now
	default:
	}
	out := w.ended
	w.ended = nil
	return out
}

// Watching is how many processes are watched by a descriptor, and how many are polled.
func (w *Watcher) Watching() (described, polled int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.byToken), len(w.polled)
}

// tell notes the end of a process. It needs the mutex.
func (w *Watcher) tell(id Identity) {
	w.ended = append(w.ended, id)
	select {
	case w.wake <- struct{}{}:
	default: // it is already told
	}
}

// drop lets go of a process, if it is watched. It needs the mutex.
func (w *Watcher) drop(id Identity) {
	p := w.watched[id]
	if p == nil {
		return
	}
	delete(w.watched, id)
	delete(w.polled, p)
	w.undescribe(p)
}
