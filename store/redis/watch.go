package redis

import (
	"context"
	"errors"

	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/store/cursor"
)

// maxEvents is how many events a batch holds.
const maxEvents = 1024

// watcher is a cursor over the feed, and over the stream where the feed's memory does not
// reach. Nothing is kept for it: one that is slow costs the store nothing.
type watcher struct {
	f      *feed
	sel    store.Selector
	e      *epoch
	at     uint64 // the revision up to which it has given everything
	nonce  string // of at
	broken uint64 // feed.broken when it was made
	failed error

	cursor.Cursor
}

// Watch follows the changes after a revision. The context is for this call only.
func (s *Store) Watch(ctx context.Context, sel store.Selector, after store.Revision) (store.Watcher, error) {
	c, err := s.enter(ctx, "watch", store.Key{})
	if err != nil {
		return nil, err
	}
	defer c.leave()
	broken := s.feed.breaks()
	r, e, err := s.run(c.ctx, scriptPosition, after.Number)
	if err != nil {
		return nil, c.failed(err)
	}
	if after.Epoch != e.id || r.code() != done {
		return nil, c.refuse(store.ErrCompacted)
	}
	s.feed.follow(e, r.number(1), r.text(3))
	return &watcher{f: &s.feed, sel: sel, e: e, at: after.Number, nonce: r.text(2), broken: broken, Cursor: cursor.New()}, nil
}

func (f *feed) breaks() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.broken
}

// Next gives what matches since the last batch, and waits if there is nothing.
func (w *watcher) Next(ctx context.Context) (store.Batch, error) {
	return w.Wait(ctx, func(ctx context.Context) (store.Batch, <-chan struct{}, error) {
		b, news, err := w.collect()
		if err == nil && news == nil && len(b.Events) == 0 {
			b, err = w.catchUp(ctx)
		}
		return b, news, err
	})
}

// collect takes what the feed has. With no events and no error, news tells when to look
// again; nil: the feed does not reach back to where the watcher is.
func (w *watcher) collect() (b store.Batch, news <-chan struct{}, err error) {
	f := w.f
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case w.failed != nil:
		return b, nil, w.failed
	case f.done || w.Closed():
		return b, nil, w.fail(store.ErrClosed, nil)
	case f.broken != w.broken:
		return b, nil, w.fail(f.why, f.cause)
	case f.epoch == nil:
		return b, f.wait(), nil
	case f.epoch != w.e:
		return b, nil, w.fail(store.ErrCompacted, nil)
	case w.at+1 < f.first:
		return b, nil, nil
	}
	for ; w.at < f.last && len(b.Events) < maxEvents; w.at++ {
		if ev := &f.events[w.at+1-f.first]; w.sel.Matches(ev.Key()) {
			b.Events = append(b.Events, ev.Event)
			b.Revision = ev.Revision
		}
		w.nonce = f.events[w.at+1-f.first].nonce
	}
	return b, f.wait(), nil
}

// catchUp reads a portion of what the feed does not have any more, or never had.
func (w *watcher) catchUp(ctx context.Context) (b store.Batch, err error) {
	c, err := w.f.s.enter(ctx, "watch", store.Key{})
	if err != nil {
		return b, w.keep(err)
	}
	defer c.leave()
	r, err := w.f.s.runIn(c.ctx, w.e, scriptFeed, w.at, atOnce)
	if err != nil {
		return b, w.keep(c.failed(err))
	}
	if r.code() != done {
		return b, w.fail(store.ErrCompacted, nil)
	}
	events, err := follow(w.e, w.nonce, r.list(2))
	if errors.Is(err, errRewritten) {
		_ = w.f.s.look(c.ctx, w.e, true) // what fails here is found out by the next call
		return b, w.fail(store.ErrCompacted, err)
	}
	if err != nil {
		return b, w.keep(c.failed(err))
	}
	for i := range events {
		ev := &events[i]
		if w.at, w.nonce = ev.Revision.Number, ev.nonce; w.sel.Matches(ev.Key()) {
			b.Events = append(b.Events, ev.Event)
			b.Revision = ev.Revision
		}
	}
	return b, nil
}

// fail breaks the watcher for good.
func (w *watcher) fail(kind, cause error) error {
	return w.keep(fail("watch", store.Key{}, kind, cause))
}

func (w *watcher) keep(err error) error {
	if !store.IsContext(err) {
		w.failed = err
	}
	return err
}
