package catalog

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/roster-sd/roster/store"
)

var selector = store.Selector{Kind: store.KindInstance}

// How long Run waits after a failure before it tries the store again: at first briefly, so
// that a short break is not taken for a longer one, then doubling from the first to the last. A
// store that is back is to be followed again within two seconds.
const (
	firstRetry = 50 * time.Millisecond
	lastRetry  = 400 * time.Millisecond
	shortBreak = time.Second
)

// pulseEvery is how often the catalog of a store that is shared looks whether its process
// ran all the time.
const pulseEvery = 250 * time.Millisecond

// errDoubted is why a feed is given up that may be of another epoch.
var errDoubted = errors.New("catalog: the store has another epoch")

// Run follows the store until the context ends or the store is closed, which are the
// only errors it gives. It is called once.
func (c *Catalog) Run(ctx context.Context) error {
	if !c.holds {
		return c.run(ctx)
	}
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	c.firstPulse()
	wg.Go(func() { c.beat(ctx) })
	wg.Go(func() { c.ping(ctx) })
	wg.Go(func() { c.keep(ctx) })
	return c.run(ctx)
}

func (c *Catalog) run(ctx context.Context) error {
	wait := firstRetry
	var listed time.Time
	for {
		err := c.follow(ctx, func() { wait = firstRetry })
		if errors.Is(err, store.ErrCompacted) || errors.Is(err, errDoubted) {
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
			c.broken(&c.evidence.feedDown, err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-c.again:
			wait = firstRetry
			continue
		case <-time.After(wait + rand.N(wait/2)):
		}
		if since := Moment(c.brokenSince.Load()); since == 0 || time.Duration(c.Now()-since) > shortBreak {
			wait = min(wait*2, lastRetry)
		}
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
	ctx, doubt := context.WithCancelCause(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer doubt(nil)
	if c.holds {
		wg.Go(func() {
			for {
				select {
				case epoch := <-c.doubted:
					if epoch != c.Revision().Epoch { // or it has been listed since
						doubt(errDoubted)
						return
					}
				case <-ctx.Done():
					return
				}
			}
		})
	}
	began := c.Now()
	if c.watching.Store(int64(began)); !c.holds {
		c.contact()
	}
	defer c.watching.Store(0)
	for {
		batch, err := w.Next(ctx)
		if err != nil {
			if time.Duration(c.Now()-began) > shortBreak {
				healthy()
			}
			if cause := context.Cause(ctx); errors.Is(cause, errDoubted) {
				return cause
			}
			if !c.holds {
				// Until now the feed was whole: what is shown was true a moment ago. Where the
				// store is pinged, the last ping says so.
				c.lastContact.Store(int64(c.Now()))
			}
			return err
		}
		c.contact()
		healthy()
		c.apply(batch)
	}
}

// Seen tells of a revision that the store has given to someone. If it is of another epoch
// than the view, which the feed may not have noticed yet, the store is listed again, and true is
// given: the backend has lost or rewritten its past.
func (c *Catalog) Seen(rev store.Revision) bool {
	if !c.holds || !c.IsWarm() || rev.Epoch == c.Revision().Epoch {
		return false
	}
	select {
	case c.doubted <- rev.Epoch:
	default: // it is looked into already
	}
	return true
}

// list reads the whole store, and publishes what differs from the view as one batch at
// the list's revision. In another epoch there is no way from the old view to the new
// one, so every subscriber is told to resync.
func (c *Catalog) list(ctx context.Context) error {
	snap, err := c.opts.Store.List(ctx, selector)
	if err != nil {
		return err
	}
	c.lastContact.Store(int64(c.Now()))
	c.pulse()
	c.write.Lock()
	defer c.write.Unlock()
	if !c.IsWarm() {
		c.load(snap, nil, nil)
		c.warmOnce.Do(func() { close(c.warm) })
		return nil
	}
	c.resyncs.Add(1)
	if snap.Revision.Epoch != c.applied.Epoch {
		c.reload(ctx, snap)
		return nil
	}
	c.mu.Lock()
	c.changes.jump(c.applied.Number, snap.Revision.Number)
	c.mu.Unlock()
	c.applyLocked(store.Batch{Revision: snap.Revision, Events: c.difference(ctx, snap)})
	return nil
}

// difference makes events of what a list holds and the view does not, and the reverse. It
// needs write, and so may read the view without mu.
func (c *Catalog) difference(ctx context.Context, snap store.Snapshot) []store.Event {
	var events []store.Event
	listed := make(map[store.Key]bool, len(snap.Records))
	for _, r := range snap.Records {
		listed[r.Key] = true
		before := c.known(r.Key)
		if before == nil {
			events = append(events, store.Event{Revision: snap.Revision, Record: r,
				Reason: store.Reason{Code: store.Registered}})
		} else if before.Revision() != r.Revision {
			events = append(events, store.Event{Revision: snap.Revision, Record: r, Before: before.Record(),
				Reason: store.Reason{Code: store.Updated}})
		}
	}
	missing := c.missing(listed)
	for i, d := range c.deaths(ctx, missing) {
		events = append(events, store.Event{Revision: snap.Revision, Before: d.last(missing[i]).Record(), Reason: d.why})
	}
	return events
}

// missing gives what the view has and a list has not. It needs write.
func (c *Catalog) missing(listed map[store.Key]bool) []*store.Packed {
	var out []*store.Packed
	for _, s := range c.services {
		for e := range s.byID.All() {
			if !listed[e.rec.Key()] {
				out = append(out, e.rec)
			}
		}
	}
	return out
}

func (c *Catalog) known(k store.Key) *store.Packed {
	if e := c.entry(k); e != nil {
		return e.rec
	}
	return nil
}
