package storetest

import (
	"context"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/store"
)

// advance lets d pass: in a bubble at once, outside really.
func (e *env) advance(d time.Duration) {
	e.t.Helper()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-e.ctx.Done():
		e.t.Fatalf("the test ended while it waited for %v", d)
	}
}

// until lets time pass up to a moment; one that is over is no wait.
func (e *env) until(at time.Time) {
	e.t.Helper()
	if d := time.Until(at); d > 0 {
		e.advance(d)
	}
}

// settle lets everything that can run without time passing run. Outside a bubble it
// does nothing.
func (e *env) settle() {
	if e.h.Synctest {
		synctest.Wait()
	}
}

// eventually polls until ok is true.
func (e *env) eventually(what string, ok func() bool) {
	e.t.Helper()
	for end := time.Now().Add(e.h.Patience); !ok(); e.advance(10 * time.Millisecond) {
		if time.Now().After(end) {
			e.t.Fatalf("after %v still not: %s", e.h.Patience, what)
		}
	}
}

// patient gives a context for a call that must come back.
func (e *env) patient() (context.Context, context.CancelFunc) {
	return context.WithTimeout(e.ctx, e.h.Patience)
}

// lease is a record and the bounds between which its lease was started or renewed.
type lease struct {
	*store.Record
	from, to time.Time
}

// leased registers the sample record of a key and notes when.
func (e *env) leased(key store.Key, ttl time.Duration) lease {
	e.t.Helper()
	l := lease{from: time.Now()}
	l.Record = e.put(key, ttl)
	l.to = time.Now()
	return l
}

// renewed renews the lease and notes when.
func (e *env) renewed(l lease) lease {
	e.t.Helper()
	next := lease{Record: l.Record, from: time.Now()}
	if r := e.renew(l.Ref()); r.Err != nil {
		e.inTime(l)
		e.t.Fatalf("Renew of a live lease: %v", r.Err)
	}
	next.to = time.Now()
	return next
}

// lives checks that a record is there while its lease cannot be over.
func (e *env) lives(l lease) {
	e.t.Helper()
	if why := e.hides(l.Record); why != "" {
		e.inTime(l)
		e.t.Fatalf("%v after its lease of %v began: %s", time.Since(l.from), l.TTL, why)
	}
}

// inTime skips the test if the lease may be over because the machine, busy with other
// things, let this test wait for longer than it asked. In a bubble that cannot be.
func (e *env) inTime(l lease) {
	if past := time.Since(l.from); !e.h.Synctest && l.Lease != 0 && past >= l.TTL {
		e.t.Skipf("the machine is too busy to tell: %v passed instead of less than %v; a longer MinTTL helps", past, l.TTL)
	}
}

// earliest is the last moment at which the record must still be there.
func (e *env) earliest(l lease) time.Time {
	margin := e.h.Slack
	if e.h.Synctest {
		margin = time.Millisecond
	}
	return l.from.Add(l.TTL - margin)
}

// hidden is the first moment at which the record must not be seen any more. A backend
// that judges leases with its own clock may be late by its ExpiryLag.
func (e *env) hidden(l lease) time.Time {
	if e.h.Synctest {
		return l.to.Add(l.TTL + time.Millisecond)
	}
	at := l.to.Add(l.TTL + e.h.Slack)
	if e.caps.NativeLease {
		at = at.Add(e.caps.ExpiryLag)
	}
	return at
}

// untilHidden lets time pass until the record must not be seen any more. Outside a bubble a
// backend that ends leases by itself and is busy with other things is waited for.
func (e *env) untilHidden(l lease) {
	e.t.Helper()
	e.until(e.hidden(l))
	for end := time.Now().Add(e.late()); e.caps.NativeLease && time.Now().Before(end) && e.left(l.Ref()) >= 0; {
		e.advance(10 * time.Millisecond)
	}
}

// late is how late a thing may be on top of its bounds, for a machine that is busy with other
// things. A bubble has none.
func (e *env) late() time.Duration {
	if e.h.Synctest {
		return 0
	}
	return e.h.Patience
}

// announced is the last moment at which the deletion must be announced.
func (e *env) announced(l lease) time.Time {
	return l.to.Add(l.TTL + e.caps.ExpiryLag + e.h.Slack)
}

// expired gives a record whose lease ran out and whose deletion has been announced.
func (e *env) expired(key store.Key) *store.Record {
	e.t.Helper()
	c := e.follow(e.s, store.Selector(key), e.list(store.Selector(key)).Revision)
	defer c.close()
	l := e.leased(key, e.unit)
	e.expire(c, l)
	return l.Record
}

// expire waits for the announcement that a lease ran out on a cursor that has given
// everything else.
func (e *env) expire(c *cursor, l lease) {
	e.t.Helper()
	for {
		ev := c.event(time.Until(e.announced(l)) + e.h.Patience)
		if ev.Key() == l.Key && ev.Deleted() {
			if ev.Reason.Code != store.Expired {
				e.t.Fatalf("%v left as %q, want %q", l.Key, ev.Reason.Code, store.Expired)
			}
			return
		}
	}
}
