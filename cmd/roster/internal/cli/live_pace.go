package cli

import (
	"context"
	"time"
)

// The pace of a live table.
const (
	frameTime = 100 * time.Millisecond // between two pictures, at least
	tickTime  = time.Second            // between two where nothing happens but time
	beatTime  = 2 * time.Second        // between two readings of heartbeats
)

// draw draws if something changed and the last picture is long enough ago, or if that is
// a second ago.
func (l *live) draw() error {
	now := l.now()
	since := now.Sub(l.drawn)
	if since >= 0 && since < frameTime || !l.dirty && since >= 0 && since < tickTime {
		return nil
	}
	l.board.roll.age(now)
	if l.board.link.lost != nil {
		l.source.look()
	}
	l.board.address = l.source.address()
	width, height := l.screen.size()
	l.drawn, l.dirty = now, false
	return l.screen.draw(l.board.lines(width, height, now))
}

// wait gives the time until the loop has something to do by itself.
func (l *live) wait() time.Duration {
	due := tickTime
	if l.dirty {
		due = frameTime
	}
	return max(due-l.now().Sub(l.drawn), time.Millisecond)
}

// ask reads the heartbeats of what is on the screen, if it is time.
func (l *live) ask(ctx context.Context) {
	now := l.now()
	if l.reading || now.Before(l.next) {
		return
	}
	_, height := l.screen.size()
	rows, _ := l.board.window(height, now)
	list := l.board.roll.stretches(rows)
	if len(list) == 0 && l.board.service != "" {
		list = []stretch{{service: l.board.service, limit: 1}} // for how fresh it is
	}
	if len(list) == 0 {
		l.board.link.mute = time.Time{} // nobody is asked, so nobody owes an answer
		return
	}
	list = turn(list, l.round)
	l.reading, l.round = true, l.round+1
	l.spawn(func() {
		found, fresh, err := l.source.beats(ctx, list)
		l.read <- reading{now, found, fresh, err}
	})
}
