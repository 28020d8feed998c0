package instrument

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/roster-sd/roster/store"
)

// opensAfter is after how many failures in a row a backend is taken for dead.
const opensAfter = 2

// Breaker is a store that stops asking a backend that is out of reach: calls then fail at
// once instead of waiting, each for itself, until their time is over. It opens after two
// calls in a row that could not reach the backend, and a [Breaker.Ping] that is answered
// closes it: whoever uses one pings. Watchers that are open are left alone. For a backend in
// this process it is of no use.
type Breaker struct {
	store.Store

	mu     sync.Mutex
	failed int   // calls in a row that could not reach the backend
	cause  error // what the last of them said
}

var _ store.Store = (*Breaker)(nil)

// Break puts a breaker around a store.
func Break(s store.Store) *Breaker { return &Breaker{Store: s} }

// Open tells whether calls fail at once.
func (b *Breaker) Open() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.failed >= opensAfter
}

// refuse gives the error of a call that is not to be made.
func (b *Breaker) refuse(op string, key store.Key) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failed < opensAfter {
		return nil
	}
	return &store.Error{Op: op, Backend: b.Capabilities().Backend, Key: key, Kind: store.ErrUnavailable, Cause: b.cause}
}

// note takes in how a call ended. One that its caller gave up says nothing.
func (b *Breaker) note(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case errors.Is(err, store.ErrUnavailable):
		b.failed, b.cause = b.failed+1, err
	case store.IsContext(err):
	case b.failed < opensAfter:
		b.failed, b.cause = 0, nil // an answer from before it opened closes nothing
	}
}

// Ping asks the backend, also while the breaker is open, and closes it with an answer. A
// ping comes with a limit, and one that runs into it was not answered.
func (b *Breaker) Ping(ctx context.Context) error {
	err := b.Store.Ping(ctx)
	switch {
	case err == nil:
		b.mu.Lock()
		b.failed, b.cause = 0, nil
		b.mu.Unlock()
	case errors.Is(err, context.DeadlineExceeded):
		b.note(&store.Error{Op: "ping", Backend: b.Capabilities().Backend, Kind: store.ErrUnavailable, Cause: err})
	default:
		b.note(err)
	}
	return err
}

func guarded[T any](b *Breaker, op string, key store.Key, do func() (T, error)) (T, error) {
	if err := b.refuse(op, key); err != nil {
		var none T
		return none, err
	}
	out, err := do()
	b.note(err)
	return out, err
}

// Get is the store's.
func (b *Breaker) Get(ctx context.Context, key store.Key) (*store.Record, error) {
	return guarded(b, "get", key, func() (*store.Record, error) { return b.Store.Get(ctx, key) })
}

// List is the store's.
func (b *Breaker) List(ctx context.Context, sel store.Selector) (store.Snapshot, error) {
	return guarded(b, "list", store.Key{}, func() (store.Snapshot, error) { return b.Store.List(ctx, sel) })
}

// Watch is the store's.
func (b *Breaker) Watch(ctx context.Context, sel store.Selector, after store.Revision) (store.Watcher, error) {
	return guarded(b, "watch", store.Key{}, func() (store.Watcher, error) { return b.Store.Watch(ctx, sel, after) })
}

// History is the store's.
func (b *Breaker) History(ctx context.Context, sel store.Selector, limit int) ([]store.Event, error) {
	return guarded(b, "history", store.Key{}, func() ([]store.Event, error) { return b.Store.History(ctx, sel, limit) })
}

// Tombstones is the store's.
func (b *Breaker) Tombstones(ctx context.Context, key store.Key) ([]store.Tombstone, error) {
	return guarded(b, "tombstones", key, func() ([]store.Tombstone, error) { return b.Store.Tombstones(ctx, key) })
}

// TimeToLive is the store's.
func (b *Breaker) TimeToLive(ctx context.Context, refs []store.Ref) ([]time.Duration, error) {
	return guarded(b, "timetolive", store.Key{}, func() ([]time.Duration, error) { return b.Store.TimeToLive(ctx, refs) })
}

// Register is the store's.
func (b *Breaker) Register(ctx context.Context, in store.Record, grant store.Grant) (*store.Record, error) {
	return guarded(b, "register", in.Key, func() (*store.Record, error) { return b.Store.Register(ctx, in, grant) })
}

// Renew is the store's.
func (b *Breaker) Renew(ctx context.Context, refs []store.Ref) ([]store.Renewal, error) {
	return guarded(b, "renew", store.Key{}, func() ([]store.Renewal, error) { return b.Store.Renew(ctx, refs) })
}

// Update is the store's.
func (b *Breaker) Update(ctx context.Context, ref store.Ref, why store.Reason, change func(*store.Record) error) (*store.Record, error) {
	return guarded(b, "update", ref.Key, func() (*store.Record, error) { return b.Store.Update(ctx, ref, why, change) })
}

// Deregister is the store's.
func (b *Breaker) Deregister(ctx context.Context, ref store.Ref, why store.Reason) (store.Revision, error) {
	return guarded(b, "deregister", ref.Key, func() (store.Revision, error) { return b.Store.Deregister(ctx, ref, why) })
}
