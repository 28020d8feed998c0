package cli

import (
	"errors"
	"fmt"
	"time"

	"github.com/roster-sd/roster/client"
)

// link is how a live table stands with its registry.
type link struct {
	// lost is why the watch has no connection; since is when that was first so, and again
	// when the next try is.
	lost         error
	since, again time.Time
	// mute is since when heartbeats could not be read; zero while they can.
	mute time.Time
	// stale is the time of what the registry shows while it cannot reach its backend.
	stale time.Time
}

// down notes that the connection was lost, or could not be made again.
func (l *link) down(err error, wait time.Duration, now time.Time) {
	if l.lost == nil {
		l.since = now
	}
	l.lost, l.again = err, now.Add(wait)
}

// up notes that the watch told something.
func (l *link) up() { l.lost, l.mute = nil, time.Time{} }

// asked notes the outcome of reading heartbeats that began at a time.
func (l *link) asked(began time.Time, fresh client.Freshness, err error, now time.Time) {
	if errors.Is(err, client.ErrUnavailable) {
		if l.mute.IsZero() {
			l.mute = now
		}
		return
	}
	l.mute = time.Time{} // a refusal is an answer too
	if err != nil {
		return
	}
	if l.stale = (time.Time{}); fresh.Stale {
		l.stale = now.Add(-fresh.Age)
	}
	// A watch that goes on where it was has nothing to tell. That the registry answers,
	// and the last try did not fail, is the sign.
	if l.lost != nil && began.After(l.again.Add(time.Second)) {
		l.lost = nil
	}
}

// trouble says what is wrong; nothing on a good day.
func (l *link) trouble(now time.Time) string {
	switch {
	case l.lost != nil:
		next := "trying again"
		if wait := l.again.Sub(now); wait > time.Second {
			next += " in " + span(wait)
		}
		return fmt.Sprintf("Disconnected for %s, %s: %s", span(now.Sub(l.since)), next, brief(l.lost))
	case !l.mute.IsZero() && now.Sub(l.mute) >= 3*time.Second:
		return fmt.Sprintf("The registry has not answered for %s.", span(now.Sub(l.mute)))
	case !l.stale.IsZero():
		return fmt.Sprintf("The registry cannot reach its backend; this is what it saw %s ago.", span(now.Sub(l.stale)))
	}
	return ""
}

// known gives the time of what is shown: without a connection the table stands still.
func (l *link) known(now time.Time) time.Time {
	if l.lost != nil {
		return l.since
	}
	return now
}

// brief gives the cause of a network's error without what is known anyhow.
func brief(err error) string {
	var e *client.Error
	if errors.As(err, &e) && e.Cause != nil {
		err = e.Cause
	}
	return plain(err.Error())
}
