package storetest

import (
	"context"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/roster-sd/roster/store"
)

// node is one store on a naive backend.
type node struct {
	n      *naive
	closed bool
	ended  chan struct{}
}

var _ store.Store = (*node)(nil)

func (d *node) Capabilities() store.Capabilities { return d.n.caps }

func (d *node) Ping(ctx context.Context) error {
	if err := d.guard(ctx, "ping", store.Key{}); err != nil {
		return err
	}
	d.n.mu.Unlock()
	return nil
}

func (d *node) Close() error {
	d.n.mu.Lock()
	if d.closed {
		d.n.mu.Unlock()
		return nil
	}
	d.closed = true
	if !d.n.bad("leaves a Next waiting") {
		close(d.ended)
	}
	d.n.nodes--
	stop, done := d.n.stop, d.n.done
	last := d.n.nodes == 0
	d.n.mu.Unlock()
	if last && !d.n.bad("leaves a goroutine") {
		close(stop)
		<-done
	}
	return nil
}

func (d *node) Get(ctx context.Context, key store.Key) (*store.Record, error) {
	if err := d.guard(ctx, "get", key); err != nil {
		return nil, err
	}
	defer d.n.mu.Unlock()
	if h := d.n.live(key); h != nil {
		return h.rec, nil
	}
	return nil, d.err("get", key, store.ErrNotFound)
}

// selects is Matches, or one of the ways to get it wrong.
func (n *naive) selects(sel store.Selector, key store.Key) bool {
	switch {
	case n.bad("takes names for prefixes"):
		return strings.HasPrefix(key.Service, sel.Service) && (sel.Kind == "" || sel.Kind == key.Kind) && (sel.ID == "" || sel.ID == key.ID)
	case n.bad("ignores the kind"):
		sel.Kind = ""
	}
	return sel.Matches(key)
}

func (d *node) List(ctx context.Context, sel store.Selector) (store.Snapshot, error) {
	if err := d.guard(ctx, "list", store.Key{}); err != nil {
		return store.Snapshot{}, err
	}
	n := d.n
	defer n.mu.Unlock()
	var snap store.Snapshot
	now := time.Now()
	for key, h := range n.recs {
		if n.selects(sel, key) && (h.end.IsZero() || now.Before(h.end) || n.bad("lists what has expired")) {
			snap.Records = append(snap.Records, h.rec)
		}
	}
	if n.bad("tears snapshots") {
		n.mu.Unlock()
		for range 20 {
			runtime.Gosched()
		}
		n.mu.Lock()
	}
	snap.Revision = store.Revision{Epoch: n.epoch, Number: n.number}
	return snap, nil
}

func (d *node) History(ctx context.Context, sel store.Selector, limit int) ([]store.Event, error) {
	if err := d.guard(ctx, "history", store.Key{}); err != nil {
		return nil, err
	}
	defer d.n.mu.Unlock()
	var events []store.Event
	for _, ev := range d.n.log {
		if d.n.selects(sel, ev.Key()) {
			events = append(events, ev)
		}
	}
	if d.n.bad("gives the oldest history") {
		return events[:min(limit, len(events))], nil
	}
	return slices.Clone(events[max(0, len(events)-limit):]), nil
}

func (d *node) Tombstones(ctx context.Context, key store.Key) ([]store.Tombstone, error) {
	if err := d.guard(ctx, "tombstones", key); err != nil {
		return nil, err
	}
	defer d.n.mu.Unlock()
	return d.n.remembered(key), nil
}

func (d *node) TimeToLive(ctx context.Context, refs []store.Ref) ([]time.Duration, error) {
	if err := d.guard(ctx, "timetolive", store.Key{}); err != nil {
		return nil, err
	}
	defer d.n.mu.Unlock()
	left := make([]time.Duration, len(refs))
	for i, ref := range refs {
		left[i] = -1
		if h := d.n.live(ref.Key); h != nil && (h.rec.Lease == ref.Lease || d.n.bad("tells any lease's time")) && !h.end.IsZero() {
			left[i] = time.Until(h.end)
		}
	}
	return left, nil
}

// guard is what every call begins with: it gives the error that ends it, or holds the lock.
func (d *node) guard(ctx context.Context, op string, key store.Key) error {
	if err := ctx.Err(); err != nil && !d.n.bad("is deaf to contexts") {
		return err
	}
	d.n.mu.Lock()
	var kind error
	switch {
	case d.closed && !d.n.bad("answers when closed"):
		kind = store.ErrClosed
	case d.n.out && !(op == "renew" && d.n.bad("acknowledges in an outage")):
		kind = store.ErrUnavailable
	default:
		return nil
	}
	d.n.mu.Unlock()
	return d.err(op, key, kind)
}

func (d *node) err(op string, key store.Key, kind error) error {
	if d.n.bad("names no key in errors") {
		key = store.Key{}
	}
	if d.n.bad("gives bare errors") {
		return kind
	}
	return &store.Error{Op: op, Backend: "naive", Key: key, Kind: kind}
}
