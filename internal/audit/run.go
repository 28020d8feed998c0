package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// run owns the file.
func (l *Log) run() {
	defer close(l.done)
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		in := l.queue
		if l.unsent.Len() >= maxUnsent {
			in = nil // the rest waits in the queue, and is lost when that is full
		}
		select {
		case e := <-in:
			l.encode(e)
			l.drain(together)
			if !l.failing.Load() { // else it is tried once a tick
				l.flush()
			}
		case now := <-tick.C:
			l.summarise(now)
			if l.out.moved() {
				l.reopen()
			}
			l.flush()
		case <-l.again:
			l.reopen()
			l.flush()
		case <-l.stop:
			l.end()
			return
		}
	}
}

// drain encodes what is queued, up to so many bytes.
func (l *Log) drain(most int) (more bool) {
	for l.unsent.Len() < most {
		select {
		case e := <-l.queue:
			l.encode(e)
		default:
			return false
		}
	}
	return true
}

func (l *Log) encode(e Event) {
	r := slog.NewRecord(e.Time.UTC(), slog.LevelInfo, string(e.Kind), 0)
	r.AddAttrs(e.attrs(l.node)...)
	if err := l.lines.Handle(context.Background(), r); err != nil {
		l.lost.Add(1) // a buffer takes everything, so this does not happen
	}
}

// summarise writes what was only counted.
func (l *Log) summarise(now time.Time) {
	for _, e := range l.flood.sweep(now) {
		l.encode(e)
	}
	if lost := l.lost.Load(); lost > l.toldLost {
		e := Event{Time: now, Kind: Lost, Count: lost - l.toldLost, Why: "the file could not be written in time"}
		l.toldLost = lost
		l.encode(e)
		l.log.Warn("audit log: events were lost", "events", e.Count)
	}
}

// flush writes what waits. That it fails, and that it works again, is told once.
func (l *Log) flush() {
	if l.unsent.Len() == 0 {
		return
	}
	waiting := l.unsent.Bytes()
	n, err := l.out.w.Write(waiting)
	n = min(max(n, 0), len(waiting))
	l.written.Add(lines(waiting[:n]))
	l.unsent.Next(n)
	switch {
	case err != nil && !l.failing.Swap(true):
		l.log.Error("audit log: it cannot be written; trying again every second", "error", err)
	case err == nil && l.failing.Swap(false):
		l.log.Info("audit log: written again")
	}
}

func (l *Log) reopen() {
	err := l.out.reopen()
	if err != nil && !l.stuck {
		l.log.Error("audit log: it cannot be opened anew; the file that is open is written on", "error", err)
	}
	l.stuck = err != nil
}

// end writes what waits, and tells of what then still does.
func (l *Log) end() {
	for more := true; more; {
		more = l.drain(together)
		if l.flush(); l.failing.Load() {
			break
		}
	}
	l.summarise(time.Now())
	l.flush()
	lost := uint64(len(l.queue)) + lines(l.unsent.Bytes())
	if lost > 0 {
		l.lost.Add(lost)
		l.closed = fmt.Errorf("close audit log: %d events are not in it", lost)
	}
	if err := l.out.close(); err != nil {
		l.closed = errors.Join(l.closed, fmt.Errorf("close audit log: %w", err))
	}
}

// lines counts the lines that end in a text.
func lines(text []byte) uint64 { return uint64(bytes.Count(text, []byte{'\n'})) }
