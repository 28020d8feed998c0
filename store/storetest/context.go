package storetest

import (
	"context"
	"errors"
	"time"

	"github.com/roster-sd/roster/store"
)

var contextSpecs = []spec{
	{name: "context/canceled", prove: contextCanceled},
	{name: "context/deadline-passed", prove: contextDeadline},
	{name: "context/next", prove: contextNext},
	{name: "context/of-watch-does-not-outlive-the-call", prove: contextOfWatch},
}

// isContext checks that err is a context's, passed through as it is.
func (e *env) isContext(err, want error, doing string) {
	e.t.Helper()
	if !errors.Is(err, want) {
		e.t.Errorf("%s: error is %v, want %v", doing, err, want)
	}
	for _, kind := range kinds {
		if errors.Is(err, kind) {
			e.t.Errorf("%s: the context's error is also %q", doing, kind)
		}
	}
}

var kinds = []error{
	store.ErrNotFound, store.ErrLeaseLost, store.ErrConflict, store.ErrCompacted,
	store.ErrInvalid, store.ErrUnavailable, store.ErrUnsupported, store.ErrClosed,
}

// over calls every method with a context that is over and checks that none does anything.
func (e *env) over(ctx context.Context, want error) {
	e.t.Helper()
	rec := e.put(store.InstanceKey("user", "1"), lasting)
	c := e.fromNow()
	for _, call := range calls(e.s, rec) {
		e.isContext(call.do(ctx), want, call.op)
	}
	e.alive(rec)
	e.gone(store.InstanceKey("storetest", "fresh"))
	c.silent("calls whose context was over")
}

func contextCanceled(e *env) {
	ctx, cancel := context.WithCancel(e.ctx)
	cancel()
	e.over(ctx, context.Canceled)
}

func contextDeadline(e *env) {
	ctx, cancel := context.WithDeadline(e.ctx, time.Now().Add(-time.Second))
	defer cancel()
	e.over(ctx, context.DeadlineExceeded)
}

// Next waits as long as its context allows, and can be called again.
func contextNext(e *env) {
	c := e.fromNow()
	ctx, cancel := context.WithCancel(e.ctx)
	cancel()
	_, err := c.w.Next(ctx)
	e.isContext(err, context.Canceled, "Next")

	wait := max(50*time.Millisecond, e.h.Slack)
	ctx, cancel = context.WithTimeout(e.ctx, wait)
	defer cancel()
	start := time.Now()
	_, err = c.w.Next(ctx)
	e.isContext(err, context.DeadlineExceeded, "Next")
	if took := time.Since(start); took < wait || took > wait+e.h.Slack+e.late() {
		e.t.Errorf("Next waited %v, its context %v", took, wait)
	}
	rec := e.put(store.InstanceKey("user", "1"), lasting)
	if ev := c.soon(); ev.Revision != rec.Revision {
		e.t.Errorf("afterwards Next gave %v, want %v", ev.Revision, rec.Revision)
	}
}

// The context of Watch is for the call: the watcher lives until it is closed.
func contextOfWatch(e *env) {
	at := e.list(store.Selector{}).Revision
	ctx, cancel := context.WithCancel(e.ctx)
	w, err := e.s.Watch(ctx, store.Selector{}, at)
	if err != nil {
		e.t.Fatalf("Watch: %v", err)
	}
	c := &cursor{e: e, w: w, last: at}
	e.t.Cleanup(c.close)
	cancel()
	e.settle()
	rec := e.put(store.InstanceKey("user", "1"), lasting)
	if ev := c.soon(); ev.Revision != rec.Revision {
		e.t.Errorf("Next gave %v, want %v", ev.Revision, rec.Revision)
	}
}
