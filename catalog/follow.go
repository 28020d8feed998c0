package catalog

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/roster-sd/roster/store"
)

var selector = store.Selector{Kind: store.KindInstance}

// How long Run waits after a failure before it tries the store again: it doubles from
// the first to the last.
const (
	firstRetry = 50 * time.Millisecond
	lastRetry  = time.Second
)

// Run follows the store until the context ends or the store is closed, which are the
// only errors it gives. It is called once.
func (c *Catalog) Run(ctx context.Context) error {
	wait := firstRetry
	var listed time.Time
	for {
		err := c.follow(ctx, func() { wait = firstRetry })
		if errors.Is(err, store.ErrCompacted) {
			c.log.Info("catalog: position no longer known, listing again", "revision", c.Revision().String())
			// A store that forgets faster than it can be listed is not asked without end.
			again := !listed.IsZero() && time.Since(listed) < lastRetry
			if err = c.list(ctx); err == nil {
				if listed = time.Now(); !again {
					continue
				}
			}
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, store.ErrClosed):
			return err
		case err != nil:
			c.broken(err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait + rand.N(wait/2)):
		}
		wait = min(wait*2, lastRetry)
	}
}

func (c *Catalog) broken(err error) {
	if c.brokenSince.CompareAndSwap(0, c.now()) {
		c.log.Warn("catalog: lost the store's feed, answering from the last view", "error", err)
	}
}

func (c *Catalog) contact() {
	now := c.now()
	c.lastContact.Store(now)
	if since := c.brokenSince.Swap(0); since != 0 && c.IsWarm() {
		c.log.Info("catalog: following the store again", "after", time.Duration(now-since).String())
	}
}

// follow applies the feed until it breaks. It lists first where nothing was listed yet.
func (c *Catalog) follow(ctx context.Context, healthy func()) error {
	if !c.IsWarm() {
		if err := c.list(ctx); err != nil {
			return err
		}
	}
	w, err := c.opts.Store.Watch(ctx, selector, c.Revision())
	if err != nil {
		return err
	}
	defer w.Close()
	c.contact()
	healthy()
	for {
		batch, err := w.Next(ctx)
		if err != nil {
			// Until now the feed was whole: what is shown was true a moment ago.
			c.lastContact.Store(c.now())
			return err
		}
		c.contact()
		c.apply(batch)
	}
}

// list reads the whole store, and publishes what differs from the view as one batch at
// the list's revision. In another epoch there is no way from the old view to the new
// one, so every subscriber is told to resync.
func (c *Catalog) list(ctx context.Context) error {
	snap, err := c.opts.Store.List(ctx, selector)
	if err != nil {
		return err
	}
	if !c.IsWarm() {
		c.load(snap)
		c.warmOnce.Do(func() { close(c.warm) })
		return nil
	}
	c.resyncs.Add(1)
	if snap.Revision.Epoch != c.Revision().Epoch {
		c.load(snap)
		return nil
	}
	c.apply(store.Batch{Revision: snap.Revision, Events: c.difference(ctx, snap)})
	return nil
}

// difference makes events of what a list holds and the view does not, and the reverse.
// Only the goroutine of Run changes the view, so it may read it without the lock.
func (c *Catalog) difference(ctx context.Context, snap store.Snapshot) []store.Event {
	var events []store.Event
	listed := make(map[store.Key]bool, len(snap.Records))
	for _, r := range snap.Records {
		listed[r.Key] = true
		before := c.known(r.Key)
		if before == nil {
			events = append(events, store.Event{Revision: snap.Revision, Record: r,
				Reason: store.Reason{Code: store.Registered}})
		} else if before.Revision != r.Revision {
			events = append(events, store.Event{Revision: snap.Revision, Record: r, Before: before,
				Reason: store.Reason{Code: store.Updated}})
		}
	}
	questions := maxQuestions
	for _, s := range c.services {
		for _, e := range s.byID {
			if !listed[e.rec.Key] {
				events = append(events, store.Event{Revision: snap.Revision, Before: e.rec,
					Reason: c.whyGone(ctx, e.rec, &questions)})
			}
		}
	}
	return events
}

func (c *Catalog) known(k store.Key) *store.Record {
	if e := c.entry(k); e != nil {
		return e.rec
	}
	return nil
}

// maxQuestions bounds how many records a list asks the reasons of: the questions come one
// after the other, and meanwhile the view stands still.
const maxQuestions = 1_000

// whyGone asks the store why a record left that the feed did not tell of. What is not known
// is said to have expired.
func (c *Catalog) whyGone(ctx context.Context, r *store.Record, questions *int) store.Reason {
	if *questions > 0 {
		*questions--
		stones, err := c.opts.Store.Tombstones(ctx, r.Key)
		if err == nil && len(stones) > 0 {
			return stones[0].Reason
		}
		if err != nil {
			*questions = 0
		}
	}
	return store.Reason{Code: store.Expired}
}
