package catalog

import (
	"context"
	"sync"
	"time"

	"github.com/roster-sd/roster/store"
)

// feed reads a store, with the faults that a test chooses.
type feed struct {
	mu     sync.Mutex
	inner  Source
	lists  error         // what List gives
	others error         // what all other calls give
	stones error         // what Tombstones gives
	gate   chan struct{} // not nil: Next holds back what it has until it is closed
	cancel map[*watch]context.CancelFunc
	count  map[string]int
}

func newFeed(inner Source) *feed {
	return &feed{inner: inner, cancel: make(map[*watch]context.CancelFunc), count: make(map[string]int)}
}

// breaks makes every call fail, those too that wait; nil heals.
func (f *feed) breaks(err error) { f.fault(err, err) }

// fault breaks the watchers there are, and makes lists and all other calls fail if so told.
func (f *feed) fault(lists, others error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lists, f.others = lists, others
	if others != nil {
		f.cut(others)
	}
}

// compact breaks the watchers there are, as a store does that no longer knows their position.
func (f *feed) compact() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cut(&store.Error{Op: "watch", Backend: "test", Kind: store.ErrCompacted})
}

// forget makes questions about the dead fail.
func (f *feed) forget() {
	f.stones = &store.Error{Op: "tombstones", Backend: "test", Kind: store.ErrUnavailable}
}

// move puts another store in the place of this one: its past is another.
func (f *feed) move(inner Source) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.inner = inner
	f.cut(&store.Error{Op: "watch", Backend: "test", Kind: store.ErrUnavailable})
}

// cut needs mu.
func (f *feed) cut(err error) {
	for w, cancel := range f.cancel {
		w.failed = err
		cancel()
	}
	clear(f.cancel)
}

// hold keeps back changes until the function that it gives is called.
func (f *feed) hold() (release func()) {
	gate := make(chan struct{})
	f.mu.Lock()
	defer f.mu.Unlock()
	f.gate = gate
	return sync.OnceFunc(func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.gate = nil
		close(gate)
	})
}

func (f *feed) calls(op string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.count[op]
}

func (f *feed) enter(op string) (Source, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count[op]++
	if op == "list" {
		return f.inner, f.lists
	}
	return f.inner, f.others
}

func (f *feed) Capabilities() store.Capabilities { return f.inner.Capabilities() }

func (f *feed) Ping(ctx context.Context) error {
	inner, err := f.enter("ping")
	if err != nil {
		return err
	}
	return inner.Ping(ctx)
}

func (f *feed) Get(ctx context.Context, key store.Key) (*store.Record, error) {
	inner, err := f.enter("get")
	if err != nil {
		return nil, err
	}
	return inner.Get(ctx, key)
}

func (f *feed) List(ctx context.Context, sel store.Selector) (store.Snapshot, error) {
	inner, err := f.enter("list")
	if err != nil {
		return store.Snapshot{}, err
	}
	return inner.List(ctx, sel)
}

func (f *feed) History(ctx context.Context, sel store.Selector, limit int) ([]store.Event, error) {
	inner, err := f.enter("history")
	if err != nil {
		return nil, err
	}
	return inner.History(ctx, sel, limit)
}

func (f *feed) Tombstones(ctx context.Context, key store.Key) ([]store.Tombstone, error) {
	inner, err := f.enter("tombstones")
	if err == nil {
		err = f.stones
	}
	if err != nil {
		return nil, err
	}
	return inner.Tombstones(ctx, key)
}

func (f *feed) Watch(ctx context.Context, sel store.Selector, after store.Revision) (store.Watcher, error) {
	inner, err := f.enter("watch")
	if err != nil {
		return nil, err
	}
	w, err := inner.Watch(ctx, sel, after)
	if err != nil {
		return nil, err
	}
	return &watch{feed: f, inner: w}, nil
}

// watch is a watcher that the feed can break and hold up.
type watch struct {
	feed   *feed
	inner  store.Watcher
	failed error // guarded by the feed's mu
}

func (w *watch) Next(ctx context.Context) (store.Batch, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	f := w.feed
	f.mu.Lock()
	if w.failed == nil {
		w.failed = f.others
	}
	if err := w.failed; err != nil {
		f.mu.Unlock()
		return store.Batch{}, err
	}
	f.cancel[w] = cancel
	f.mu.Unlock()

	batch, err := w.inner.Next(ctx)
	f.mu.Lock()
	gate := f.gate
	f.mu.Unlock()
	if err == nil && gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.cancel, w)
	if w.failed != nil {
		return store.Batch{}, w.failed // what it had is lost, as on a broken connection
	}
	return batch, err
}

func (w *watch) Close() error { return w.inner.Close() }

func (f *feed) TimeToLive(ctx context.Context, refs []store.Ref) ([]time.Duration, error) {
	inner, err := f.enter("timetolive")
	if err != nil {
		return nil, err
	}
	return inner.TimeToLive(ctx, refs)
}
