package memory

import (
	"context"

	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/store/cursor"
)

// maxEvents is how many events a batch holds, or more where a single revision has more.
const maxEvents = 1024

// watcher is a cursor over the log. Nothing is kept for it: one that is slow costs the
// store nothing, and is told so when the log has moved past it.
type watcher struct {
	s        *Store
	sel      store.Selector
	position uint64 // of the next event to look at
	failed   error

	cursor.Cursor
}

// Watch follows the changes after a revision. The context is for this call only.
func (s *Store) Watch(ctx context.Context, sel store.Selector, after store.Revision) (store.Watcher, error) {
	if err := s.enter(ctx, "watch", store.Key{}); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	if after.Epoch != s.revision.Epoch || after.Number > s.revision.Number {
		return nil, fail("watch", store.Key{}, store.ErrCompacted)
	}
	position, ok := s.log.after(after.Number)
	if !ok {
		return nil, fail("watch", store.Key{}, store.ErrCompacted)
	}
	return &watcher{s: s, sel: sel, position: position, Cursor: cursor.New()}, nil
}

// Next gives what matches since the last batch, and waits if there is nothing.
func (w *watcher) Next(ctx context.Context) (store.Batch, error) {
	return w.Wait(ctx, w.collect)
}

// collect scans one portion of the log. With no events and no error, news tells when to
// look again; nil is at once.
func (w *watcher) collect(context.Context) (b store.Batch, news <-chan struct{}, err error) {
	found, epoch, news, err := w.find()
	if len(found) > 0 {
		b.Events = make([]store.Event, len(found))
		for i := range found {
			b.Events[i] = found[i].event(epoch)
		}
		b.Revision = b.Events[len(found)-1].Revision
	}
	return b, news, err
}

// find gives the events of a portion of the log, and the epoch that they are of.
func (w *watcher) find() (found []event, epoch uint64, news <-chan struct{}, err error) {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	l := &w.s.log
	switch {
	case w.failed != nil:
	case w.s.closed || w.Closed():
		w.failed = fail("watch", store.Key{}, store.ErrClosed)
	case w.position < l.first:
		w.failed = fail("watch", store.Key{}, store.ErrCompacted)
	}
	if w.failed != nil {
		return nil, 0, nil, w.failed
	}
	epoch = w.s.revision.Epoch
	for scanned, last := 0, uint64(0); w.position < l.next; scanned++ {
		e := l.at(w.position)
		whole := e.number != last // what is collected ends with a revision
		if whole && (len(found) >= maxEvents || scanned >= 8*portion) {
			return found, epoch, nil, nil
		}
		if w.sel.Matches(e.key()) {
			found, last = append(found, *e), e.number
		}
		w.position++
	}
	return found, epoch, l.wait(), nil
}
