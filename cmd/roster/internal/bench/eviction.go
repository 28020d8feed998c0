package bench

import (
	"context"
	"fmt"
	"net"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/roster-sd/roster/wire"
)

// evictions registers instances that end soon, renews them together, and measures what their
// end costs until the watchers of their services have been told of all.
func (g *growing) evictions(ctx context.Context, p *Point, idle float64) error {
	v := g.victims(p)
	watchers := make([]*watcher, v.o.Services)
	defer func() {
		for _, w := range watchers {
			if w != nil {
				w.hangUp()
			}
		}
	}()
	conns := make([]net.Conn, len(watchers))
	for n := range watchers {
		watchers[n] = &watcher{line: g.newLine(n), service: n}
		if err := watchers[n].open(ctx, v.fleet); err != nil {
			return err
		}
		conns[n] = watchers[n].conn
	}
	registered := load{connections: growthConnections, ops: 1, do: v.registering()}
	if err := g.slice(ctx, p, costRegister, registered, idle); err != nil {
		return err
	}
	group, reading := errgroup.WithContext(ctx)
	defer context.AfterFunc(reading, func() {
		for _, c := range conns {
			_ = c.SetReadDeadline(time.Now()) // its reader ends, if it has not
		}
	})()
	seen := make([][]time.Time, len(watchers))
	for n, w := range watchers {
		group.Go(func() (err error) {
			seen[n], err = w.leaving(v.fleet.ofService(n))
			return err
		})
	}
	var (
		deadline, begun time.Time
		before, after   time.Duration
	)
	group.Go(func() (err error) {
		deadline, err = v.doom(reading)
		if err == nil {
			begun = time.Now()
			before, err = g.cpu(reading)
		}
		return err
	})
	if err := group.Wait(); err != nil {
		return fmt.Errorf("watch evictions: %w", err)
	}
	after, err := g.cpu(ctx)
	if err != nil {
		return err
	}
	h := newHistogram()
	for _, at := range slices.Concat(seen...) {
		keep(h, at.Sub(deadline))
	}
	p.note(Part{Name: costEviction, Operations: h.TotalCount(), Latency: latencyOf(h)}, after-before-time.Duration(idle*float64(time.Since(begun))))
	return nil
}

// victims is a run of its own for those who end.
func (g *growing) victims(p *Point) *run {
	o := *g.run.o
	o.Operation, o.Instances, o.TTL, o.Services = Register, g.o.Dying, dyingTTL+2*g.o.Slice, min(p.Services, 10)
	v := newRun(&o, g.progress)
	v.fleet.name, v.fleet.first = g.fleet.name, g.run.o.Instances
	v.fleet.form = newForm(v.fleet.name, o.TTL)
	v.abort = g.abort
	v.told(newMeter(""))
	return v
}

// doom renews all victims, and waits until they are about to end. It gives the time at which
// the last of them should.
func (r *run) doom(ctx context.Context) (deadline time.Time, err error) {
	w := &worker{line: r.newLine(0), recorder: newMeter("").recorder()}
	defer w.hangUp()
	for n := range r.fleet.blocks {
		if _, err := r.renewBlock(ctx, w, n); err != nil {
			return deadline, fmt.Errorf("renew those who end: %w", err)
		}
		if w.failures() > 0 {
			return deadline, fmt.Errorf("%w: those who end ended before they were renewed", ErrFailed)
		}
	}
	ttl := time.Duration(r.fleet.granted.Load())
	deadline = time.Now().Add(ttl)
	return deadline, pause(ctx, time.Until(deadline)-ttl/4)
}

// leaving reads until that many instances have ended, and gives when it saw each of them.
func (w *watcher) leaving(n int) ([]time.Time, error) {
	seen := make([]time.Time, 0, n)
	for len(seen) < n {
		e, err := w.events.Next()
		switch {
		case err != nil:
			return nil, fmt.Errorf("saw %d of %d: %w", len(seen), n, err)
		case e.Name == wire.WatchDelete && text(e.Data, "reason") == "expired":
			seen = append(seen, time.Now())
		case e.Name == wire.WatchResync:
			return nil, fmt.Errorf("saw %d of %d, and then was told to resync", len(seen), n)
		}
	}
	return seen, nil
}
