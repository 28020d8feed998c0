package bench

import (
	"context"
	"sync"
	"time"
)

// worker is one connection of the load and what it needs.
type worker struct {
	*line
	*recorder
	n, of int // the nth of that many
	turn  int // operations begun
	buf   []byte
}

// step is one request: it gives how many operations in it succeeded. Those that did not it
// has counted itself, unless it gives an error, which counts for all of them.
type step func(ctx context.Context, w *worker) (done int, err error)

// load is something to be driven.
type load struct {
	meter       *meter
	connections int
	rate        float64 // operations a second; 0: a closed loop
	ops         int     // in a request
	first       int     // number of the first connection, which decides about the node
	do          step
}

// drive sends requests for d, or until do says errDone on every connection.
func (r *run) drive(ctx context.Context, l load, d time.Duration) {
	p := newPace(l.rate/float64(l.ops), d)
	l.meter.begun = p.begin
	var group sync.WaitGroup
	for n := range l.connections {
		w := &worker{line: r.newLine(l.first + n), recorder: l.meter.recorder(), n: n, of: l.connections}
		group.Go(func() {
			defer w.hangUp()
			w.work(ctx, p, &l)
		})
	}
	group.Wait()
	l.meter.ended = time.Now()
	l.meter.unsent += p.unsent() * int64(l.ops)
}

// work sends requests one after the other.
func (w *worker) work(ctx context.Context, p *pace, l *load) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		began, more := p.next(ctx, timer)
		if !more {
			return
		}
		done, err := l.do(ctx, w)
		switch {
		case err == errDone: //nolint:errorlint // a sign, and never wrapped
			return
		case err == nil:
			w.answered(time.Since(began), done)
		case ctx.Err() != nil:
			return // it failed because the run was ended
		default:
			w.fail(l.ops, err)
			if w.conn == nil && pause(ctx, backOff) != nil {
				return
			}
		}
		w.turn++
	}
}

// backOff is the wait before a connection that failed is dialled again.
const backOff = 20 * time.Millisecond

// errDone says that there is nothing left to do.
var errDone = errorText("done")

type errorText string

func (e errorText) Error() string { return string(e) }
