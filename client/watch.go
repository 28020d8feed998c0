package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/roster-sd/roster/wire"
)

// WatchOptions say what to follow.
type WatchOptions struct {
	// Services names the services; none means all that the caller may discover.
	Services []string
	// Filter chooses instances. One that leaves it is told as deleted, reason
	// [wire.Unmatched].
	Filter Filter
	// After is the ID of the last event that was seen, of an earlier watcher. Where the
	// registry still knows that position, no snapshot comes.
	After string
	// OnRetry, if not nil, is told when the connection failed, and how long it is until
	// the next try. It is called from within Next.
	OnRetry func(err error, wait time.Duration)
}

// Event is one event of a watch. Of Snapshot, Instance and Deleted the one that the
// type says is set.
type Event struct {
	// Type is one of [wire.WatchSnapshot], [wire.WatchPut], [wire.WatchDelete] and
	// [wire.WatchResync].
	Type string
	// ID is the position up to which everything was seen, for WatchOptions.After; empty
	// while a snapshot is incomplete.
	ID string

	Snapshot *wire.SnapshotPart
	// First: this part of a snapshot is its first one. What was gathered of an earlier
	// snapshot that did not reach its last part is to be thrown away.
	First    bool
	Instance *wire.Instance
	Deleted  *wire.Deleted
}

// Watcher is a pull cursor over the changes of services, for one goroutine.
//
// What it gives, applied in order, leads to the state of the registry: a snapshot, in
// parts, replaces all that was known; a put sets an instance; a delete removes one;
// after a resync a snapshot follows. An event may come twice when the connection was
// lost between the changes of one revision.
type Watcher struct {
	c     *Client
	query url.Values
	retry func(error, time.Duration)
	// opened, if not nil, is told of each connection, and whether it goes on from a position.
	opened func(resumes bool)

	// ctx ends with Close. It is kept here because a stream outlives the call of Next
	// that opened it.
	ctx    context.Context
	cancel context.CancelFunc

	stream     *stream
	lastID     string
	inSnapshot bool
	failures   int
	base       time.Duration // of the back-off, as the registry asked
	lastErr    error
}

// Watch connects and gives a watcher. The context bounds the connecting only. An error
// here is final; a connection that is lost later is made again by Next.
func (c *Client) Watch(ctx context.Context, opts WatchOptions) (*Watcher, error) {
	w, err := c.watcher(opts)
	if err != nil {
		return nil, fmt.Errorf("watch: %w", err)
	}
	if err := w.open(ctx); err != nil {
		w.cancel()
		return nil, fmt.Errorf("watch: %w", err)
	}
	return w, nil
}

// watcher gives one that is not connected: its Next does that.
func (c *Client) watcher(opts WatchOptions) (*Watcher, error) {
	q := url.Values{}
	opts.Filter.add(q)
	for _, service := range opts.Services {
		if service == "" {
			return nil, invalid("service", "is empty")
		}
		q.Add("service", service)
	}
	w := &Watcher{c: c, query: q, retry: opts.OnRetry, lastID: opts.After}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	return w, nil
}

// more tells whether Next would give an event that has arrived already.
func (w *Watcher) more() bool { return w.stream != nil && w.stream.more() }

// Close ends the watcher; a Next under way returns [ErrClosed]. It may be called from
// any goroutine, more than once.
func (w *Watcher) Close() { w.cancel() }

