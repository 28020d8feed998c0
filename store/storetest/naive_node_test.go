package storetest

import (
	"context"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/roster-sd/roster/store"
)

// node is one store on a naive backend.
type node struct {
	n      *naive
	closed bool
	ended  chan struct{}
}

var _ store.Store = (*node)(nil)

func (d *node) Capabilities() store.Capabilities { return d.n.caps }

func (d *node) Ping(ctx context.Context) error {
	if err := d.guard(ctx, "ping", store.Key{}); err != nil {
		return err
	}
	d.n.mu.Unlock()
	return nil
}

func (d *node) Close() error {
	d.n.mu.Lock()
	if d.closed {
		d.n.mu.Unlock()
		return nil
	}
	d.closed = true
	if !d.n.bad("leaves a Next waiting") {
		close(d.ended)
	}
	d.n.nodes--
	stop, done := d.n.stop, d.n.done
	last := d.n.nodes == 0
	d.n.mu.Unlock()
	if last && !d.n.bad("leaves a goroutine") {
		close(stop)
		<-done
	}
	return nil
}

func (d *node) Get(ctx context.Context, key store.Key) (*store.Record, error) {
	if err := d.guard(ctx, "get", key); err != nil {
		return nil, err
	}
	defer d.n.mu.Unlock()
	if h := d.n.live(key); h != nil {
		return h.rec, nil
	}
	return nil, d.err("get", key, store.ErrNotFound)
}

// selects is Matches, or one of the ways to get it wrong.
func (n *naive) selects(sel store.Selector, key store.Key) bool {
	switch {
	case n.bad("takes names for prefixes"):
		return strings.HasPrefix(key.Service, sel.Service) && (sel.Kind == "" || sel.Kind == key.Kind) && (sel.ID == "" || sel.ID == key.ID)
	case n.bad("ignores the kind"):
		sel.Kind = ""
	}
	return sel.Matches(key)
}

func (d *node) List(ctx context.Context, sel store.Selector) (store.Snapshot, error) {
	if err := d.guard(ctx, "list", store.Key{}); err != nil {
		return store.Snapshot{}, err
	}
	n := d.n
	defer n.mu.Unlock()
	var snap store.Snapshot
	now := time.Now()
	for key, h := range n.recs {
		if n.selects(sel, key) && (h.end.IsZero() || now.Before(h.end) || n.bad("lists what has expired")) {
			snap.Records = append(snap.Records, h.rec)
		}
	}
	if n.bad("tears snapshots") {
		n.mu.Unlock()
		for range 20 {
			runtime.Gosched()
		}
		n.mu.Lock()
	}
	snap.Revision = store.Revision{Epoch: n.epoch, Number: n.number}
	return snap, nil
}

func (d *node) History(ctx context.Context, sel store.Selector, limit int) ([]store.Event, error) {
	if err := d.guard(ctx, "history", store.Key{}); err != nil {
		return nil, err
	}
	defer d.n.mu.Unlock()
	var events []store.Event
	for _, ev := range d.n.log {
		if d.n.selects(sel, ev.Key()) {
			events = append(events, ev)
		}
	}
	if d.n.bad("gives the oldest history") {
		return events[:min(limit, len(events))], nil
	}
	return slices.Clone(events[max(0, len(events)-limit):]), nil
}

func (d *node) Tombstones(ctx context.Context, key store.Key) ([]store.Tombstone, error) {
	if err := d.guard(ctx, "tombstones", key); err != nil {
		return nil, err
	}
	defer d.n.mu.Unlock()
	return d.n.remembered(key), nil
}

func (d *node) TimeToLive(ctx context.Context, refs []store.Ref) ([]time.Duration, error) {
	if err := d.guard(ctx, "timetolive", store.Key{}); err != nil {
		return nil, err
	}
	defer d.n.mu.Unlock()
	left := make([]time.Duration, len(refs))
	for i, ref := range refs {
		left[i] = -1
		if h := d.n.live(ref.Key); h != nil && (h.rec.Lease == ref.Lease || d.n.bad("tells any lease's time")) && !h.end.IsZero() {
			left[i] = time.Until(h.end)
		}
	}
	return left, nil
}

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
			n.mu.Unlock()
			return store.Batch{}, w.d.err("next", store.Key{}, store.ErrUnavailable)
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
