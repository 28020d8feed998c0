package etcd

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/roster-sd/roster/store"
)

// History gives the newest events that match, from the log that watchers read. What came
// before the log is read back once from etcd's own past, as far as etcd remembers and the
// log has room.
func (s *Store) History(ctx context.Context, sel store.Selector, limit int) ([]store.Event, error) {
	c, err := s.begin(ctx, "history", store.Key{})
	if err != nil {
		return nil, err
	}
	defer c.end()
	f, err := c.upToDate()
	if err != nil {
		return nil, c.fail(err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	events := []store.Event{}
	for i := f.log.len() - 1; i >= 0 && len(events) < limit; i-- {
		if ev := f.log.at(i); sel.Matches(ev.Key()) {
			events = append(events, *ev)
		}
	}
	slices.Reverse(events)
	return events, nil
}

// upToDate gives the feed when it has come to the present, with the past before it.
func (c *call) upToDate() (*feed, error) {
	for range askTries {
		a, err := c.read()
		if err != nil {
			return nil, err
		}
		f := c.s.start(a.epoch, uint64(a.rev))
		if f == nil {
			return nil, store.ErrClosed
		}
		if err = f.loadPast(c.ctx); err == nil {
			err = f.comesTo(c.ctx, uint64(a.rev))
		}
		if !errors.Is(err, store.ErrCompacted) {
			return f, err
		}
	}
	return nil, errRestless
}

// comesTo waits until the log is whole up to a revision.
func (f *feed) comesTo(ctx context.Context, number uint64) error {
	const every = 20 * time.Millisecond
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		f.mu.Lock()
		over, there, news := f.over, f.position >= number, f.wait()
		f.mu.Unlock()
		switch {
		case over != nil:
			return over
		case there:
			return nil
		}
		f.stream.kick()
		select {
		case <-news:
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// loadPast reads what etcd remembers from before the log and puts it there, once.
func (f *feed) loadPast(ctx context.Context) error {
	select {
	case loaded := <-f.past:
		if loaded {
			f.past <- true
			return nil
		}
	case <-ctx.Done():
		return ctx.Err()
	}
	until := f.reaches()
	events, reaches, err := f.readPast(ctx, until)
	if err == nil {
		f.mu.Lock()
		if f.log.floor == until { // otherwise the log is full by now
			f.log.prepend(events, reaches)
		}
		f.mu.Unlock()
	}
	f.past <- err == nil
	return err
}

// readPast gives the events up to a revision, of those that etcd remembers, and the number
// before the first revision that it read.
func (f *feed) readPast(ctx context.Context, until uint64) (events []store.Event, reaches uint64, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	from := max(1, int64(until)+1-int64(f.s.opts.HistoryEvents))
	for from <= int64(until) {
		events, reaches, err = f.readFrom(ctx, from, int64(until))
		var gone *compacted
		if !errors.As(err, &gone) {
			return events, reaches, err
		}
		from = gone.revision + 1
	}
	return nil, until, nil
}

func (f *feed) readFrom(ctx context.Context, from, until int64) (events []store.Event, reaches uint64, err error) {
	var w watchStream
	if err := w.open(ctx, f.s, f.cluster, from); err != nil {
		return nil, 0, err
	}
	defer w.close()
	done := make(chan struct{})
	stopped := make(chan struct{})
	go func() { // asks until the watch says that it has come to the present
		defer close(stopped)
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				w.kick()
			case <-done:
				return
			}
		}
	}()
	defer func() { close(done); <-stopped }()
	reaches = uint64(from - 1)
	var latest store.Millis
	for {
		raw, progress, err := w.next()
		if err != nil {
			return nil, 0, err
		}
		for len(raw) > 0 {
			n := sameRevision(raw)
			revision := raw[:n]
			raw = raw[n:]
			number := revision[0].Kv.ModRevision
			if number > until {
				return events, reaches, nil
			}
			told, err := f.translate(revision, &latest, 0)
			switch {
			case errors.Is(err, store.ErrCompacted), f.begins(revision):
				// Before it lies another epoch, or what etcd is about to forget.
				events, reaches = nil, uint64(number)
			case err != nil:
				return nil, 0, err
			default:
				events = append(events, told...)
			}
		}
		if progress >= until {
			return events, reaches, nil
		}
	}
}
