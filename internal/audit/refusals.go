package audit

import (
	"context"
	"log/slog"
	"time"
)

// The bounds of Refusals beside those of each caller.
const (
	// linesPerWindow is how many lines all callers together have.
	linesPerWindow = 200
	// toldApart is how many callers a summary names; the rest is one line.
	toldApart = 20
)

// Refusals writes the lines of refusals into the log that people read, and lets nobody fill it
// by being refused: ten lines a second of each caller, two hundred of all. What is left out is
// counted, and told within seconds while Run runs. Its methods may be called concurrently.
type Refusals struct {
	log  *slog.Logger
	each flood
	all  flood
	owes chan struct{} // holds one while something was left out and is yet to be told
}

// NewRefusals makes one that writes to a log.
func NewRefusals(log *slog.Logger) *Refusals {
	return &Refusals{log: log, all: flood{most: linesPerWindow}, owes: make(chan struct{}, 1)}
}

// Tell writes a line, unless there are too many of the caller, by whatever name: an identity, or
// an address where there is none.
func (r *Refusals) Tell(ctx context.Context, level slog.Level, caller, message string, attrs ...slog.Attr) {
	now := time.Now()
	if r.each.pass(cut(caller, maxIdentity), now) && r.all.pass("", now) {
		r.log.LogAttrs(ctx, level, message, attrs...)
		return
	}
	select {
	case r.owes <- struct{}{}:
	default: // it is already told
	}
}

// Run tells of what was left out, until the context ends, whose error it gives.
func (r *Refusals) Run(ctx context.Context) error {
	timer := time.NewTimer(window)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			r.summarise(time.Now())
			return ctx.Err()
		case <-r.owes:
		}
		timer.Reset(window)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		r.summarise(time.Now())
	}
}

// summarise tells of each caller of whom lines were left out, or of the first of them and of the
// others together.
func (r *Refusals) summarise(now time.Time) {
	others := uint64(0)
	for i, e := range r.each.sweep(now) {
		if i < toldApart {
			r.log.LogAttrs(context.Background(), slog.LevelWarn, "refusals not logged",
				slog.String("caller", e.Identity), slog.Uint64("count", e.Count))
			continue
		}
		others += e.Count
	}
	for _, e := range r.all.sweep(now) {
		others += e.Count
	}
	if others > 0 {
		r.log.LogAttrs(context.Background(), slog.LevelWarn, "refusals not logged",
			slog.String("caller", "others"), slog.Uint64("count", others))
	}
}
