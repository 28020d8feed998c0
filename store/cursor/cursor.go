// Package cursor is what the watchers of all backends have in common: they read a log that
// the backend keeps in this process, or can fetch, and wait where it ends.
package cursor

import (
	"context"
	"sync"

	"github.com/roster-sd/roster/store"
)

// Cursor is the part of a store.Watcher that waits and that is closed. Make it with New.
type Cursor struct {
	closed chan struct{}
	once   sync.Once
}

// New gives one that is open.
func New() Cursor { return Cursor{closed: make(chan struct{})} }

// Collect reads a portion of the log. With no events and no error, news is closed when there
// is more to read; nil is at once.
type Collect func(ctx context.Context) (b store.Batch, news <-chan struct{}, err error)

// Wait collects until there are events or an error, which may be that of the context. Close
// wakes it, to collect once more: what is collected after Closed is store.ErrClosed.
func (c *Cursor) Wait(ctx context.Context, collect Collect) (store.Batch, error) {
	for {
		if err := ctx.Err(); err != nil {
			return store.Batch{}, err
		}
		b, news, err := collect(ctx)
		if err != nil || len(b.Events) > 0 {
			return b, err
		}
		if news == nil {
			continue
		}
		select {
		case <-news:
		case <-c.closed:
		case <-ctx.Done():
		}
	}
}

// Closed tells whether Close was called.
func (c *Cursor) Closed() bool {
	select {
	case <-c.closed:
		return true
	default:
		return false
	}
}

// Close ends the watch; a Wait of another goroutine returns. It is safe to call again.
func (c *Cursor) Close() error {
	c.once.Do(func() { close(c.closed) })
	return nil
}
