package client

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/roster-sd/roster/wire"
)

// ResolverOptions say what a [Resolver] chooses from, and how. All members may be zero.
type ResolverOptions struct {
	// Strategy is RoundRobin, which is also meant by the empty string, Random, Weighted or
	// Hash. Recent is not there: a watch is not told of heartbeats.
	Strategy string
	// Filter chooses among the instances. Without a status those that are up are chosen from.
	Filter Filter
}

// Endpoint is an instance that was chosen.
type Endpoint struct {
	// Address is host:port.
	Address string
	// Instance is shared by all who resolve: it must not be changed.
	Instance *wire.Instance
}

// Resolver chooses instances of one service from a view of its own, which it keeps by a
// watch: a choice asks nobody, takes well under 100 ns and allocates nothing. While the
// registry is away it goes on from the view that it has. All methods may be used
// concurrently.
//
// A resolver has one goroutine and one stream to the registry. Whoever needs many services
// makes many; under TLS the streams share a connection.
type Resolver struct {
	c        *Client
	service  string
	strategy strategy
	filter   Filter
	ctx      context.Context // ends with Close
	cancel   context.CancelFunc
	done     chan struct{}
	changes  chan struct{}
	view     atomic.Pointer[view]
	turn     atomic.Uint64
	staleAt  atomic.Pointer[time.Time] // nil: the view is fresh

	mu    sync.Mutex
	book  book
	ready chan struct{} // closed with the first view
	err   error         // of the last failure
	told  chan struct{} // closed, and made anew, with each failure
}

// Resolver follows a service. It connects in the background: see [Resolver.Ready]. The
// caller closes it.
func (c *Client) Resolver(service string, opts ResolverOptions) (*Resolver, error) {
	s, ok := parseStrategy(opts.Strategy)
	if !ok {
		return nil, fmt.Errorf("resolver of %s: %w", service,
			invalid("strategy", "must be round_robin, random, weighted or hash"))
	}
	r := &Resolver{
		c: c, service: service, strategy: s, filter: opts.Filter,
		done: make(chan struct{}), changes: make(chan struct{}, 1),
		ready: make(chan struct{}), told: make(chan struct{}),
	}
	r.book.resolver = r
	// From a place of its own: clients that start together are not to choose together.
	r.turn.Store(randomTurn())
	begun := time.Now()
	r.staleAt.Store(&begun)
	r.view.Store(&view{err: fmt.Errorf("resolve %s: %w: the registry has not answered yet", service, ErrNoInstance)})
	w, err := c.watcher(WatchOptions{Services: []string{service}, Filter: opts.Filter, OnRetry: r.trouble})
	if err != nil {
		return nil, fmt.Errorf("resolver of %s: %w", service, err)
	}
	w.opened = func(resumes bool) {
		if resumes {
			r.staleAt.Store(nil)
		}
	}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	go r.run(w) // ends with Close, which waits for it
	return r, nil
}

// run applies what the watch tells.
func (r *Resolver) run(w *Watcher) {
	defer close(r.done)
	defer close(r.changes)
	defer func() { w.Close(); w.drop() }()
	for {
		e, err := w.Next(r.ctx)
		if r.ctx.Err() != nil {
			r.mu.Lock()
			r.book.stop()
			r.mu.Unlock()
			return
		}
		if err != nil {
			// A refusal: the watcher waits before it asks again.
			r.trouble(err, 0)
			continue
		}
		r.mu.Lock()
		r.book.apply(e)
		// Of events that came together only the last makes a view.
		if r.book.whole && !w.more() {
			r.publish()
		}
		r.mu.Unlock()
	}
}

// publish makes the view of what is known. It needs mu.
func (r *Resolver) publish() {
	if !r.book.changed {
		return
	}
	r.book.changed = false
	r.view.Store(newView(r.service, r.strategy, r.filter.Status, r.book.instances()))
	r.err = nil
	if r.book.whole {
		r.staleAt.Store(nil)
	}
	select {
	case <-r.ready:
	default:
		close(r.ready)
	}
	select {
	case r.changes <- struct{}{}:
	default:
	}
}

// trouble notes a failure. What was gathered until then is shown: the rest may be long in coming.
func (r *Resolver) trouble(err error, _ time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.book.whole {
		r.publish()
	}
	if r.staleAt.Load() == nil {
		at := time.Now()
		r.staleAt.Store(&at)
	}
	r.err = err
	close(r.told)
	r.told = make(chan struct{})
}

// Ready waits until there is a view. It tries on while the registry is away, until ctx
// ends; a refusal, such as ErrForbidden, is returned at once, and so is why a local registry
// cannot be started.
func (r *Resolver) Ready(ctx context.Context) error {
	for {
		r.mu.Lock()
		err, told := r.err, r.told
		r.mu.Unlock()
		select {
		case <-r.ready:
			return nil
		default:
		}
		if err != nil && (!passing(err) || hopeless(err)) {
			return fmt.Errorf("resolver of %s: %w", r.service, err)
		}
		select {
		case <-r.ready:
			return nil
		case <-told:
		case <-r.done:
			return fmt.Errorf("resolver of %s: %w", r.service, ErrClosed)
		case <-ctx.Done():
			if err == nil {
				err = errors.New("the registry has not answered yet")
			}
			return fmt.Errorf("resolver of %s: %w; at last: %w", r.service, ctx.Err(), err)
		}
	}
}

// Resolve chooses an instance: one that is up, or has the status of the filter, and passing
// rather than suspect, as the registry itself would. One that fails its check is chosen only
// while nearly all do, see [Resolver.Degraded]. The error is ErrNoInstance.
func (r *Resolver) Resolve() (Endpoint, error) { return r.Pick("") }

// Pick is Resolve with a key for the strategy Hash, which gives the same instance for the
// same key, and the same as the registry's own resolve gives; the others do not look at it.
func (r *Resolver) Pick(key string) (Endpoint, error) {
	v := r.view.Load()
	switch n := uint64(len(v.pool)); {
	case n == 0:
		return Endpoint{}, v.err
	case n == 1:
		return v.pool[0], nil
	case r.strategy == roundRobin:
		return v.pool[(r.turn.Add(1)-1)%n], nil
	}
	return v.pool[v.pick(r.strategy, key)], nil
}

// Instances gives all instances that match the filter, whatever their condition, by ID. The
// slice and what it holds are shared and must not be changed.
func (r *Resolver) Instances() []wire.Instance { return r.view.Load().all }

// Degraded tells whether nearly all of the instances that match, more than 80 of a hundred and
// three at least, fail their checks. A wrong check is then likelier than that all are dead:
// Resolve chooses among those too, as the registry does, and may well give one that is.
func (r *Resolver) Degraded() bool { return r.view.Load().degraded }

// Changes gives a token when the view has changed since the last one was taken. It is for
// one reader, and is closed by Close.
func (r *Resolver) Changes() <-chan struct{} { return r.changes }

// Stale tells whether the view may be out of date: there is none yet, or the connection to
// the registry is lost.
func (r *Resolver) Stale() bool { return r.staleAt.Load() != nil }

// Age is for how long the view has been stale; 0 while it is not.
func (r *Resolver) Age() time.Duration {
	if at := r.staleAt.Load(); at != nil {
		return time.Since(*at)
	}
	return 0
}

// Err says why the view is stale, as far as is known; nil while it is not.
func (r *Resolver) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.Stale() {
		return nil
	}
	return r.err
}

// Close ends the watch and waits for that. The view stays, and is resolved from on. It may
// be called more than once.
func (r *Resolver) Close() {
	r.cancel()
	<-r.done
}
