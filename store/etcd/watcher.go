package etcd

import (
	"context"
	"math"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/store/cursor"
)

const (
	// maxEvents is how many events a batch holds, or more where a revision has more.
	maxEvents = 1024
	// maxScan is how many events are looked at in one hold of the feed's mutex.
	maxScan = 4096
)

// watcher is a cursor over the feed's log. Nothing is kept for it.
type watcher struct {
	f      *feed
	sel    store.Selector
	after  uint64 // number of the revision up to which everything was given
	failed error

	cursor.Cursor
}

// Watch follows the changes after a revision. The context is for this call only.
func (s *Store) Watch(ctx context.Context, sel store.Selector, after store.Revision) (store.Watcher, error) {
	c, err := s.begin(ctx, "watch", store.Key{})
	if err != nil {
		return nil, err
	}
	defer c.end()
	f, err := c.follow(after)
	if err != nil {
		return nil, c.fail(err)
	}
	return &watcher{f: f, sel: sel, after: after.Number, Cursor: cursor.New()}, nil
}

// follow gives the feed if it can be followed from a position: one that etcd still knows,
// and that the log reaches.
func (c *call) follow(after store.Revision) (*feed, error) {
	if after.Number == 0 || after.Number > math.MaxInt64 || after.Epoch == 0 {
		return nil, store.ErrCompacted
	}
	a, err := c.read(clientv3.OpGet(c.s.keys.meta, clientv3.WithRev(int64(after.Number)), clientv3.WithCountOnly()))
	switch {
	case is(err, rpctypes.ErrCompacted) || is(err, rpctypes.ErrFutureRev):
		return nil, store.ErrCompacted
	case err != nil:
		return nil, err
	case a.epoch.id != after.Epoch:
		return nil, store.ErrCompacted
	}
	begin := uint64(a.rev)
	if begin-after.Number <= uint64(c.s.opts.HistoryEvents) {
		begin = after.Number // the log has room for all since then
	}
	f := c.s.start(a.epoch, begin)
	if f == nil {
		return nil, store.ErrClosed
	}
	if after.Number < f.reaches() {
		if err := f.loadPast(c.ctx); err != nil {
			return nil, err
		}
		if after.Number < f.reaches() {
			return nil, store.ErrCompacted
		}
	}
	return f, nil
}

// Next gives what matches since the last batch, and waits if there is nothing.
func (w *watcher) Next(ctx context.Context) (store.Batch, error) {
	return w.Wait(ctx, w.collect)
}

// collect scans a portion of the log. With no events and no error, news tells when to
// look again; nil is at once.
func (w *watcher) collect(context.Context) (b store.Batch, news <-chan struct{}, err error) {
	f := w.f
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case w.failed != nil:
		return b, nil, w.failed
	case f.s.closed.Load() || w.Closed():
		return b, nil, w.fail(store.ErrClosed, nil)
	case f.over != nil:
		return b, nil, w.fail(f.over, f.down)
	}
	i, ok := f.log.after(w.after)
	if !ok {
		return b, nil, w.fail(store.ErrCompacted, nil)
	}
	for scanned := 0; i < f.log.len(); i++ {
		ev := f.log.at(i)
		if ev.Revision.Number != w.after { // what was looked at ends with a revision
			if len(b.Events) >= maxEvents || scanned >= maxScan {
				return b, nil, nil
			}
			w.after = ev.Revision.Number
		}
		if w.sel.Matches(ev.Key()) {
			b.Events = append(b.Events, *ev)
			b.Revision = ev.Revision
		}
		scanned++
	}
	if len(b.Events) == 0 && f.down != nil {
		return b, nil, w.fail(store.ErrUnavailable, f.down)
	}
	return b, f.wait(), nil
}

// fail breaks the watcher for good.
func (w *watcher) fail(kind, cause error) error {
	w.failed = &store.Error{Op: "watch", Backend: backend, Kind: kind, Cause: cause}
	return w.failed
}
