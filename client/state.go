package client

import (
	"fmt"
	"time"
)

// State is where a [Registration] stands.
type State int

// The states. The last two are final.
const (
	// Registering: the instance is not in the registry, and is being put there: for the
	// first time, or again after its lease was lost.
	Registering State = iota
	// Registered: the registry has accepted the last renewal.
	Registered
	// Unreachable: renewals fail, for reasons that say nothing of the instance. The registry
	// shows it on until its TTL is over, and longer where the fault is the registry's own.
	Unreachable
	// Lost: the instance is gone in a way that must not be undone by itself: it was
	// replaced, removed, or is not allowed. [Registration.Err] says which.
	Lost
	// Closed: by [Registration.Close].
	Closed
)

// String gives the state's name in lower case.
func (s State) String() string {
	if s < 0 || int(s) >= len(stateNames) {
		return fmt.Sprintf("state %d", int(s))
	}
	return stateNames[s]
}

var stateNames = [...]string{"registering", "registered", "unreachable", "lost", "closed"}

// set notes a state and what led to it, nil for nothing bad, and wakes all who wait for
// the outcome of the worker's last step. Only the worker calls it.
func (r *Registration) set(s State, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = err
	if r.state != s {
		r.state = s
		select {
		case <-r.states: // what nobody has read is out of date
		default:
		}
		r.states <- s // there is room: nobody else sends
	}
	close(r.stepped)
	r.stepped = make(chan struct{})
}

// States gives a channel of the state's changes, for one reader. It never holds up the
// registration: a reader that is slow misses states, but never the latest. It is closed
// after a final one.
func (r *Registration) States() <-chan State { return r.states }

// State is where the registration stands.
func (r *Registration) State() State {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state
}

// Healthy tells whether the registry shows the instance, as far as is known: it has
// confirmed it within the TTL. That suits a readiness check. It suits no liveness check: a
// registry that is away is no reason to restart the services that it lists.
func (r *Registration) Healthy() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch r.state {
	case Registered, Unreachable:
		return time.Since(r.confirmed) < r.ttl
	}
	return false
}

// Err says what is wrong at present: why the last step failed, or why the registration
// was lost. Nil where all is well, and after Close.
func (r *Registration) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// Done is closed when the registration has ended, by Close or because it was lost.
func (r *Registration) Done() <-chan struct{} { return r.done }
