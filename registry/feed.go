package registry

import (
	"context"
	"errors"
	"time"

	"github.com/roster-sd/roster/store"
)

// feed tells of all records of a kind: first of those that there are, by reset, then of each
// change, by apply; and again from the begin whenever the store forgot where it was. It reads
// the store and not the catalog, whose view may hold an instance longer than the store does.
// It ends with the context or the store, which are the only errors it gives.
func (r *Registry) feed(ctx context.Context, kind string, reset func(store.Snapshot), apply func([]store.Event)) error {
	for {
		err := r.feedOnce(ctx, store.Selector{Kind: kind}, reset, apply)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, store.ErrClosed):
			return err
		case errors.Is(err, store.ErrCompacted):
			continue
		}
		timer := time.NewTimer(tryAgain)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}

// feedOnce follows the store from a list to an error.
func (r *Registry) feedOnce(ctx context.Context, of store.Selector, reset func(store.Snapshot), apply func([]store.Event)) error {
	snap, err := r.store.List(ctx, of)
	if err != nil {
		return err
	}
	w, err := r.store.Watch(ctx, of, snap.Revision)
	if err != nil {
		return err
	}
	defer w.Close()
	reset(snap)
	for {
		batch, err := w.Next(ctx)
		if err != nil {
			return err
		}
		apply(batch.Events)
	}
}
