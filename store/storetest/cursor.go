package storetest

import (
	"context"
	"fmt"
	"time"

	"github.com/roster-sd/roster/store"
)

// cursor is a watcher that checks the form of all it gives.
type cursor struct {
	e    *env
	w    store.Watcher
	sel  store.Selector
	last store.Revision
	left []store.Event // of the last batch, not yet taken
}

// follow watches; the watcher is closed at the end of the subtest.
func (e *env) follow(s store.Store, sel store.Selector, after store.Revision) *cursor {
	e.t.Helper()
	w, err := s.Watch(e.ctx, sel, after)
	if err != nil {
		e.t.Fatalf("Watch(%+v, %v): %v", sel, after, err)
	}
	c := &cursor{e: e, w: w, sel: sel, last: after}
	e.t.Cleanup(c.close)
	return c
}

// fromNow watches everything from the present revision on.
func (e *env) fromNow() *cursor {
	e.t.Helper()
	return e.follow(e.s, store.Selector{}, e.list(store.Selector{}).Revision)
}

func (c *cursor) close() {
	if err := c.w.Close(); err != nil {
		c.e.t.Errorf("Watcher.Close: %v", err)
	}
}

// next gives the next batch, checked. It may be called from any one goroutine.
func (c *cursor) next(wait time.Duration) ([]store.Event, error) {
	ctx, cancel := context.WithTimeout(c.e.ctx, wait)
	defer cancel()
	b, err := c.w.Next(ctx)
	if err != nil {
		return nil, fmt.Errorf("next after %v: %w", c.last, err)
	}
	if len(b.Events) == 0 {
		return nil, fmt.Errorf("the batch at %v has no event", b.Revision)
	}
	if end := b.Events[len(b.Events)-1].Revision; end != b.Revision {
		return nil, fmt.Errorf("the batch is of revision %v, its last event of %v", b.Revision, end)
	}
	if first := b.Events[0].Revision; !c.last.Before(first) {
		return nil, fmt.Errorf("a batch begins at %v, after %v was given", first, c.last)
	}
	for i := range b.Events {
		if why := c.odd(&b.Events[i]); why != "" {
			return nil, fmt.Errorf("event %d of the batch at %v: %s", i, b.Revision, why)
		}
		if i > 0 && b.Events[i].Revision.Before(b.Events[i-1].Revision) {
			return nil, fmt.Errorf("the batch at %v is out of order", b.Revision)
		}
	}
	c.last = b.Revision
	return b.Events, nil
}

// odd tells what is wrong with the form of an event.
func (c *cursor) odd(ev *store.Event) string {
	if ev.Record == nil && ev.Before == nil {
		return "names no record"
	}
	if why := oddEvent(ev); why != "" {
		return why
	}
	switch {
	case !c.sel.Matches(ev.Key()):
		return fmt.Sprintf("%v is not selected by %+v", ev.Key(), c.sel)
	case ev.Revision.Epoch != c.last.Epoch:
		return "is of another epoch than the events before"
	}
	return ""
}

// oddEvent tells what is wrong with an event wherever it comes from.
func oddEvent(ev *store.Event) string {
	if ev.Time <= 0 {
		return "has no time"
	}
	if ev.Before != nil && ev.Before.Revision.Epoch == ev.Revision.Epoch && !ev.Before.Revision.Before(ev.Revision) {
		return fmt.Sprintf("Before is of %v, not before %v", ev.Before.Revision, ev.Revision)
	}
	if ev.Deleted() {
		switch ev.Reason.Code {
		case store.Expired, store.Deregistered, store.Forced, store.Unreachable, store.ProcessExited:
			return ""
		}
		return fmt.Sprintf("deletes with the code %q", ev.Reason.Code)
	}
	if ev.Record.Revision != ev.Revision {
		return fmt.Sprintf("at %v has a record of %v", ev.Revision, ev.Record.Revision)
	}
	if ev.Before != nil && ev.Before.Key != ev.Record.Key {
		return fmt.Sprintf("turns %v into %v", ev.Before.Key, ev.Record.Key)
	}
	switch ev.Reason.Code {
	case store.Registered, store.Resurrected, store.Updated, store.Rotated, store.Suspected, store.Recovered, store.Checked:
		return ""
	}
	return fmt.Sprintf("puts with the code %q", ev.Reason.Code)
}

// event gives one event, in order.
func (c *cursor) event(wait time.Duration) store.Event {
	c.e.t.Helper()
	if len(c.left) == 0 {
		events, err := c.next(wait)
		if err != nil {
			c.e.t.Fatal(err)
		}
		c.left = events
	}
	ev := c.left[0]
	c.left = c.left[1:]
	return ev
}

// soon gives one event that must already have happened.
func (c *cursor) soon() store.Event {
	c.e.t.Helper()
	return c.event(c.e.h.Patience)
}

// all gives every event that happened up to now, by writing a mark that the cursor's
// selector chooses and reading up to it.
func (c *cursor) all() []store.Event {
	c.e.t.Helper()
	mark := c.e.mark(c.sel)
	var events []store.Event
	for {
		ev := c.soon()
		if ev.Key() == mark.Key {
			return events
		}
		if mark.Revision.Before(ev.Revision) {
			c.e.t.Fatalf("%v came before the mark at %v", ev.Revision, mark.Revision)
		}
		if isMark(ev.Key()) {
			continue
		}
		events = append(events, ev)
	}
}

// silent checks that nothing happened.
func (c *cursor) silent(after string) {
	c.e.t.Helper()
	for _, ev := range c.all() {
		c.e.t.Errorf("an event after %s: %s of %v at %v", after, ev.Reason.Code, ev.Key(), ev.Revision)
	}
}

// markPrefix begins the ID of every mark.
const markPrefix = "storetest-mark-"

// mark writes a record that does not expire and that the selector chooses.
func (e *env) mark(sel store.Selector) *store.Record {
	e.t.Helper()
	if sel.ID != "" {
		e.t.Fatal("a mark needs a selector that leaves the ID open")
	}
	*e.marks++
	key := store.Key{Kind: sel.Kind, Service: sel.Service, ID: fmt.Sprintf("%s%d", markPrefix, *e.marks)}
	if key.Kind == "" {
		key.Kind = store.KindNode
	}
	if key.Service == "" {
		key.Service = "storetest"
	}
	return e.put(key, 0)
}

func isMark(key store.Key) bool {
	return len(key.ID) > len(markPrefix) && key.ID[:len(markPrefix)] == markPrefix
}
