package storetest

import (
	"context"
	"runtime"

	"github.com/roster-sd/roster/store"
)

func (d *node) Watch(ctx context.Context, sel store.Selector, after store.Revision) (store.Watcher, error) {
	if err := d.guard(ctx, "watch", store.Key{}); err != nil {
		return nil, err
	}
	defer d.n.mu.Unlock()
	w := &watcher{d: d, sel: sel, at: after, shut: make(chan struct{})}
	if d.n.bad("ties watchers to the context") {
		w.ctx = ctx
	}
	if d.n.bad("watches from the position itself") && w.at.Number > 0 {
		w.at.Number--
	}
	return w, nil
}

// watcher is a position in the log. It finds out at Next what has become of it.
type watcher struct {
	d      *node
	sel    store.Selector
	at     store.Revision
	broken error
	shut   chan struct{}
	ctx    context.Context
}

func (w *watcher) Close() error {
	w.d.n.mu.Lock()
	defer w.d.n.mu.Unlock()
	if w.broken != errShut {
		w.broken = errShut
		close(w.shut)
	}
	return nil
}

var errShut = &store.Error{Op: "next", Backend: "naive", Kind: store.ErrClosed}

// unknown tells whether the position is none that the log can go on from.
func (w *watcher) unknown() bool {
	n := w.d.n
	switch {
	case w.at.IsZero() && n.bad("watches from no revision"):
		w.at.Epoch = n.epoch
		return false
	case w.at.Epoch != n.epoch:
		if n.bad("ignores epochs") {
			w.at.Epoch = n.epoch
			w.at.Number = min(w.at.Number, n.number)
			return false
		}
		return true
	case w.at.Number > n.number:
		return !n.bad("waits for the future")
	}
	return w.at.Number < n.floor && !n.bad("compacts silently")
}

func (w *watcher) Next(ctx context.Context) (store.Batch, error) {
	n := w.d.n
	for {
		if err := ctx.Err(); err != nil {
			return store.Batch{}, err
		}
		if w.ctx != nil && w.ctx.Err() != nil {
			return store.Batch{}, w.ctx.Err()
		}
		n.mu.Lock()
		changed := n.changed
		switch {
		case w.broken != nil:
			n.mu.Unlock()
			return store.Batch{}, w.broken
		case w.d.closed:
			n.mu.Unlock()
			return store.Batch{}, w.d.err("next", store.Key{}, store.ErrClosed)
		case n.out:
			err := w.d.err("next", store.Key{}, store.ErrUnavailable)
			if !n.bad("goes on after an outage") {
				w.broken = err
			}
			n.mu.Unlock()
			return store.Batch{}, err
		case w.unknown():
			err := w.d.err("next", store.Key{}, store.ErrCompacted)
			if n.bad("recovers from compaction") {
				w.at = store.Revision{Epoch: n.epoch, Number: n.floor}
			} else {
				w.broken = err
			}
			n.mu.Unlock()
			return store.Batch{}, err
		}
		b := w.take()
		n.mu.Unlock()
		if len(b.Events) > 0 {
			if n.bad("loses batches to contexts") {
				runtime.Gosched()
				if ctx.Err() != nil {
					return store.Batch{}, ctx.Err()
				}
			}
			return b, nil
		}
		select {
		case <-ctx.Done():
		case <-changed:
		case <-w.shut:
		case <-w.d.ended:
		}
	}
}

// take gives up to 64 events and moves the position behind them.
func (w *watcher) take() store.Batch {
	var b store.Batch
	for _, ev := range w.d.n.log {
		if ev.Revision.Number <= w.at.Number || !w.d.n.selects(w.sel, ev.Key()) {
			continue
		}
		if ev.Deleted() && w.d.n.bad("watches no deletions") {
			continue
		}
		b.Events, b.Revision = append(b.Events, ev), ev.Revision
		if len(b.Events) == 64 {
			break
		}
	}
	if len(b.Events) > 0 {
		w.at = b.Revision
	}
	return b
}
