package redis

import (
	"sync"
	"time"

	driver "github.com/redis/go-redis/v9"

	"github.com/roster-sd/roster/store"
)

// kept is how many of the newest events a node keeps in memory for its watchers. One that is
// further behind reads from Redis what it missed, by itself.
const kept = 4096

// feed follows the stream for all watchers of a store: one connection and one decoding
// however many there are. It runs from the first watch until the store is closed.
//
// Entries stand in the stream without gaps, so that a place in memory is a revision less a
// number.
type feed struct {
	s      *Store
	start  sync.Once
	client *driver.Client // of the goroutine that follows, once there is one

	mu     sync.Mutex
	epoch  *epoch // nil: the feed stands nowhere
	events []told
	first  uint64        // the revision of events[0]
	last   uint64        // the revision read last; first-1 if there are no events
	nonce  string        // of last
	broken uint64        // how often the watchers of the time were broken
	why    error         // the kind of error that they were broken with last
	cause  error         // and its cause
	news   chan struct{} // closed at the next change; nil while nobody waits
	done   bool
}

// told is an event and the nonce of its entry.
type told struct {
	store.Event
	nonce string
}

func (f *feed) open(s *Store) { f.s = s }

// follow makes the feed run. What is known of the end of the stream is where it begins.
func (f *feed) follow(e *epoch, last uint64, nonce string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.done {
		return
	}
	if f.epoch == nil {
		f.stand(e, last, nonce)
	}
	f.start.Do(func() {
		f.client = f.s.link.connect(1)
		f.s.wg.Go(f.run)
	})
}

// stand begins anew behind a revision. It needs mu.
func (f *feed) stand(e *epoch, last uint64, nonce string) {
	f.epoch, f.last, f.nonce = e, last, nonce
	f.first, f.events = last+1, nil
}

// begin leaves the past behind: another epoch began.
func (f *feed) begin(e *epoch) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.epoch != nil && f.epoch != e {
		f.epoch = nil
		f.breakAll(store.ErrCompacted, nil)
	}
}

// breakAll ends the watchers that there are. It needs mu.
func (f *feed) breakAll(why, cause error) {
	f.broken++
	f.why, f.cause = why, cause
	f.announce()
}

func (f *feed) announce() {
	if f.news != nil {
		close(f.news)
		f.news = nil
	}
}

// wait gives a channel that the next change closes. It needs mu.
func (f *feed) wait() <-chan struct{} {
	if f.news == nil {
		f.news = make(chan struct{})
	}
	return f.news
}

// add takes in events that follow the last.
func (f *feed) add(e *epoch, events []told) {
	if len(events) == 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.epoch != e {
		return
	}
	f.events = append(f.events, events...)
	newest := &events[len(events)-1]
	f.last, f.nonce = newest.Revision.Number, newest.nonce
	if n := len(f.events); n > 2*kept {
		f.events = append(make([]told, 0, 3*kept), f.events[n-kept:]...)
		f.first = f.last + 1 - kept
	}
	f.announce()
}

// caughtUp tells whether watchers have been given all that was known of before now.
func (f *feed) caughtUp() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	e := f.s.epoch.Load()
	return f.client == nil || f.epoch == e && e != nil && f.last >= e.seen.Load()
}

// close ends the feed, whose goroutine the store waits for.
func (f *feed) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.done {
		return
	}
	f.done = true
	if f.client != nil {
		_ = f.client.Close() // nothing is lost with it
	}
	f.breakAll(store.ErrClosed, nil)
}

// run reads the stream until the store is closed.
func (f *feed) run() {
	alive := time.Now()
	for !f.s.closed() {
		err := f.read(alive)
		if err == nil {
			alive = time.Now()
			continue
		}
		if time.Since(alive) > f.s.opts.mute-retryAfter {
			f.giveUp(err)
			alive = time.Now() // those who watch from now on get as much patience
		}
		f.reconnect()
		select {
		case <-f.s.life.Done():
		case <-time.After(retryAfter):
		}
	}
}

// giveUp tells the watchers that Redis is out of reach.
func (f *feed) giveUp(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.done {
		f.breakAll(store.ErrUnavailable, explain(err))
	}
}

// reconnect lets go of the connection, which may have an answer underway that nobody wants.
func (f *feed) reconnect() {
	next := f.s.link.connect(1)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.done {
		_ = next.Close()
		return
	}
	_ = f.client.Close() // nothing is lost with it
	f.client = next
}
