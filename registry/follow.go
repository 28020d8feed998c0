package registry

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/roster-sd/roster/store"
)

// endLate is how long after its time an override that the backend still has is ended by a node.
// Its lease ends it, but a lease may run longer: etcd grants it anew with each new leader, and
// the state file with each start. The wait is for the clocks of nodes, which differ a little.
const endLate = 5 * time.Second

// lookEvery is how often a node looks whether it shows what is kept out. It may, though the store
// has it no more: a view that learns late that the backend has lost its data holds what it showed.
const lookEvery = time.Second

// FollowOverrides keeps instances as overrides have it, until the context ends or the store
// is closed, which are the only errors it gives. Every node does: what one has done the others
// find done. It is called once.
func (r *Registry) FollowOverrides(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		return r.feed(ctx, store.KindOverride, func(snap store.Snapshot) {
			r.overrides.reset(snap, r.millis())
		}, r.overrides.apply)
	})
	group.Go(func() error { return r.keepSettled(ctx) })
	return group.Wait()
}

// keepSettled does what the overrides owe. What fails is tried again: nobody else may be there
// to do it, and an instance whose holder renews would stay as it is for ever.
func (r *Registry) keepSettled(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-r.overrides.news():
		case <-timer.C:
		}
		err := r.settleOwed(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			if !failing {
				r.log.LogAttrs(ctx, slog.LevelWarn, "an override could not be written into its instance; trying again", slog.Any("error", err))
			}
			timer.Reset(tryAgain)
		default:
			if next := r.overrides.nextEnd(); next != 0 {
				timer.Reset(max(next.Time().Sub(r.opts.Now())+endLate, tryAgain))
			}
			if r.catalog.Holds() && len(r.overrides.keptOut()) > 0 {
				timer.Reset(lookEvery)
			}
		}
		failing = err != nil
	}
}

// settleOwed does what is owed once, and gives an error of those that there were.
func (r *Registry) settleOwed(ctx context.Context) error {
	if r.overrides.takeSweep() {
		if err := r.sweep(ctx); err != nil {
			r.overrides.oweSweep()
			return err
		}
	}
	if r.catalog.Holds() {
		for _, key := range r.overrides.keptOut() {
			if r.shows(store.InstanceKey(key.Service, key.ID)) {
				r.overrides.again(key)
			}
		}
	}
	keys := r.overrides.takeOwed()
	err := eachKey(keys, r.overrides.again, func(key store.Key) error {
		_, err := r.settle(ctx, key.Service, key.ID)
		return err
	})
	now := r.millis()
	over := r.overrides.over(now - store.Millis(endLate/time.Millisecond))
	return errors.Join(err, eachKey(over, r.overrides.overAgain, func(key store.Key) error { return r.endOverride(ctx, key, now) }))
}

// eachKey does something for each key, several at once, tells of those for which it failed or
// was not done, and gives an error of those that there were.
func eachKey(keys []store.Key, again func(store.Key), do func(store.Key) error) error {
	var last atomic.Pointer[error]
	undone := spread(len(keys), func(i int) error {
		err := do(keys[i])
		if err == nil {
			return nil
		}
		again(keys[i])
		if last.Store(&err); unreachable(err) {
			return err // the others would only wait for it too
		}
		return nil
	})
	for i, err := range undone {
		if err != nil {
			again(keys[i])
		}
	}
	if err := last.Load(); err != nil {
		return *err
	}
	return nil
}

// sweep owes every instance whose copy of an override is not what this node knows: what ended
// or began while no node was there to write it. It reads all instances, and so waits until the
// catalog has read them: a node that starts would be ready later by the time of a second list.
func (r *Registry) sweep(ctx context.Context) error {
	select {
	case <-r.catalog.Warm():
	case <-ctx.Done():
		return ctx.Err()
	}
	snap, err := r.store.List(ctx, store.Selector{Kind: store.KindInstance})
	if err != nil {
		return err
	}
	for _, rec := range snap.Records {
		if r.unsettled(rec) {
			r.overrides.owe(overrideKey(rec.Key.Service, rec.Key.ID))
		}
	}
	return nil
}

// endOverride ends an override whose time is over and whose lease is not.
func (r *Registry) endOverride(ctx context.Context, key store.Key, now store.Millis) error {
	rec, err := r.store.Get(ctx, key)
	if err == nil && rec.Instance.Override != nil && rec.Instance.Override.Until <= now {
		_, err = r.store.Deregister(ctx, rec.Ref(), store.Reason{Code: store.Deregistered, Node: r.opts.Node, Note: "its time is over"})
	}
	if raced(err) {
		return nil // the feed tells, or has told
	}
	return err
}
