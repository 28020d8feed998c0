package patience

import (
	"sync"
	"sync/atomic"
	"time"
)

// deadline is one deadline of a connection. Most moves of it touch nothing but at.
type deadline struct {
	at atomic.Int64 // nanoseconds since the watch's origin; 0: none that the watch must look at

	// real tells that the connection itself has a deadline: one that is over, or too near
	// to be left to the watch. It is set before, and cleared after, that one is.
	real atomic.Bool
	mu   sync.Mutex // held while the connection's own deadline is set
	set  func(time.Time) error
}

// past is a deadline that is over.
var past = time.Unix(1, 0)

// move sets the deadline to t, or lifts it if t is zero.
func (d *deadline) move(w *Watch, t time.Time) error {
	if t.IsZero() {
		d.at.Store(0)
		return d.lift()
	}
	at := int64(t.Sub(w.origin))
	if at > w.now.Load()+int64(2*Tolerance) {
		d.at.Store(at)
		return d.lift()
	}
	// It is over, as one that a server sets to interrupt a read, or it will be soon.
	d.at.Store(0)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.real.Store(true)
	return d.set(t)
}

// lift removes the connection's own deadline, if there is one.
func (d *deadline) lift() error {
	if !d.real.Load() {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.real.Load() {
		return nil
	}
	d.real.Store(false)
	return d.set(time.Time{})
}

// expire ends what waits on the connection if the deadline is over.
func (d *deadline) expire(now int64) {
	at := d.at.Load()
	if at == 0 || at > now {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.real.Store(true)
	// The connection may be closed by now, which ends its calls as well.
	_ = d.set(past)
	// A move that came meanwhile has not seen real: it counts.
	if d.at.Load() != at {
		d.real.Store(false)
		_ = d.set(time.Time{})
	}
}
