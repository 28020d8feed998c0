package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/roster-sd/roster/store"
)

var watchSpecs = []spec{
	{name: "watch/strictly-after", prove: watchAfter},
	{name: "watch/every-kind-of-change", prove: watchKinds},
	{name: "watch/waits-for-what-comes", prove: watchWaits},
	{name: "watch/from-any-past-revision", prove: watchPast},
	{name: "watch/watchers-are-independent", prove: watchIndependent},
	{name: "watch/context-ends-a-call-not-the-watcher", prove: watchContext},
	{name: "watch/nothing-lost-to-contexts", prove: watchContexts},
	{name: "watch/closed", prove: watchClosed},
}

func watchAfter(e *env) {
	one := e.put(store.InstanceKey("user", "1"), lasting)
	two := e.put(store.InstanceKey("user", "2"), lasting)
	c := e.follow(e.s, store.Selector{}, one.Revision)
	if events := c.all(); len(events) != 1 || events[0].Revision != two.Revision {
		e.t.Errorf("after %v come %d events, want only the one at %v", one.Revision, len(events), two.Revision)
	}
	c = e.follow(e.s, store.Selector{}, two.Revision)
	for _, ev := range c.all() {
		if !two.Revision.Before(ev.Revision) {
			e.t.Errorf("after %v comes an event at %v", two.Revision, ev.Revision)
		}
	}
}

// One life, told by its events.
func watchKinds(e *env) {
	key := store.InstanceKey("user", "1")
	c := e.fromNow()
	rec := e.put(key, lasting)
	e.update(rec.Ref(), because(store.Updated), func(r *store.Record) error { r.Instance.Weight = 1; return nil })
	e.update(rec.Ref(), because(store.Rotated), func(r *store.Record) error { r.Tokens.HasNewest = true; return nil })
	e.renew(rec.Ref())
	e.put(key, lasting)
	e.deregister(store.Ref{Key: key}, because(store.Forced))
	old := e.expired(key)
	if _, err := e.resurrect(key, old.Generation, old.RegisteredAt); err != nil {
		e.t.Fatalf("resurrection: %v", err)
	}
	want := []store.Code{store.Registered, store.Updated, store.Rotated, store.Registered, store.Forced,
		store.Registered, store.Expired, store.Resurrected}
	var got []store.Code
	v := view{}
	for _, ev := range c.all() {
		got = append(got, ev.Reason.Code)
		if why := v.apply(ev); why != "" {
			e.t.Error(why)
		}
	}
	if !slices.Equal(got, want) {
		e.t.Errorf("events are %v, want %v", got, want)
	}
	e.alive(v[key])
}

// A call that waits is woken by a change, and only by one that it selects.
func watchWaits(e *env) {
	c := e.follow(e.s, store.Selector{Service: "user"}, e.list(store.Selector{}).Revision)
	type result struct {
		events []store.Event
		err    error
	}
	got := make(chan result, 1)
	go func() {
		events, err := c.next(e.h.Patience)
		got <- result{events, err}
	}()
	e.settle()
	e.put(store.InstanceKey("users", "1"), lasting)
	e.settle()
	select {
	case r := <-got:
		e.t.Fatalf("Next came back before there was anything for it: %d events, %v", len(r.events), r.err)
	default:
	}
	rec := e.put(store.InstanceKey("user", "1"), lasting)
	r := <-got
	if r.err != nil || len(r.events) != 1 || r.events[0].Revision != rec.Revision {
		e.t.Errorf("Next gave %d events, %v", len(r.events), r.err)
	}
}

// From each revision that was ever given, the rest follows.
func watchPast(e *env) {
	start := e.list(store.Selector{}).Revision
	positions := []store.Revision{start}
	for i := range 12 {
		rec := e.put(store.InstanceKey("user", fmt.Sprint(i%4)), lasting)
		positions = append(positions, rec.Revision)
	}
	for i, at := range positions {
		c := e.follow(e.s, store.Selector{Service: "user"}, at)
		for _, want := range positions[i+1:] {
			if ev := c.soon(); ev.Revision != want {
				e.t.Fatalf("after %v: an event at %v, want %v", at, ev.Revision, want)
			}
		}
		c.silent("the last revision")
		c.close()
	}
}

func watchIndependent(e *env) {
	a, b := e.fromNow(), e.fromNow()
	one := e.put(store.InstanceKey("user", "1"), lasting)
	if ev := a.soon(); ev.Revision != one.Revision {
		e.t.Fatalf("the first watcher gives %v", ev.Revision)
	}
	a.close()
	two := e.put(store.InstanceKey("user", "2"), lasting)
	for _, rec := range []*store.Record{one, two} {
		if ev := b.soon(); ev.Revision != rec.Revision {
			e.t.Fatalf("the second watcher gives %v, want %v", ev.Revision, rec.Revision)
		}
	}
}

// A context that ends while Next waits ends that call alone.
func watchContext(e *env) {
	c := e.fromNow()
	for range 3 {
		ctx, cancel := context.WithCancel(e.ctx)
		got := make(chan error, 1)
		go func() {
			_, err := c.w.Next(ctx)
			got <- err
		}()
		e.settle()
		cancel()
		e.isContext(<-got, context.Canceled, "Next")
	}
	rec := e.put(store.InstanceKey("user", "1"), lasting)
	if ev := c.soon(); ev.Revision != rec.Revision {
		e.t.Errorf("after canceled calls, Next gives %v, want %v", ev.Revision, rec.Revision)
	}
}

// Whatever Next is doing when its context ends, no event is lost or given twice.
func watchContexts(e *env) {
	const n = 300
	c := e.fromNow()
	wrote := make(chan error, 1)
	go func() {
		for i := range n {
			if _, err := e.s.Register(e.ctx, sample(store.InstanceKey("user", fmt.Sprint(i))), store.Grant{TTL: lasting}); err != nil {
				wrote <- err
				return
			}
		}
		wrote <- nil
	}()
	for seen, try := 0, 0; seen < n; try++ {
		ctx, cancel := e.patient()
		var ended sync.WaitGroup
		if try%3 != 0 {
			ended.Go(cancel) // before, while or after Next looks
		}
		b, err := c.w.Next(ctx)
		ended.Wait()
		cancel()
		if err != nil {
			if !errors.Is(err, context.Canceled) {
				e.t.Fatalf("Next: %v", err)
			}
			continue
		}
		for _, ev := range b.Events {
			if want := store.InstanceKey("user", fmt.Sprint(seen)); ev.Key() != want {
				e.t.Fatalf("event %d is of %v", seen, ev.Key())
			}
			seen++
		}
	}
	if err := <-wrote; err != nil {
		e.t.Fatal(err)
	}
}

// A watcher that was closed gives errors and leaves the store alone.
func watchClosed(e *env) {
	c := e.fromNow()
	e.put(store.InstanceKey("user", "1"), lasting)
	c.close()
	c.close()
	for range 2 {
		ctx, cancel := e.patient()
		if b, err := c.w.Next(ctx); err == nil || store.IsContext(err) {
			e.t.Errorf("Next of a closed watcher gave %d events, %v", len(b.Events), err)
		}
		cancel()
	}
	e.put(store.InstanceKey("user", "2"), lasting)
	e.fromNow().silent("nothing")
}
