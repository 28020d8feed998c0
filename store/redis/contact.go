package redis

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/roster-sd/roster/store"
)

const (
	// patience is how long the server may be silent before the silence is a disturbance. A
	// sweeper asks something many times in it.
	patience = time.Second
	// catchUp is how long sweeping waits at most, after a disturbance, for the feed of this
	// node to come to what happened meanwhile.
	catchUp = 500 * time.Millisecond
)

// contact is when the server was last heard. Times are since the store was opened, by the
// monotonic clock of the process.
type contact struct {
	since time.Time
	last  atomic.Int64 // nanoseconds; zero: never

	telling sync.Mutex   // held while a disturbance is told: nobody goes on before it is
	calm    atomic.Int64 // nanoseconds: no sweep before
	hurried atomic.Int64 // nanoseconds: no sweep before, unless the feed has caught up
}

func (c *contact) now() time.Duration { return time.Since(c.since) }

// silent gives for how long the server has not been heard.
func (c *contact) silent() time.Duration { return c.now() - time.Duration(c.last.Load()) }

// never tells whether the server was not heard yet.
func (c *contact) never() bool { return c.last.Load() == 0 }

// heard notes that the server answered. A silence before it is told before the caller goes
// on with what it heard.
func (s *Store) heard() {
	c := &s.contact
	if !c.never() && c.silent() > patience {
		c.telling.Lock()
		defer c.telling.Unlock()
		if c.silent() > patience { // nobody has told it meanwhile
			s.tell("Redis was out of reach, or this process did not run", 0)
		}
	}
	c.last.Store(int64(c.now()))
}

// disturbed tells that something happened since the server was last heard. Sweeping waits a
// while for what this node alone can see, so that others see it too.
func (s *Store) disturbed(why string, wait time.Duration) {
	s.contact.telling.Lock()
	defer s.contact.telling.Unlock()
	s.tell(why, wait)
}

// tell needs telling.
func (s *Store) tell(why string, wait time.Duration) {
	c := &s.contact
	now, last := c.now(), time.Duration(c.last.Load())
	c.calm.Store(max(c.calm.Load(), int64(now+wait)))
	c.hurried.Store(int64(now + max(wait, catchUp)))
	s.opts.OnDisturbance(store.Disturbance{From: c.since.Add(last), At: c.since.Add(now), Why: why})
	c.last.Store(int64(now))
}

// settled tells whether sweeping may go on after a disturbance.
func (s *Store) settled() bool {
	now := int64(s.contact.now())
	return now >= s.contact.calm.Load() && (now >= s.contact.hurried.Load() || s.feed.caughtUp())
}

func timedOut(err error) bool {
	var n net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &n) && n.Timeout()
}

func isDial(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}
