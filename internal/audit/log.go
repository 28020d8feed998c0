package audit

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// The bounds of a log.
const (
	queued    = 4096      // events that wait to be encoded
	together  = 64 << 10  // bytes that are written at once
	maxUnsent = 256 << 10 // bytes that wait for a file that cannot be written
	lookEvery = time.Second
)

// Options configure a Log.
type Options struct {
	File   string    // path of a file, or Stderr
	Stderr io.Writer // what Stderr is; required with it
	Node   string    // stands in every event
	// Guard masks secrets in an attribute, as slog.HandlerOptions.ReplaceAttr; nil: none is
	// masked. No field is meant to hold one: it is the second line of defence.
	Guard  func(groups []string, a slog.Attr) slog.Attr
	Logger *slog.Logger // told of what goes wrong; nil: nobody
}

// Stats are counts since the start of a log.
type Stats struct {
	Written    uint64 // events
	Suppressed uint64 // denials that were counted together and not written each
	Lost       uint64 // events that could not be written
	Failing    bool   // nothing can be written now
}

// Log writes events as JSON lines. Its methods may be called concurrently, and on a nil Log,
// which writes nothing.
type Log struct {
	log    *slog.Logger
	node   string
	out    *sink
	lines  slog.Handler // into unsent
	unsent bytes.Buffer

	queue  chan Event
	again  chan struct{} // asks for the file to be opened anew
	stop   chan struct{}
	done   chan struct{}
	ending sync.Once
	closed error

	flood                     flood
	written, suppressed, lost atomic.Uint64
	failing                   atomic.Bool
	toldLost                  uint64 // of lost; as is what follows, of the goroutine
	stuck                     bool   // the file was moved and cannot be opened anew
}

// Open opens the file, makes it with mode 0600 if there is none, and starts the goroutine
// that writes it. Close ends both.
func Open(o Options) (*Log, error) {
	out, err := openSink(o.File, o.Stderr)
	if err != nil {
		return nil, fmt.Errorf("open audit log: %w", err)
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	l := &Log{log: o.Logger, node: o.Node, out: out, queue: make(chan Event, queued),
		again: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{})}
	l.lines = slog.NewJSONHandler(&l.unsent, &slog.HandlerOptions{ReplaceAttr: line(o.Guard)})
	go l.run()
	return l, nil
}

// line makes an attribute what stands in the line: the message is the kind, and there are no
// levels, as nothing is left out for one.
func line(guard func([]string, slog.Attr) slog.Attr) func([]string, slog.Attr) slog.Attr {
	return func(groups []string, a slog.Attr) slog.Attr {
		switch a.Key {
		case slog.LevelKey:
			return slog.Attr{}
		case slog.MessageKey:
			a.Key = "kind"
			return a
		case slog.TimeKey:
			return a
		}
		if guard != nil {
			return guard(groups, a)
		}
		return a
	}
}

// Write hands an event over, and returns at once: it is written soon. Of denials, ten a second
// of an identity are written, and the others counted in one event of kind [Suppressed]. Where
// the file cannot be written for long, events are lost, and counted in one of kind [Lost].
func (l *Log) Write(e Event) {
	if l == nil {
		return
	}
	e = e.bounded(time.Now())
	if e.Outcome == Deny && !l.flood.pass(e.Identity, e.Time) {
		l.suppressed.Add(1)
		return
	}
	select {
	case <-l.stop:
		l.lost.Add(1)
		return
	default:
	}
	select {
	case l.queue <- e:
	default:
		l.lost.Add(1)
	}
}

// Reopen opens the file anew, soon: for whoever has moved it. That is also found within a
// second without being told.
func (l *Log) Reopen() {
	if l == nil {
		return
	}
	select {
	case l.again <- struct{}{}:
	default: // it is asked for already
	}
}

// Stats gives the counts.
func (l *Log) Stats() Stats {
	if l == nil {
		return Stats{}
	}
	return Stats{Written: l.written.Load(), Suppressed: l.suppressed.Load(), Lost: l.lost.Load(), Failing: l.failing.Load()}
}

// Close writes what waits, and closes the file. It may be called more than once.
func (l *Log) Close() error {
	if l == nil {
		return nil
	}
	l.ending.Do(func() {
		close(l.stop)
		<-l.done
	})
	return l.closed
}
