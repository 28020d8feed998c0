package bench

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"golang.org/x/sync/errgroup"
)

// audience is the watchers of a run, and the changes that they are to see.
type audience struct {
	r        *run
	watchers []*watcher
	each     []int32 // how many watch each service
	reading  sync.WaitGroup
	closing  atomic.Bool

	changes []change // a ring by number
	shards  [shards]shard
	mu      sync.Mutex
	until   *hdrhistogram.Histogram // of changes, until the last watcher had them

	expected, whole, resyncs, expired atomic.Int64
	lost                              *recorder // of streams that ended
}

// change is one that was made and that not all have seen. Its number tells it from one that
// had its place before.
type change struct {
	number atomic.Int64
	sent   atomic.Int64 // since the run began
	left   atomic.Int32 // watchers that have not seen it
}

// ring is how many changes can be under way.
const ring = 1 << 17

// shards is among how many histograms the watchers are spread.
const shards = 8

type shard struct {
	mu      sync.Mutex
	latency *hdrhistogram.Histogram
}

// openWatchers opens the streams, several at a time, each of one of so many services after the
// other, and reads them until close.
func (r *run) openWatchers(ctx context.Context, services int) (*audience, error) {
	a := &audience{r: r, each: make([]int32, r.o.Services), changes: make([]change, ring), until: newHistogram()}
	r.audience = a
	for i := range a.shards {
		a.shards[i].latency = newHistogram()
	}
	a.lost = (&meter{}).recorder()
	if r.o.Watchers == 0 {
		return a, nil
	}
	r.before = r.scrape(ctx) // with the fleet, without the watchers
	r.say("Opening %s.", plural(r.o.Watchers, "watcher"))
	a.watchers = make([]*watcher, r.o.Watchers)
	var opened atomic.Int64
	done := r.watchCount("opening", int64(r.o.Watchers), opened.Load)
	defer done()
	group, opening := errgroup.WithContext(ctx)
	group.SetLimit(32)
	for i := range a.watchers {
		w := &watcher{line: r.newLine(i), service: i % services, shard: &a.shards[i%shards]}
		a.watchers[i] = w
		a.each[w.service]++
		group.Go(func() error {
			if opening.Err() != nil {
				return opening.Err()
			}
			err := w.open(opening, r.fleet)
			opened.Add(1)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		a.close()
		return nil, fmt.Errorf("open %s: %w", plural(r.o.Watchers, "watcher"), err)
	}
	for _, w := range a.watchers {
		a.reading.Go(func() {
			if err := w.follow(a); err != nil && !a.closing.Load() {
				a.lost.fail(1, err)
			}
		})
	}
	r.opened = r.scrape(ctx)
	return a, nil
}

// expect gives a number for a change of a service that is made at that time.
func (a *audience) expect(service int, at time.Time) int64 {
	n := a.r.fleet.changes.Add(1)
	if a.each[service] == 0 {
		return n
	}
	a.expected.Add(1)
	c := &a.changes[n%ring]
	c.number.Store(0)
	c.sent.Store(int64(at.Sub(a.r.fleet.zero)))
	c.left.Store(a.each[service])
	c.number.Store(n)
	return n
}

// forget takes back a change that was not made.
func (a *audience) forget(n int64) {
	if c := &a.changes[n%ring]; c.number.CompareAndSwap(n, 0) {
		a.expected.Add(-1)
	}
}

// saw notes that a watcher has seen a change.
func (a *audience) saw(n int64, s *shard) {
	c := &a.changes[n%ring]
	if c.number.Load() != n {
		return // of the fleet's beginning, or long ago
	}
	took := time.Since(a.r.fleet.zero) - time.Duration(c.sent.Load())
	s.mu.Lock()
	keep(s.latency, took)
	s.mu.Unlock()
	if c.left.Add(-1) == 0 {
		a.whole.Add(1)
		a.mu.Lock()
		keep(a.until, took)
		a.mu.Unlock()
	}
}

// settle waits until all changes have been seen by all, or for a while.
func (a *audience) settle(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, settleWithin)
	defer cancel()
	for a.whole.Load() < a.expected.Load() && a.resyncs.Load() == 0 && a.lost.failures() == 0 {
		if pause(ctx, 5*time.Millisecond) != nil {
			return
		}
	}
}

const settleWithin = 30 * time.Second

// close ends the streams and waits for their readers.
func (a *audience) close() {
	if a.closing.Swap(true) {
		return
	}
	for _, w := range a.watchers {
		if w != nil && w.conn != nil {
			w.conn.Close()
		}
	}
	a.reading.Wait()
}

// watching makes changes and measures when all watchers have them.
func (r *run) watching(ctx context.Context) error {
	a, err := r.openWatchers(ctx, r.o.Services)
	if err != nil {
		return err
	}
	defer a.close()
	m := r.meter("change")
	r.say("Measuring watch for %v: %s of %s.", r.o.Duration, plural(r.o.Watchers, "watcher"), plural(r.o.Services, "service"))
	r.progress.Watch(r.live())
	r.drive(ctx, load{meter: m, connections: r.o.Connections, rate: r.o.Rate, ops: 1, do: r.changing(a, len(r.fleet.tokens), 1)}, r.o.Duration)
	a.settle(context.WithoutCancel(ctx))
	return nil
}

// changing changes one of so many instances after the other, of which each is stride behind
// the one before.
func (r *run) changing(a *audience, instances, stride int) step {
	f := r.fleet
	var next atomic.Int64
	return func(ctx context.Context, w *worker) (int, error) {
		i := int((next.Add(1)-1)%int64(instances)) * stride
		n := a.expect(f.serviceOf(i), time.Now())
		w.buf = f.change(w.buf[:0], i, n)
		if _, err := ok(w.ask(ctx, w.buf)); err != nil {
			a.forget(n)
			return 0, err
		}
		return 1, nil
	}
}
