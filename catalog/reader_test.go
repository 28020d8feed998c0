package catalog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/roster-sd/roster/store"
)

// ledger is what a store told, as far as clients see a difference.
type ledger struct{ lines []line }

// line is a change of one instance.
type line struct {
	rev store.Revision
	key store.Key
	rec *store.Record // after it
}

func (l line) String() string {
	if l.rec == nil {
		return fmt.Sprintf("%d:-%s/%s", l.rev.Number, l.key.Service, l.key.ID)
	}
	return fmt.Sprintf("%d:+%s/%s", l.rev.Number, l.key.Service, l.key.ID)
}

// read takes in what the watcher has now.
func (l *ledger) read(w store.Watcher) error {
	for {
		ctx, cancel := context.WithTimeout(context.Background(), time.Nanosecond)
		batch, err := w.Next(ctx)
		cancel()
		if errors.Is(err, context.DeadlineExceeded) {
			return nil
		}
		if err != nil {
			return err
		}
		for i := range batch.Events {
			ev := &batch.Events[i]
			if ev.Deleted() || ev.Record.Changed == ev.Revision.Number {
				l.lines = append(l.lines, line{ev.Revision, ev.Key(), ev.Record})
			}
		}
	}
}

// reader is a client: it keeps its own view, made of a snapshot and the changes since,
// and checks that each change fits it.
type reader struct {
	rig  *rig
	sub  *Subscription
	view map[store.Key]*store.Record
	err  error

	from  store.Revision // of the snapshot that told begins after
	told  []line
	last  store.Revision   // of the last change told
	known []store.Revision // positions it was at
}

func newReader(r *rig, services []string) *reader {
	rd := &reader{rig: r}
	var views []View
	rd.sub, views = r.Subscribe(services)
	rd.begin(views)
	return rd
}

func (rd *reader) begin(views []View) {
	rd.view = make(map[store.Key]*store.Record)
	for _, v := range views {
		for item := range v.Items("") {
			rd.view[item.Record().Key] = item.Record()
		}
	}
	rd.from, rd.last, rd.told = rd.sub.Start().Revision, rd.sub.Start().Revision, nil
}

func (rd *reader) fail(format string, args ...any) {
	if rd.err == nil {
		rd.err = fmt.Errorf(format, args...)
	}
}

// take takes what waits, and begins again if it is told to.
func (rd *reader) take() {
	changes, err := rd.sub.Take()
	if errors.Is(err, ErrLagged) {
		rd.begin(rd.sub.Resync())
		return
	}
	if err != nil {
		rd.fail("take: %w", err)
		return
	}
	for i, ch := range changes {
		if i == 0 && !rd.last.Before(ch.Revision) {
			rd.fail("%v after %v: a revision twice, or split", ch.Revision, rd.last)
		}
		rd.apply(ch)
	}
	if rev, ok := rd.sub.Position(); ok {
		if rev.Revision.Before(rd.last) {
			rd.fail("position %v after %v", rev, rd.last)
		}
		rd.known = append(rd.known, rev.Revision)
	}
}

func lineOf(ch *Change) line {
	l := line{rev: ch.Revision}
	if ch.After != nil {
		l.rec = ch.After.Record()
	}
	return l
}

func (rd *reader) apply(ch *Change) {
	l := lineOf(ch)
	if l.key.Service = ch.Service(); ch.After != nil {
		l.key = ch.After.Key()
	} else {
		l.key = ch.Before.Key()
	}
	if ch.Revision.Before(rd.last) {
		rd.fail("%v after %v", l, rd.last)
	}
	if !rd.sub.wants(l.key.Service) {
		rd.fail("%v is of another service", l)
	}
	// What was before may since have changed in ways that clients do not see.
	mine := rd.view[l.key]
	if (mine == nil) != (ch.Before == nil) || mine != nil && mine.Changed != ch.Before.Changed() {
		rd.fail("%v is told to follow %v, and follows %v", l, ch.Before, mine)
	}
	if ch.After != nil {
		rd.view[l.key] = l.rec
	} else {
		delete(rd.view, l.key)
	}
	rd.told, rd.last = append(rd.told, l), ch.Revision
}

// resume gives the subscription up, and goes on from where it stands: the view is that of
// the last change that was taken. Where the position is no longer known it begins again.
func (rd *reader) resume(choose int) {
	rd.take()
	from := rd.last
	if rev, ok := rd.sub.Position(); ok && choose%2 == 0 {
		from = rev.Revision
	}
	services := rd.sub.services
	rd.sub.Close()
	sub, ok := rd.rig.Resume(services, Pure(from))
	if !ok {
		var views []View
		rd.sub, views = rd.rig.Subscribe(services)
		rd.begin(views)
		return
	}
	rd.sub = sub
	if n := len(rd.known); n > 0 {
		rd.replay(rd.known[choose%n])
	}
}

// replay resumes from an earlier position, and checks that what is told is what was told
// after it, as far as this reader took it.
func (rd *reader) replay(from store.Revision) {
	sub, ok := rd.rig.Resume(rd.sub.services, Pure(from))
	if !ok {
		return
	}
	defer sub.Close()
	changes, err := sub.Take()
	if err != nil {
		rd.fail("resumed from %v: %w", from, err)
		return
	}
	if from.Before(rd.from) {
		return // what came before its snapshot this reader does not know
	}
	var mine, again []string
	for _, l := range rd.told {
		if from.Before(l.rev) {
			mine = append(mine, l.String())
		}
	}
	for _, ch := range changes {
		if l := lineOf(ch); !rd.last.Before(ch.Revision) {
			l.key = store.Key{Service: ch.Service(), ID: tell([]*Change{ch})[1:]}
			again = append(again, l.String())
		}
	}
	if !slices.Equal(mine, again) {
		rd.fail("resumed from %v: %v; told before: %v", from, again, mine)
	}
}

// check compares what was told since the last snapshot with what the store told.
func (rd *reader) check(all *ledger) error {
	var want, got []string
	for _, l := range all.lines {
		if rd.from.Before(l.rev) && rd.sub.wants(l.key.Service) {
			want = append(want, l.String())
		}
	}
	for _, l := range rd.told {
		got = append(got, l.String())
	}
	if !slices.Equal(want, got) {
		return fmt.Errorf("since %v told %s, and the store told %s", rd.from, strings.Join(got, " "), strings.Join(want, " "))
	}
	return nil
}

// compare compares the reader's own view with what the store has.
func (rd *reader) compare(snap store.Snapshot) error {
	n := 0
	for _, r := range snap.Records {
		if !rd.sub.wants(r.Key.Service) {
			continue
		}
		n++
		if mine := rd.view[r.Key]; mine == nil || mine.Changed != r.Changed || !mine.Instance.Equal(&r.Instance) {
			return fmt.Errorf("%s: the reader has %v, the store %v", r.Key, mine, r)
		}
	}
	if n != len(rd.view) {
		return fmt.Errorf("the reader has %d instances, the store %d", len(rd.view), n)
	}
	return nil
}
