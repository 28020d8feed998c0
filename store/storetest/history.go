package storetest

import (
	"fmt"
	"math"

	"github.com/roster-sd/roster/store"
)

var historySpecs = []spec{
	{name: "history/empty", prove: historyEmpty},
	{name: "history/agrees-with-watch", prove: historyAgrees},
	{name: "history/newest-first-to-stay", prove: historyLimit},
	{name: "history/has-expiries", prove: historyExpired},
}

func (e *env) history(sel store.Selector, limit int) []store.Event {
	e.t.Helper()
	events, err := e.s.History(e.ctx, sel, limit)
	if err != nil {
		e.t.Fatalf("History(%+v, %d): %v", sel, limit, err)
	}
	if len(events) > limit {
		e.t.Fatalf("History(%+v, %d) gave %d events", sel, limit, len(events))
	}
	for i := range events {
		if why := oddEvent(&events[i]); why != "" {
			e.t.Errorf("event %d of the history %s", i, why)
		}
	}
	return events
}

func historyEmpty(e *env) {
	if events := e.history(store.Selector{}, 100); len(events) != 0 {
		e.t.Errorf("a fresh keyspace has a history of %d events", len(events))
	}
}

// The history is what a watcher saw, oldest first.
func historyAgrees(e *env) {
	c := e.fromNow()
	if err := e.churn(e.s, 1, 40, nil); err != nil {
		e.t.Fatal(err)
	}
	feed := c.all()
	got := withoutMarks(e.history(store.Selector{}, len(feed)+10))
	if why := sameFeed(feed, got); why != "" {
		e.t.Fatal(why)
	}
	for i := range feed {
		if feed[i].Reason != got[i].Reason || feed[i].Time != got[i].Time {
			e.t.Errorf("event %d: %+v at %d in the feed, %+v at %d in the history",
				i, feed[i].Reason, feed[i].Time, got[i].Reason, got[i].Time)
		}
	}
}

// Where there are more than were asked for, the newest are given, oldest first.
func historyLimit(e *env) {
	var at []store.Revision
	for i := range 12 {
		rec := e.put(store.InstanceKey(fmt.Sprint("user-", i%2), fmt.Sprint(i)), lasting)
		at = append(at, rec.Revision)
	}
	for _, limit := range []int{1, 3, 6, 7, 1000, math.MaxInt} {
		got := e.history(store.Selector{Service: "user-1"}, limit)
		want := min(limit, 6)
		if len(got) != want {
			e.t.Errorf("limit %d: %d events, want %d", limit, len(got), want)
			continue
		}
		for i, ev := range got {
			if place := 11 - 2*(want-1-i); ev.Revision != at[place] {
				e.t.Errorf("limit %d: event %d is at %v, want %v", limit, i, ev.Revision, at[place])
			}
		}
	}
	// "At most" none may be an empty answer or a refusal.
	if events, err := e.s.History(e.ctx, store.Selector{}, 0); err == nil && len(events) != 0 {
		e.t.Errorf("limit 0: %d events", len(events))
	}
}

func historyExpired(e *env) {
	rec := e.expired(store.InstanceKey("user", "1"))
	got := e.history(store.Selector(rec.Key), 10)
	if len(got) != 2 || !got[1].Deleted() || got[1].Reason.Code != store.Expired {
		e.t.Fatalf("the history of a life that ran out has %d events", len(got))
	}
	if d := differ(rec, got[1].Before); d != "" {
		e.t.Errorf("what expired: %s", d)
	}
}
