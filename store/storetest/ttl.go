package storetest

import (
	"fmt"
	"time"

	"github.com/roster-sd/roster/store"
)

var ttlSpecs = []spec{
	{name: "ttl/runs-down", prove: ttlRunsDown},
	{name: "ttl/aligned", prove: ttlAligned},
	{name: "ttl/empty", prove: ttlEmpty},
	{name: "ttl/asking-renews-nothing", prove: ttlAsking},
}

// left gives what remains of one lease.
func (e *env) left(ref store.Ref) time.Duration {
	e.t.Helper()
	return e.leftOf([]store.Ref{ref})[0]
}

func (e *env) leftOf(refs []store.Ref) []time.Duration {
	e.t.Helper()
	got, err := e.s.TimeToLive(e.ctx, refs)
	if err != nil {
		e.t.Fatalf("TimeToLive of %d refs: %v", len(refs), err)
	}
	if len(got) != len(refs) {
		e.t.Fatalf("TimeToLive of %d refs gave %d results", len(refs), len(got))
	}
	return got
}

// leftIs checks what remains of a live lease against the clock, to the backend's
// resolution.
func (e *env) leftIs(l lease, when string) {
	e.t.Helper()
	least := time.Now()
	got := e.left(l.Ref())
	margin := e.h.Slack + e.caps.TTLResolution
	if e.h.Synctest {
		margin += time.Millisecond
	}
	high, low := l.TTL-least.Sub(l.to)+margin, l.TTL-time.Since(l.from)-margin
	if got > high || got < low {
		e.t.Errorf("%s %v of %v remain, want between %v and %v", when, got, l.TTL, low, high)
	}
}

func ttlRunsDown(e *env) {
	l := e.leased(store.InstanceKey("user", "1"), 2*e.unit)
	e.leftIs(l, "at first")
	e.until(l.from.Add(l.TTL / 2))
	e.leftIs(l, "in the middle")
	l = e.renewed(l)
	e.leftIs(l, "after a renewal")
	e.update(l.Ref(), because(store.Updated), func(r *store.Record) error { r.Instance.Weight = 3; return nil })
	e.leftIs(l, "after an update")
	e.until(e.announced(l))
	e.untilHidden(l)
	if got := e.left(l.Ref()); got >= 0 {
		e.t.Errorf("after the end %v remain", got)
	}
}

// Each ref has its own answer in its own place; whatever is not under that lease is gone.
func ttlAligned(e *env) {
	a := e.put(store.InstanceKey("user", "a"), lasting)
	b := e.put(store.InstanceKey("user", "b"), 3*lasting)
	old := e.put(store.InstanceKey("user", "old"), lasting)
	now := e.put(old.Key, 2*lasting)
	dead := e.put(store.InstanceKey("user", "dead"), lasting)
	e.deregister(dead.Ref(), because(store.Deregistered))
	refs := []store.Ref{
		{Key: store.InstanceKey("user", "unknown"), Lease: 7}, a.Ref(), old.Ref(), b.Ref(), dead.Ref(), now.Ref(), a.Ref(),
		{Key: a.Key, Lease: b.Lease},
	}
	want := []time.Duration{-1, lasting, -1, 3 * lasting, -1, 2 * lasting, lasting, -1}
	for i, got := range e.leftOf(refs) {
		switch {
		case want[i] < 0 && got >= 0:
			e.t.Errorf("result %d, of a lease that is gone, is %v", i, got)
		case want[i] > 0 && (got > want[i]+e.unit+e.caps.TTLResolution || got < want[i]-e.h.Patience):
			e.t.Errorf("result %d is %v, want about %v", i, got, want[i])
		}
	}
}

func ttlEmpty(e *env) {
	for _, refs := range [][]store.Ref{nil, {}} {
		if got := e.leftOf(refs); len(got) != 0 {
			e.t.Errorf("TimeToLive of nothing gave %v", got)
		}
	}
}

// Looking is no renewal, and no change.
func ttlAsking(e *env) {
	l := e.leased(store.InstanceKey("user", "1"), e.unit)
	c := e.fromNow()
	for i := range 5 {
		e.until(l.from.Add(l.TTL * time.Duration(i) / 7))
		e.leftIs(l, fmt.Sprintf("asked %d times,", i))
	}
	e.alive(l.Record)
	c.silent("questions")
	e.untilHidden(l)
	e.gone(l.Key)
}
