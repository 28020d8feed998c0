// Package instrument holds what stands around any store, so that no backend does it itself:
// [Wrap] tells of the calls, and [Break] spares a backend that is out of reach, and those who
// would wait for it.
package instrument

import (
	"context"
	"time"

	"github.com/roster-sd/roster/store"
)

// Observer is told of each call when it is over: its method in lower case, how long it
// took, and its error. It must not block.
type Observer func(op string, took time.Duration, err error)

// Wrap gives a store that tells the observer of the calls to s. Calls that wait for
// something to happen (Next of a watcher) are not told.
func Wrap(s store.Store, observe Observer) store.Store { return &observed{Store: s, observe: observe} }

type observed struct {
	store.Store
	observe Observer
}

var _ store.Store = (*observed)(nil)

func call[T any](o *observed, op string, do func() (T, error)) (T, error) {
	start := time.Now()
	out, err := do()
	o.observe(op, time.Since(start), err)
	return out, err
}

func (o *observed) Get(ctx context.Context, key store.Key) (*store.Record, error) {
	return call(o, "get", func() (*store.Record, error) { return o.Store.Get(ctx, key) })
}

func (o *observed) List(ctx context.Context, sel store.Selector) (store.Snapshot, error) {
	return call(o, "list", func() (store.Snapshot, error) { return o.Store.List(ctx, sel) })
}

func (o *observed) Watch(ctx context.Context, sel store.Selector, after store.Revision) (store.Watcher, error) {
	return call(o, "watch", func() (store.Watcher, error) { return o.Store.Watch(ctx, sel, after) })
}

func (o *observed) History(ctx context.Context, sel store.Selector, limit int) ([]store.Event, error) {
	return call(o, "history", func() ([]store.Event, error) { return o.Store.History(ctx, sel, limit) })
}

func (o *observed) Tombstones(ctx context.Context, key store.Key) ([]store.Tombstone, error) {
	return call(o, "tombstones", func() ([]store.Tombstone, error) { return o.Store.Tombstones(ctx, key) })
}

func (o *observed) TimeToLive(ctx context.Context, refs []store.Ref) ([]time.Duration, error) {
	return call(o, "timetolive", func() ([]time.Duration, error) { return o.Store.TimeToLive(ctx, refs) })
}

func (o *observed) Register(ctx context.Context, in store.Record, grant store.Grant) (*store.Record, error) {
	return call(o, "register", func() (*store.Record, error) { return o.Store.Register(ctx, in, grant) })
}

func (o *observed) Renew(ctx context.Context, refs []store.Ref) ([]store.Renewal, error) {
	start := time.Now()
	out, err := o.Store.Renew(ctx, refs)
	o.observe("renew", time.Since(start), err)
	return out, err
}

func (o *observed) Update(ctx context.Context, ref store.Ref, why store.Reason, change func(*store.Record) error) (*store.Record, error) {
	return call(o, "update", func() (*store.Record, error) { return o.Store.Update(ctx, ref, why, change) })
}

func (o *observed) Deregister(ctx context.Context, ref store.Ref, why store.Reason) (store.Revision, error) {
	return call(o, "deregister", func() (store.Revision, error) { return o.Store.Deregister(ctx, ref, why) })
}

func (o *observed) Ping(ctx context.Context) error {
	start := time.Now()
	err := o.Store.Ping(ctx)
	o.observe("ping", time.Since(start), err)
	return err
}
