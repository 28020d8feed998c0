package storetest

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/roster-sd/roster/store"
)

var expireRaceSpecs = []spec{
	{name: "expire/against-renewal", prove: expireAgainstRenew},
	{name: "expire/against-registration", prove: expireAgainstRegister},
	{name: "expire/against-deregister", prove: expireAgainstDeregister},
	{name: "expire/over-for-every-call", prove: expireInstant, needs: []need{needFakeTime}},
	{name: "expire/over-before-it-is-announced", prove: expireUnannounced},
	{name: "expire/mass-is-hidden-at-once", prove: expireMassHides, needs: []need{needFakeTime}},
}

// contested registers n records with one TTL and calls act for each at about the moment
// at which its lease ends: some before, some after, some at the very instant.
func (e *env) contested(n int, act func(i int, l lease) error) []lease {
	e.t.Helper()
	leases := make([]lease, n)
	var done sync.WaitGroup
	errs := make([]error, n)
	for i := range leases {
		leases[i] = e.leased(store.InstanceKey("user", fmt.Sprint(i)), e.unit)
		done.Go(func() {
			at := leases[i].from.Add(leases[i].TTL + time.Duration(i%5-2)*time.Millisecond)
			timer := time.NewTimer(time.Until(at))
			defer timer.Stop()
			select {
			case <-timer.C:
				errs[i] = act(i, leases[i])
			case <-e.ctx.Done():
				errs[i] = e.ctx.Err()
			}
		})
	}
	done.Wait()
	if err := errors.Join(errs...); err != nil {
		e.t.Fatal(err)
	}
	return leases
}

// A renewal that was acknowledged was in time: the record lives on for a TTL. One that
// was refused was not: the record is gone. Nothing lies between.
func expireAgainstRenew(e *env) {
	const n = 40
	c := e.fromNow()
	results := make([]store.Renewal, n)
	ends := make([]time.Time, n)
	leases := e.contested(n, func(i int, l lease) error {
		rs, err := e.s.Renew(e.ctx, []store.Ref{l.Ref()})
		if err == nil {
			results[i], ends[i] = rs[0], time.Now()
		}
		return err
	})
	e.advance(e.unit / 2)
	for i, l := range leases {
		if results[i].Err == nil {
			e.lives(lease{Record: l.Record, from: ends[i]})
			continue
		}
		e.wantsLost(results[i].Err, "Renew at the deadline")
		e.gone(l.Key)
	}
	for gone := 0; gone < n; {
		ev := c.event(2*e.unit + e.h.Patience)
		if !ev.Deleted() {
			continue
		}
		gone++
		for i, l := range leases {
			if l.Key == ev.Key() && results[i].Err == nil && time.Since(ends[i]) < l.TTL-e.h.Slack-time.Millisecond {
				e.t.Errorf("%v left %v after a renewal that was acknowledged", l.Key, time.Since(ends[i]))
			}
		}
	}
	c.silent("the end of everything")
}

// An expiry never takes the record of a fresh registration with it.
func expireAgainstRegister(e *env) {
	const n = 40
	c := e.fromNow()
	fresh := make([]*store.Record, n)
	leases := e.contested(n, func(i int, l lease) (err error) {
		fresh[i], err = e.s.Register(e.ctx, sample(l.Key), store.Grant{TTL: lasting})
		return err
	})
	e.until(e.announced(leases[n-1]).Add(e.unit / 4))
	for _, rec := range fresh {
		e.alive(rec)
	}
	// Whether the old life ended by expiry or by replacement, its events are one story.
	v := view{}
	for _, ev := range c.all() {
		if why := v.apply(ev); why != "" {
			e.t.Errorf("the feed does not add up: %s", why)
		}
	}
	for _, rec := range fresh {
		if d := differ(rec, v[rec.Key]); d != "" {
			e.t.Errorf("the feed ends with another record of %v: %s", rec.Key, d)
		}
	}
}

// A life ends once: either its holder took it away or it ran out.
func expireAgainstDeregister(e *env) {
	const n = 40
	c := e.fromNow()
	refused := make([]error, n)
	leases := e.contested(n, func(i int, l lease) error {
		_, refused[i] = e.s.Deregister(e.ctx, l.Ref(), because(store.Deregistered))
		if refused[i] != nil && !isLost(refused[i]) {
			return refused[i]
		}
		return nil
	})
	why := map[store.Key][]store.Code{}
	for len(why) < n {
		if ev := c.event(e.unit + e.h.Patience); ev.Deleted() {
			why[ev.Key()] = append(why[ev.Key()], ev.Reason.Code)
		}
	}
	for _, ev := range c.all() {
		why[ev.Key()] = append(why[ev.Key()], ev.Reason.Code)
	}
	for i, l := range leases {
		want := store.Deregistered
		if refused[i] != nil {
			want = store.Expired
		}
		if got := why[l.Key]; len(got) != 1 || got[0] != want {
			e.t.Errorf("%v left as %v, want once as %q", l.Key, got, want)
		}
	}
}

// However long the announcements take, no reader sees what has expired.
func expireMassHides(e *env) {
	const n = 5000
	var l lease
	for i := range n {
		l = e.leased(store.InstanceKey("user", fmt.Sprint(i)), e.unit)
	}
	e.until(l.from.Add(l.TTL - stallStep))
	if got := len(e.list(store.Selector{}).Records); got != n {
		e.t.Fatalf("%d records before the deadline, want %d", got, n)
	}
	e.untilOver(l)
	if got := len(e.list(store.Selector{}).Records); got != 0 {
		e.t.Errorf("%d records after the deadline", got)
	}
}
