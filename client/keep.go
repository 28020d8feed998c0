package client

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/roster-sd/roster/wire"
)

// The times of a worker.
const (
	// firstTTL stands for the TTL before one was granted: the registry's default.
	firstTTL = 30 * time.Second
	// retryBase is the bound of the first wait after a failure.
	retryBase = 250 * time.Millisecond
	// leastAttempt is the shortest time that a renewal is given at one address: a handshake
	// on a busy machine takes its time.
	leastAttempt = time.Second
	// leastCap bounds the waits between failures from below.
	leastCap = 500 * time.Millisecond
	// tick is the longest that a worker sleeps: timers stand still while a laptop sleeps,
	// so it looks at the wall clock that often.
	tick = time.Second
	// doubts is how often in a row it may be unclear whose an instance is.
	doubts = 3
)

// worker is the one goroutine that acts for a registration.
type worker struct {
	*Registration
	made     bool // the ID was made here, and nobody has seen it yet
	failures int  // in a row
	doubted  int
	cred     credential
	held     bool // the instance of cred lives, as far as is known
	// unclear is when the last registration was sent of which the outcome is not known.
	unclear time.Time
	pidOff  bool             // the registry was wrong about our process
	wall    func() time.Time // now, but in tests
}

// run takes steps until the registration is closed or lost.
func (w *worker) run() {
	defer close(w.done)
	defer close(w.states)
	for w.ctx.Err() == nil {
		wait, err := w.step()
		if err != nil && w.ctx.Err() == nil {
			w.set(Lost, err)
			w.cancel()
			return
		}
		w.sleep(wait)
	}
	w.leave()
}

// step does what is due, and tells when to come again. An error ends the registration.
func (w *worker) step() (time.Duration, error) {
	if w.registered() {
		return w.renew()
	}
	return w.register()
}

// registered tells whether there is a lease to renew.
func (w *worker) registered() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.token != ""
}

// sleep waits, unless the worker is poked or the registration closed. The time in which
// the machine slept counts.
func (w *worker) sleep(d time.Duration) {
	begun, wall := time.Now(), w.wall()
	timer := time.NewTimer(0)
	defer timer.Stop()
	<-timer.C
	for {
		// The first is of the clock that may have stood still.
		left := d - max(time.Since(begun), w.wall().Sub(wall))
		if left <= 0 {
			return
		}
		timer.Reset(min(left, tick))
		select {
		case <-timer.C:
		case <-w.poke:
			return
		case <-w.ctx.Done():
			return
		}
	}
}

// longest is the bound that waits after failures like err grow to.
func (w *worker) longest(err error) time.Duration {
	w.mu.Lock()
	ttl := w.ttl
	w.mu.Unlock()
	if ttl == 0 {
		ttl = firstTTL
	}
	longest := max(ttl/3, leastCap)
	if w.c.cheap(err) {
		longest = min(longest, localWait)
	}
	return longest
}

// again notes a failure that may go away, and gives the wait for the next try: anything up
// to a bound that doubles ("full jitter"), and what the registry asked for.
func (w *worker) again(s State, err error) time.Duration {
	w.failures++
	w.set(s, err)
	longest := w.longest(err)
	bound := min(retryBase, longest)
	for i := 1; i < w.failures && bound < longest; i++ {
		bound = min(2*bound, longest)
	}
	wait := rand.N(bound) + time.Millisecond
	var e *Error
	if errors.As(err, &e) {
		wait += min(e.RetryAfter, longest)
	}
	return wait
}

// renew rotates the token if that is due, and sends a heartbeat.
func (w *worker) renew() (time.Duration, error) {
	if w.cred.due(now()) {
		w.rotate()
	}
	beat, sent, err := w.beat(w.cred.token)
	if errors.Is(err, ErrUnauthenticated) && w.cred.previous != "" {
		// The registry may have lost that it gave the newer one.
		var older error
		if beat, sent, older = w.beat(w.cred.previous); older == nil {
			w.cred.fallBack(now())
			w.keep(w.cred.token)
			err = nil
		}
	}
	var e *Error
	switch {
	case err == nil:
		return w.renewed(beat, sent), nil
	case w.ctx.Err() != nil:
		return 0, nil
	case errors.Is(err, ErrLeaseLost) && errors.As(err, &e):
		return w.gone(err, e.Reason)
	case errors.Is(err, ErrNotFound):
		return w.forget(err), nil
	case errors.Is(err, ErrUnauthenticated):
		return w.refused(err)
	}
	return w.again(Unreachable, err), nil
}

func (w *worker) beat(token string) (wire.Heartbeat, time.Time, error) {
	sent := time.Now()
	beat, err := w.c.heartbeat(w.ctx, w.ref(), token, w.attempt())
	return beat, sent, err
}

// attempt is how long one address has to answer a call on which the lease may depend.
func (w *worker) attempt() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return max(w.ttl/6, leastAttempt)
}

func (w *worker) ref() wire.InstanceRef {
	w.mu.Lock()
	defer w.mu.Unlock()
	return wire.InstanceRef{ServiceName: w.want.ServiceName, InstanceID: w.want.InstanceID}
}

// renewed notes a renewal that was accepted, and gives the time until the next: a third of
// the TTL, so that two may fail, and a little less by chance, so that many who registered
// together do not renew together.
func (w *worker) renewed(beat wire.Heartbeat, sent time.Time) time.Duration {
	w.failures, w.doubted = 0, 0
	w.cred.expiresAt(beat.TokenExpiresAt, now())
	w.mu.Lock()
	if beat.TTL > 0 {
		w.ttl = time.Duration(beat.TTL) * time.Millisecond
	}
	ttl := w.ttl
	w.confirmed = sent
	w.mu.Unlock()
	w.set(Registered, nil)
	interval := ttl / 3
	return interval - rand.N(interval/10+1) - time.Since(sent)
}

// keep sets the token by which calls are made, empty for none.
func (w *worker) keep(token string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.token = token
}

// now is the wall clock, which goes on while a laptop sleeps.
func now() time.Time { return time.Now().Round(0) }