// Next waits for the next event. It connects again, with back-off, as often as the
// connection is lost or the registry is out of reach, until ctx ends; then, too, the
// watcher stays usable, but the connection is given up. Refusals, such as ErrForbidden,
// are returned.
func (w *Watcher) Next(ctx context.Context) (Event, error) {
	for {
		if err := w.ended(ctx); err != nil {
			return Event{}, fmt.Errorf("watch: %w", err)
		}
		if w.stream == nil {
			if err := w.reconnect(ctx); err != nil {
				return Event{}, fmt.Errorf("watch: %w", err)
			}
			continue
		}
		m, err := w.stream.next(ctx)
		if err != nil {
			w.drop()
			if ctx.Err() == nil {
				w.failed(err)
			}
			continue
		}
		event, ok, err := w.event(m)
		if err != nil {
			w.drop()
			w.lastID = "" // a fresh snapshot, should the caller go on
			w.failed(err)
			return Event{}, fmt.Errorf("watch: %w", err)
		}
		w.failures = 0
		if ok {
			return event, nil
		}
	}
}

// ended gives the error of a watcher that is to stop, releasing the stream of one that
// was closed.
func (w *Watcher) ended(ctx context.Context) error {
	if w.ctx.Err() != nil {
		w.drop()
		return ErrClosed
	}
	return ctx.Err()
}

func (w *Watcher) failed(err error) {
	w.failures++
	w.lastErr = err
}

// reconnect waits as long as the failures so far demand and tries once.
func (w *Watcher) reconnect(ctx context.Context) error {
	if w.failures > 0 {
		wait := backoff(w.failures, w.base)
		var e *Error
		if errors.As(w.lastErr, &e) {
			wait += min(e.RetryAfter, time.Minute)
		}
		if w.c.cheap(w.lastErr) {
			wait = min(wait, localWait)
		}
		if w.retry != nil {
			w.retry(w.lastErr, wait)
		}
		sleep(ctx, w.ctx, wait)
		if err := w.ended(ctx); err != nil {
			return err
		}
	}
	err := w.open(ctx)
	if err == nil || ctx.Err() != nil || w.ctx.Err() != nil {
		return nil // Next looks why
	}
	w.failed(err)
	if passing(err) {
		return nil
	}
	return err
}

// passing tells whether an error of connecting may go away by itself.
func passing(err error) bool {
	var e *Error
	return errors.As(err, &e) &&
		(e.Status == 0 || e.Status == http.StatusTooManyRequests || e.Status >= http.StatusInternalServerError)
}

// drop gives up the stream, and with it a snapshot that was not complete.
func (w *Watcher) drop() {
	if w.stream == nil {
		return
	}
	if w.stream.retry() > 0 {
		w.base = w.stream.retry()
	}
	w.stream.close()
	w.stream = nil
	w.inSnapshot = false
}

// event makes an event of a message and moves the position. Types that are not known
// are passed over: a newer registry may have more of them.
func (w *Watcher) event(m message) (Event, bool, error) {
	e := Event{Type: m.event}
	var err error
	switch m.event {
	case wire.WatchSnapshot:
		e.Snapshot = new(wire.SnapshotPart)
		err = json.Unmarshal(m.data, e.Snapshot)
		e.First = !w.inSnapshot
		w.inSnapshot = !e.Snapshot.Last
	case wire.WatchPut:
		e.Instance = new(wire.Instance)
		err = json.Unmarshal(m.data, e.Instance)
	case wire.WatchDelete:
		e.Deleted = new(wire.Deleted)
		err = json.Unmarshal(m.data, e.Deleted)
	case wire.WatchResync:
		w.inSnapshot, w.lastID = false, ""
		return e, true, nil
	default:
		e.Type = ""
	}
	if err != nil {
		return Event{}, false, fmt.Errorf("decode a %s event: %w", m.event, err)
	}
	switch {
	case w.inSnapshot:
		// Were the connection lost now, resuming from the position before the snapshot
		// could leave out what its other parts would have told.
		w.lastID = ""
	case m.hasID && usableID(m.id):
		w.lastID = m.id
	}
	e.ID = w.lastID
	return e, e.Type != "", nil
}

// usableID tells whether an ID can be sent back in a header.
func usableID(id string) bool {
	for i := range len(id) {
		if id[i] < 0x20 || id[i] > 0x7e {
			return false
		}
	}
	return len(id) <= 256
}
