package registry

import (
	"context"
	"sync"
	"time"

	"github.com/roster-sd/roster/store"
)

// faulty is a store with the faults that a test chooses.
type faulty struct {
	mu     sync.Mutex
	inner  store.Store
	faults map[string]error  // by method in lower case; "next" is that of watchers
	before map[string]func() // called ahead of the method, without the mutex
	count  map[string]int    // calls by method
	gate   chan struct{}     // not nil: watchers hold back what they have until it is closed
	cancel map[*late]context.CancelFunc
}

func newFaulty(inner store.Store) *faulty {
	return &faulty{inner: inner, faults: make(map[string]error), before: make(map[string]func()),
		count: make(map[string]int), cancel: make(map[*late]context.CancelFunc)}
}

func down(op string) error { return &store.Error{Op: op, Backend: "test", Kind: store.ErrUnavailable} }

// ops are the methods, but for the watch.
var ops = []string{"get", "list", "history", "tombstones", "timetolive", "register", "renew", "update", "deregister"}

// fails makes methods fail; nil heals them.
func (f *faulty) fails(err error, methods ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range methods {
		f.faults[m] = err
		if m == "next" && err != nil {
			for w, cancel := range f.cancel {
				w.failed = err
				cancel()
			}
			clear(f.cancel)
		}
	}
}

// outage takes the store away, feed and all; the function that it gives brings it back.
func (f *faulty) outage() (end func()) {
	all := append([]string{"watch", "next"}, ops...)
	f.fails(down("test"), all...)
	return func() { f.fails(nil, all...) }
}

// meanwhile has something happen ahead of each call of a method; nil: nothing.
func (f *faulty) meanwhile(method string, do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.before[method] = do
}

// hold keeps the feed back until the function that it gives is called.
func (f *faulty) hold() (release func()) {
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

// replace puts another store, with another past, in the place of this one. Who follows
// the old one goes on with that until it is broken.
func (f *faulty) replace(inner store.Store) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.inner = inner
}

func (f *faulty) calls(method string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.count[method]
}

func (f *faulty) enter(method string) (store.Store, error) {
	f.mu.Lock()
	before := f.before[method]
	f.mu.Unlock()
	if before != nil {
		before()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count[method]++
	return f.inner, f.faults[method]
}

func call[T any](f *faulty, method string, do func(store.Store) (T, error)) (T, error) {
	inner, err := f.enter(method)
	if err != nil {
		var none T
		return none, err
	}
	return do(inner)
}

func (f *faulty) Get(ctx context.Context, key store.Key) (*store.Record, error) {
	return call(f, "get", func(s store.Store) (*store.Record, error) { return s.Get(ctx, key) })
}

func (f *faulty) List(ctx context.Context, sel store.Selector) (store.Snapshot, error) {
	return call(f, "list", func(s store.Store) (store.Snapshot, error) { return s.List(ctx, sel) })
}

func (f *faulty) History(ctx context.Context, sel store.Selector, limit int) ([]store.Event, error) {
	return call(f, "history", func(s store.Store) ([]store.Event, error) { return s.History(ctx, sel, limit) })
}

func (f *faulty) Tombstones(ctx context.Context, key store.Key) ([]store.Tombstone, error) {
	return call(f, "tombstones", func(s store.Store) ([]store.Tombstone, error) { return s.Tombstones(ctx, key) })
}

func (f *faulty) TimeToLive(ctx context.Context, refs []store.Ref) ([]time.Duration, error) {
	return call(f, "timetolive", func(s store.Store) ([]time.Duration, error) { return s.TimeToLive(ctx, refs) })
}

func (f *faulty) Register(ctx context.Context, in store.Record, grant store.Grant) (*store.Record, error) {
	return call(f, "register", func(s store.Store) (*store.Record, error) { return s.Register(ctx, in, grant) })
}

func (f *faulty) Renew(ctx context.Context, refs []store.Ref) ([]store.Renewal, error) {
	return call(f, "renew", func(s store.Store) ([]store.Renewal, error) { return s.Renew(ctx, refs) })
}

func (f *faulty) Update(ctx context.Context, ref store.Ref, why store.Reason, change func(*store.Record) error) (*store.Record, error) {
	return call(f, "update", func(s store.Store) (*store.Record, error) { return s.Update(ctx, ref, why, change) })
}

func (f *faulty) Deregister(ctx context.Context, ref store.Ref, why store.Reason) (store.Revision, error) {
	return call(f, "deregister", func(s store.Store) (store.Revision, error) { return s.Deregister(ctx, ref, why) })
}

func (f *faulty) Watch(ctx context.Context, sel store.Selector, after store.Revision) (store.Watcher, error) {
	return call(f, "watch", func(s store.Store) (store.Watcher, error) {
		w, err := s.Watch(ctx, sel, after)
		if err != nil {
			return nil, err
		}
		return &late{store: f, inner: w}, nil
	})
}

func (f *faulty) Capabilities() store.Capabilities { return f.inner.Capabilities() }
func (f *faulty) Ping(ctx context.Context) error   { return f.inner.Ping(ctx) }
func (f *faulty) Close() error                     { return f.inner.Close() }

// late is a watcher that may be held up and broken.
type late struct {
	store  *faulty
	inner  store.Watcher
	failed error // guarded by the store's mu
}

func (w *late) Next(ctx context.Context) (store.Batch, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	f := w.store
	f.mu.Lock()
	if w.failed == nil {
		w.failed = f.faults["next"]
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
		return store.Batch{}, w.failed
	}
	return batch, err
}

func (w *late) Close() error { return w.inner.Close() }
