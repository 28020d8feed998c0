package catalogtest

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/roster-sd/roster/store"
)

// callTimeout is how long a call waits for a backend that hangs.
const callTimeout = 2 * time.Second

// Link is what stands between a node and the backend.
type Link uint8

// The states of a link.
const (
	Whole Link = iota
	Down       // every call fails at once
	Mute       // every call waits in vain
)

// Node is one node's store on a backend, with a link of its own.
type Node struct {
	b *Backend

	mu     sync.Mutex
	link   Link
	late   time.Duration // how late the feed comes
	blind  bool          // watchers do not notice another epoch
	faults map[string]error
	count  map[string]int
	before map[string]func()
	turned chan struct{} // closed and replaced when any of it changes
	closed chan struct{}
	isOver bool
}

var _ store.Store = (*Node)(nil)

// Node opens one more store on the backend.
func (b *Backend) Node() *Node {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.nodes++; b.nodes == 1 {
		b.stop, b.done = make(chan struct{}), make(chan struct{})
		go b.run(b.stop, b.done) // Close waits for it
	}
	return &Node{b: b, turned: make(chan struct{}), closed: make(chan struct{}), faults: make(map[string]error),
		count: make(map[string]int), before: make(map[string]func())}
}

// Close lets go of the backend; the last one to close ends its goroutine.
func (n *Node) Close() error {
	n.mu.Lock()
	if n.isOver {
		n.mu.Unlock()
		return nil
	}
	n.isOver = true
	close(n.closed)
	n.mu.Unlock()
	b := n.b
	b.mu.Lock()
	b.nodes--
	last, stop, done := b.nodes == 0, b.stop, b.done
	b.mu.Unlock()
	if last {
		close(stop)
		<-done
	}
	return nil
}

func (n *Node) turn(f func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	f()
	close(n.turned)
	n.turned = make(chan struct{})
}

// Set sets the state of the link; watchers that wait feel it.
func (n *Node) Set(l Link) { n.turn(func() { n.link = l }) }

// Late makes the feed come late by d.
func (n *Node) Late(d time.Duration) { n.turn(func() { n.late = d }) }

// Blind makes the watchers that there are not notice another epoch: to them nothing happens any
// more, until they are made anew.
func (n *Node) Blind(blind bool) { n.turn(func() { n.blind = blind }) }

// Fail makes a method, in lower case, fail; nil heals it. "next" is that of watchers.
func (n *Node) Fail(method string, err error) { n.turn(func() { n.faults[method] = err }) }

// Before has f called ahead of each call of a method; nil: nothing.
func (n *Node) Before(method string, f func()) { n.turn(func() { n.before[method] = f }) }

// Calls tells how often a method was called.
func (n *Node) Calls(method string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.count[method]
}

// Unavailable is the error of a backend that is out of reach.
func Unavailable(op string) error {
	return &store.Error{Op: op, Backend: name, Kind: store.ErrUnavailable}
}

const name = "test"

func fail(op string, key store.Key, kind error) error {
	return &store.Error{Op: op, Backend: name, Key: key, Kind: kind}
}

// enter is what every call begins with: it gives the error that ends it, or holds the
// backend's lock.
func (n *Node) enter(ctx context.Context, op string, key store.Key) error {
	n.mu.Lock()
	n.count[op]++
	before := n.before[op]
	n.mu.Unlock()
	if before != nil {
		before()
	}
	timeout := time.NewTimer(callTimeout)
	defer timeout.Stop()
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n.mu.Lock()
		link, over, fault, turned := n.link, n.isOver, n.faults[op], n.turned
		n.mu.Unlock()
		n.b.mu.Lock()
		switch {
		case over:
			n.b.mu.Unlock()
			return fail(op, key, store.ErrClosed)
		case fault != nil:
			n.b.mu.Unlock()
			return fault
		case link == Down:
			n.b.mu.Unlock()
			return fail(op, key, store.ErrUnavailable)
		case link == Whole && !n.b.stopped:
			return nil
		}
		news := n.b.news
		n.b.mu.Unlock()
		select {
		case <-ctx.Done():
		case <-turned:
		case <-news:
		case <-n.closed:
		case <-timeout.C:
			return fail(op, key, store.ErrUnavailable)
		}
	}
}

// Capabilities are those of a backend that several nodes share.
func (n *Node) Capabilities() store.Capabilities {
	return store.Capabilities{Backend: name, Shared: true, Durable: true, NativeLease: true, Resumable: true,
		TTLResolution: time.Millisecond, ExpiryLag: n.b.opts.Lag + 10*time.Millisecond, KeepBack: n.b.opts.KeepBack}
}

// Ping asks the backend whether it answers.
func (n *Node) Ping(ctx context.Context) error {
	if err := n.enter(ctx, "ping", store.Key{}); err != nil {
		return err
	}
	n.b.mu.Unlock()
	return nil
}

// Get gives a live record.
func (n *Node) Get(ctx context.Context, key store.Key) (*store.Record, error) {
	if err := n.enter(ctx, "get", key); err != nil {
		return nil, err
	}
	defer n.b.mu.Unlock()
	if l := n.b.live(key); l != nil {
		return l.rec, nil
	}
	return nil, fail("get", key, store.ErrNotFound)
}

// List gives one consistent view.
func (n *Node) List(ctx context.Context, sel store.Selector) (store.Snapshot, error) {
	if err := n.enter(ctx, "list", store.Key{}); err != nil {
		return store.Snapshot{}, err
	}
	defer n.b.mu.Unlock()
	return n.b.list(sel), nil
}

// History gives the newest events that match, oldest first.
func (n *Node) History(ctx context.Context, sel store.Selector, limit int) ([]store.Event, error) {
	if err := n.enter(ctx, "history", store.Key{}); err != nil {
		return nil, err
	}
	defer n.b.mu.Unlock()
	events := slices.DeleteFunc(slices.Clone(n.b.log), func(ev store.Event) bool { return !sel.Matches(ev.Key()) })
	return append([]store.Event{}, events[max(0, len(events)-limit):]...), nil
}

// Tombstones gives what is remembered of the earlier lives of a key.
func (n *Node) Tombstones(ctx context.Context, key store.Key) ([]store.Tombstone, error) {
	if err := n.enter(ctx, "tombstones", key); err != nil {
		return nil, err
	}
	defer n.b.mu.Unlock()
	if l := n.b.records[key]; l != nil && !l.alive() {
		n.b.number++ // whoever was just refused finds out why
		n.b.remove(l.rec, store.Reason{Code: store.Expired})
		n.b.wake()
	}
	return n.b.remembered(key), nil
}

// TimeToLive gives what remains of the leases.
func (n *Node) TimeToLive(ctx context.Context, refs []store.Ref) ([]time.Duration, error) {
	if err := n.enter(ctx, "timetolive", store.Key{}); err != nil {
		return nil, err
	}
	defer n.b.mu.Unlock()
	left := make([]time.Duration, len(refs))
	for i, ref := range refs {
		l, err := n.b.held(ref)
		switch {
		case err != nil:
			left[i] = -1
		case !l.end.IsZero():
			left[i] = time.Until(l.end)
		}
	}
	return left, nil
}
