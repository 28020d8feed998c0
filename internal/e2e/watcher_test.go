//go:build unix

package e2e

import (
	"context"
	"errors"
	"time"

	"github.com/roster-sd/roster/client"
	"github.com/roster-sd/roster/internal/e2e/history"
	"github.com/roster-sd/roster/wire"
)

// follow watches everything on one node, and comes back to it with the last position
// whenever the connection is lost.
func (l *load) follow(node int) {
	w := &watcher{l: l, seer: l.rec.Watch("the watcher of node "+string(rune('0'+node)), true, nil)}
	for l.going() {
		w.connect(l.ctx, node)
		l.sleep(50 * time.Millisecond)
	}
}

// roam watches some services, and goes on with its position on another node every few
// seconds, and whenever the connection is lost.
func (l *load) roam(names []string) {
	w := &watcher{l: l, services: names, seer: l.rec.Watch("the watcher that roams", false, names)}
	for node := 0; l.going(); node = l.after(node) {
		ctx, cancel := context.WithTimeout(l.ctx, between(time.Second, 3*time.Second))
		w.connect(ctx, node)
		cancel()
		l.sleep(50 * time.Millisecond)
	}
}

// watcher is a reader of a stream of events.
type watcher struct {
	l        *load
	services []string
	seer     *history.Seer
	last     string // position
	parts    map[string]history.Item
}

// connect follows one connection to its end.
func (w *watcher) connect(ctx context.Context, node int) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	opts := client.WatchOptions{Services: w.services, After: w.last,
		// The client would connect again by itself, and nobody could tell.
		OnRetry: func(error, time.Duration) { cancel() }}
	events, err := w.l.clients[node].stream.Watch(ctx, opts)
	if err != nil {
		return
	}
	w.seer.Saw(history.Sighting{Type: history.Connected, Node: node})
	for {
		e, err := events.Next(ctx)
		if err != nil {
			break
		}
		w.event(node, &e)
	}
	events.Close()
	// A watcher that was closed lets go of its connection with the next call.
	if _, err := events.Next(context.Background()); !errors.Is(err, client.ErrClosed) {
		w.l.t.Errorf("a closed watcher says %v", err)
	}
}

// event records what the watcher is told.
func (w *watcher) event(node int, e *client.Event) {
	s := history.Sighting{Node: node}
	switch e.Type {
	case wire.WatchSnapshot:
		if e.First {
			w.parts = map[string]history.Item{}
		}
		for i := range e.Snapshot.Instances {
			in := &e.Snapshot.Instances[i]
			w.parts[nameOf(in)] = w.l.item(in)
		}
		if !e.Snapshot.Last {
			w.last = e.ID
			return
		}
		s.Type, s.View = history.Snapshot, w.parts
	case wire.WatchPut:
		s.Type, s.Name, s.Item = history.Put, nameOf(e.Instance), w.l.item(e.Instance)
	case wire.WatchDelete:
		s.Type, s.Name, s.Reason = history.Delete, e.Deleted.ServiceName+"/"+e.Deleted.InstanceID, e.Deleted.Reason
		s.Item.Revision = w.l.revision(e.Deleted.Revision)
	case wire.WatchResync:
		s.Type = history.Resync
	}
	// An event that says no position has that of an earlier one.
	if e.ID != w.last {
		s.Position, s.Marked = w.l.revision(e.ID), history.Marked(e.ID)
		if rev := s.Item.Revision; rev.Epoch == s.Position.Epoch && rev.Number > s.Position.Number {
			s.Position = history.Revision{} // it is that of a keep-alive
		}
	}
	w.last = e.ID
	w.seer.Saw(s)
}

func (l *load) item(in *wire.Instance) history.Item {
	return history.Item{Revision: l.revision(in.Revision), Weight: in.Weight, Health: in.Health}
}
