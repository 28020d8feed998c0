package storetest

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/roster-sd/roster/store"
)

var compactSpecs = []spec{
	{name: "compact/no-revision", prove: compactZero},
	{name: "compact/another-epoch", prove: compactEpoch},
	{name: "compact/the-future", prove: compactFuture},
	{name: "compact/an-old-position", prove: compactOld, needs: []need{needCompact}},
	{name: "compact/a-watcher-that-lags", prove: compactLagging, needs: []need{needCompact}},
	{name: "compact/overflow", prove: compactOverflow, needs: []need{needOpenShort}},
	{name: "compact/a-watcher-that-is-overrun", prove: compactOverrun, needs: []need{needOpenShort}},
}

// compacted checks that a position cannot be watched from: Watch says so, or the first
// Next does and every one after it fails as well.
func (e *env) compacted(at store.Revision, what string) {
	e.t.Helper()
	e.compactedOn(e.s, store.Selector{}, at, what)
}

func (e *env) compactedOn(s store.Store, sel store.Selector, at store.Revision, what string) {
	e.t.Helper()
	w, err := s.Watch(e.ctx, sel, at)
	if err != nil {
		e.wants(err, store.ErrCompacted, "Watch from "+what)
		return
	}
	defer w.Close()
	for i := range 3 {
		ctx, cancel := e.patient()
		b, err := w.Next(ctx)
		cancel()
		switch {
		case err == nil:
			e.t.Fatalf("Next from %s gave %d events", what, len(b.Events))
		case i == 0:
			e.wants(err, store.ErrCompacted, "Next from "+what)
		case store.IsContext(err):
			e.t.Fatalf("Next number %d from %s waited, want an error at once", i, what)
		}
	}
}

// "Not set" is no position. A reader who has none lists.
func compactZero(e *env) {
	e.compacted(store.Revision{}, "the zero revision of an empty store")
	rec := e.put(store.InstanceKey("user", "1"), lasting)
	e.compacted(store.Revision{}, "the zero revision")
	e.compacted(store.Revision{Number: rec.Revision.Number}, "a revision without an epoch")
}

// A position of another epoch says nothing here, whatever its number.
func compactEpoch(e *env) {
	rec := e.put(store.InstanceKey("user", "1"), lasting)
	for _, epoch := range []uint64{rec.Revision.Epoch + 1, rec.Revision.Epoch - 1, 1, math.MaxUint64} {
		if epoch == rec.Revision.Epoch {
			continue
		}
		for _, number := range []uint64{0, 1, rec.Revision.Number, rec.Revision.Number + 1, math.MaxUint64} {
			e.compacted(store.Revision{Epoch: epoch, Number: number}, "another epoch")
		}
	}
	other := newEnv(e.t, e.h)
	if at := other.put(rec.Key, lasting).Revision; at.Epoch == rec.Revision.Epoch {
		e.t.Errorf("two fresh keyspaces have the epoch %v: it is not random", at.Epoch)
	} else {
		e.compacted(at, "a position of another keyspace")
	}
}

// A position that was never given is not known: it may be of a past that was lost.
func compactFuture(e *env) {
	rec := e.put(store.InstanceKey("user", "1"), lasting)
	far := rec.Revision
	far.Number += 1_000_000
	e.compacted(far, "a number far ahead")
	far.Number = math.MaxUint64
	e.compacted(far, "the last number")
}

// After a compaction, old positions fail loudly and the present one does not.
func compactOld(e *env) {
	rec := e.put(store.InstanceKey("user", "1"), lasting)
	for range 10 {
		e.update(rec.Ref(), because(store.Updated), func(r *store.Record) error { r.Instance.Weight++; return nil })
	}
	e.cluster.Compact(e.t)
	e.compacted(rec.Revision, "a position that was compacted")
	c := e.fromNow()
	e.alive(e.get(rec.Key))
	next := e.update(rec.Ref(), because(store.Updated), func(r *store.Record) error { r.Instance.Weight++; return nil })
	if events := c.all(); len(events) != 1 || events[0].Revision != next.Revision {
		e.t.Errorf("%d events of one update after a compaction", len(events))
	}
}

// A watcher that was overtaken by a compaction gives all that it missed, or says that
// it cannot.
func compactLagging(e *env) {
	const n = 50
	c := e.fromNow()
	rec := e.put(store.InstanceKey("user", "1"), lasting)
	for range n {
		e.update(rec.Ref(), because(store.Updated), func(r *store.Record) error { r.Instance.Weight++; return nil })
	}
	e.cluster.Compact(e.t)
	e.losslessOrLoud(c, n+2)
}

// losslessOrLoud reads a watcher to a mark that it writes, and checks that it gives all
// events there are, the mark's included, or ErrCompacted and then nothing but errors.
func (e *env) losslessOrLoud(c *cursor, want int) {
	e.t.Helper()
	events, err := c.drain(e.mark(store.Selector{}))
	if err == nil {
		if len(events) != want {
			e.t.Errorf("the watcher gave %d events of %d and no error", len(events), want)
		}
		return
	}
	if !errors.Is(err, store.ErrCompacted) {
		e.t.Fatalf("the watcher broke with %v, want ErrCompacted", err)
	}
	if _, err := c.next(e.h.Patience); err == nil || store.IsContext(err) {
		e.t.Errorf("after ErrCompacted, Next gave %v", err)
	}
}

// shortHistory is how many events a backend with a short memory keeps.
const shortHistory = 100

// short gives an environment whose backend has a short memory.
func (e *env) short() *env {
	h := e.h
	h.Open = func(t *testing.T) Cluster { return e.h.OpenShort(t, shortHistory) }
	return newEnv(e.t, h)
}

// History is bounded: what it forgets is compacted, and what it keeps is not.
func compactOverflow(e *env) {
	e = e.short()
	rec := e.put(store.InstanceKey("user", "1"), lasting)
	positions := []store.Revision{rec.Revision}
	for i := range 4 * shortHistory {
		got := e.update(rec.Ref(), because(store.Updated), func(r *store.Record) error { r.Instance.PID = i + 1; return nil })
		positions = append(positions, got.Revision)
	}
	e.compacted(positions[0], "a position that history has forgotten")
	past, err := e.s.History(e.ctx, store.Selector{}, 10*shortHistory)
	if err != nil || len(past) == 0 {
		e.t.Fatalf("History gave %d events, %v", len(past), err)
	}
	if len(past) > shortHistory {
		e.t.Errorf("History gave %d events, the limit is %d", len(past), shortHistory)
	}
	newest := positions[len(positions)-min(5, len(past)):]
	c := e.follow(e.s, store.Selector{}, newest[0])
	for _, want := range newest[1:] {
		if ev := c.soon(); ev.Revision != want {
			e.t.Errorf("after %v: an event at %v, want %v", newest[0], ev.Revision, want)
		}
	}
}

func compactOverrun(e *env) {
	e = e.short()
	c := e.fromNow()
	const n = 4 * shortHistory
	for i := range n {
		e.put(store.InstanceKey("user", fmt.Sprint(i%5)), lasting)
	}
	e.losslessOrLoud(c, n+1)
}
