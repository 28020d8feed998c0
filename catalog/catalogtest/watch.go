package catalogtest

import (
	"context"
	"sync"
	"time"

	"github.com/roster-sd/roster/store"
)

// silence is after how long a watcher notices that nothing comes any more.
const silence = time.Second

// batchOf is how many events a batch holds, or more where a revision has more.
const batchOf = 64

// Watch follows the changes after a revision.
func (n *Node) Watch(ctx context.Context, sel store.Selector, after store.Revision) (store.Watcher, error) {
	if err := n.enter(ctx, "watch", store.Key{}); err != nil {
		return nil, err
	}
	n.b.mu.Unlock()
	return &watcher{n: n, sel: sel, at: after, shut: make(chan struct{})}, nil
}

// watcher is a position in the log.
type watcher struct {
	n    *Node
	sel  store.Selector
	at   store.Revision
	shut chan struct{}
	once sync.Once

	mu     sync.Mutex
	broken error
}

// Close ends the watch.
func (w *watcher) Close() error {
	w.once.Do(func() { close(w.shut) })
	return nil
}

func (w *watcher) fails(kind error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.broken == nil {
		w.broken = fail("next", store.Key{}, kind)
	}
	return w.broken
}

// Next waits for the next batch.
func (w *watcher) Next(ctx context.Context) (store.Batch, error) {
	mute := time.NewTimer(silence)
	defer mute.Stop()
	for {
		if err := ctx.Err(); err != nil {
			return store.Batch{}, err
		}
		w.mu.Lock()
		broken := w.broken
		w.mu.Unlock()
		if broken != nil {
			return store.Batch{}, broken
		}
		batch, news, turned, state := w.look()
		switch {
		case state != nil:
			return store.Batch{}, w.fails(state)
		case len(batch.Events) > 0:
			if err := w.wait(ctx, batch.Revision); err != nil {
				return store.Batch{}, err
			}
			return batch, nil
		}
		var quiet <-chan time.Time
		if w.muted() {
			quiet = mute.C
		} else {
			mute.Reset(silence)
		}
		select {
		case <-ctx.Done():
		case <-news:
		case <-turned:
		case <-w.shut:
		case <-w.n.closed:
		case <-quiet:
			return store.Batch{}, w.fails(store.ErrUnavailable)
		}
	}
}

// wait holds back a batch for as long as the feed is late. What breaks meanwhile loses it.
func (w *watcher) wait(ctx context.Context, upTo store.Revision) error {
	w.n.mu.Lock()
	late := w.n.late
	w.n.mu.Unlock()
	if late > 0 {
		timer := time.NewTimer(late)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	w.n.mu.Lock()
	link, fault := w.n.link, w.n.faults["next"]
	w.n.mu.Unlock()
	if link != Whole || fault != nil {
		return w.fails(store.ErrUnavailable)
	}
	w.at = upTo
	return nil
}

func (w *watcher) muted() bool {
	w.n.mu.Lock()
	link := w.n.link
	w.n.mu.Unlock()
	w.n.b.mu.Lock()
	defer w.n.b.mu.Unlock()
	return link == Mute || w.n.b.stopped
}

// look gives what is there, or what is wrong, or what tells when to look again.
func (w *watcher) look() (batch store.Batch, news, turned <-chan struct{}, wrong error) {
	w.n.mu.Lock()
	link, fault, over, blind := w.n.link, w.n.faults["next"], w.n.isOver, w.n.blind
	turned = w.n.turned
	w.n.mu.Unlock()
	b := w.n.b
	b.mu.Lock()
	defer b.mu.Unlock()
	news = b.news
	select {
	case <-w.shut:
		over = true
	default:
	}
	switch {
	case over:
		return batch, news, turned, store.ErrClosed
	case link == Down || fault != nil:
		return batch, news, turned, store.ErrUnavailable
	case link == Mute || b.stopped:
		return batch, news, turned, nil
	case w.at.Epoch != b.epoch && blind:
		return batch, news, turned, nil
	case w.at.Epoch != b.epoch || w.at.Number > b.number || w.at.Number < b.floor:
		return batch, news, turned, store.ErrCompacted
	}
	for _, ev := range b.log {
		if ev.Revision.Number <= w.at.Number || !w.sel.Matches(ev.Key()) {
			continue
		}
		if len(batch.Events) >= batchOf && ev.Revision != batch.Revision {
			break
		}
		batch.Events, batch.Revision = append(batch.Events, ev), ev.Revision
	}
	return batch, news, turned, nil
}
