package api_test

import (
	"context"
	"sync"
	"time"

	"github.com/roster-sd/roster/store"
)

// faulty is a store whose feed lags, or which is out of reach.
type faulty struct {
	store.Store

	mu     sync.Mutex
	lag    time.Duration // how late the feed tells of a change
	down   error         // what every call gives
	cut    chan struct{} // closed to end the watchers there are
	listed func()        // called once, after the next List of a service; see onList
}

// wrap is for setup.wrap.
func (f *faulty) wrap(inner store.Store) store.Store {
	f.Store, f.cut = inner, make(chan struct{})
	return f
}

// wrapBroken is for a store that is out of reach from the beginning.
func (f *faulty) wrapBroken(inner store.Store) store.Store {
	f.wrap(inner)
	f.breaks()
	return f
}

func (f *faulty) lags(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lag = d
}

// breaks puts the store out of reach, watchers too; heals ends that.
func (f *faulty) breaks() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.down = &store.Error{Op: "test", Backend: "faulty", Kind: store.ErrUnavailable}
	close(f.cut)
	f.cut = make(chan struct{})
}

func (f *faulty) heals() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.down = nil
}

func (f *faulty) state() (lag time.Duration, cut chan struct{}, down error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.lag, f.cut, f.down
}

func (f *faulty) List(ctx context.Context, sel store.Selector) (store.Snapshot, error) {
	if _, _, err := f.state(); err != nil {
		return store.Snapshot{}, err
	}
	snap, err := f.Store.List(ctx, sel)
	if sel.Service == "" { // of the catalog, or of the follower of overrides, which come when they like
		return snap, err
	}
	f.mu.Lock()
	listed := f.listed
	f.listed = nil
	f.mu.Unlock()
	if listed != nil {
		listed()
	}
	return snap, err
}

// onList has the next reader of a service's list wait for do before it gets what it read.
func (f *faulty) onList(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.listed = do
}

func (f *faulty) Get(ctx context.Context, key store.Key) (*store.Record, error) {
	if _, _, err := f.state(); err != nil {
		return nil, err
	}
	return f.Store.Get(ctx, key)
}

func (f *faulty) History(ctx context.Context, sel store.Selector, limit int) ([]store.Event, error) {
	if _, _, err := f.state(); err != nil {
		return nil, err
	}
	return f.Store.History(ctx, sel, limit)
}

func (f *faulty) Register(ctx context.Context, in store.Record, grant store.Grant) (*store.Record, error) {
	if _, _, err := f.state(); err != nil {
		return nil, err
	}
	return f.Store.Register(ctx, in, grant)
}

func (f *faulty) Renew(ctx context.Context, refs []store.Ref) ([]store.Renewal, error) {
	if _, _, err := f.state(); err != nil {
		return nil, err
	}
	return f.Store.Renew(ctx, refs)
}

func (f *faulty) Update(ctx context.Context, ref store.Ref, why store.Reason, change func(*store.Record) error) (*store.Record, error) {
	if _, _, err := f.state(); err != nil {
		return nil, err
	}
	return f.Store.Update(ctx, ref, why, change)
}

func (f *faulty) Deregister(ctx context.Context, ref store.Ref, why store.Reason) (store.Revision, error) {
	if _, _, err := f.state(); err != nil {
		return store.Revision{}, err
	}
	return f.Store.Deregister(ctx, ref, why)
}

func (f *faulty) Watch(ctx context.Context, sel store.Selector, after store.Revision) (store.Watcher, error) {
	_, cut, err := f.state()
	if err != nil {
		return nil, err
	}
	w, err := f.Store.Watch(ctx, sel, after)
	return &lateWatcher{Watcher: w, of: f, cut: cut}, err
}

type lateWatcher struct {
	store.Watcher
	of  *faulty
	cut chan struct{}
}

func (w *lateWatcher) Next(ctx context.Context) (store.Batch, error) {
	inner, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		select {
		case <-w.cut:
			cancel()
		case <-inner.Done():
		}
	})
	b, err := w.Watcher.Next(inner)
	cancel()
	wg.Wait()
	if _, _, down := w.of.state(); down != nil && ctx.Err() == nil {
		return store.Batch{}, down
	}
	if lag, _, _ := w.of.state(); err == nil && lag > 0 {
		select {
		case <-time.After(lag):
		case <-ctx.Done():
			return store.Batch{}, ctx.Err()
		}
	}
	return b, err
}
