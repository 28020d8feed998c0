package registry

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/internal/audit"
	"github.com/roster-sd/roster/store"
)

// checked registers an instance that asks for a check, straight in the store.
func (n *node) checked(id string, evict bool) *store.Record {
	n.Helper()
	in := registration("orders", id).Instance
	in.Check = &store.Check{Type: store.CheckTCP, Interval: 10 * time.Second, Timeout: time.Second, Failures: 3, Successes: 2, Evict: evict}
	in.Health, in.Verdict = store.HealthFailing, &store.Verdict{Why: store.NotChecked}
	rec, err := n.store.inner.Register(n.Context(), store.Record{Key: store.InstanceKey("orders", id), Owner: "orders", Instance: in},
		store.Grant{TTL: time.Hour})
	if err != nil {
		n.Fatal(err)
	}
	return rec
}

func finding(rec *store.Record, why string) Finding {
	return Finding{Key: rec.Key, Generation: rec.Generation, Passing: why == "", Why: why}
}

// removing is that one failed again.
func removing(rec *store.Record) Finding {
	f := finding(rec, "connection refused")
	f.Remove = true
	return f
}

// report reports, and checks what came of it.
func (n *node) report(f Finding, changed bool, want error) *store.Record {
	n.Helper()
	got, err := n.ReportHealth(n.Context(), f)
	if got != changed || !errors.Is(err, want) {
		n.Errorf("%+v: changed %v, %v; want %v, %v", f, got, err, changed, want)
	}
	rec, err := n.store.inner.Get(n.Context(), f.Key)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		n.Fatal(err)
	}
	return rec
}

// TestReportHealth: what a check finds is written with the node and the time, once, and told.
func TestReportHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := one(t, setup{})
		rec := n.checked("o1", false)
		is := func(got *store.Record, health, why string) {
			t.Helper()
			in := got.Instance
			if in.Health != health || in.Verdict == nil || in.Verdict.Why != why || in.Verdict.Node != "n1" || in.Verdict.Since != store.At(time.Now()) {
				t.Errorf("%s, %+v", in.Health, in.Verdict)
			}
			if in.Unchecked() {
				t.Error("it stands as one that nobody looked at")
			}
			events, err := n.store.inner.History(n.Context(), store.Selector(rec.Key), 1)
			if err != nil || events[0].Reason != (store.Reason{Code: store.Checked, Note: why, Node: "n1"}) {
				t.Errorf("%+v, %v", events, err)
			}
		}
		// The first verdict is something new, also where it leaves the health as it is.
		is(n.report(finding(rec, "connection refused"), true, nil), store.HealthFailing, "connection refused")
		before := n.revision()
		n.report(finding(rec, "connection refused"), false, nil)
		n.report(finding(rec, "timed out after 1s"), false, nil)
		if n.revision() != before {
			t.Error("what is known was written again")
		}
		pass(time.Minute)
		is(n.report(finding(rec, ""), true, nil), store.HealthPassing, "")
		n.report(finding(rec, ""), false, nil)
		pass(time.Minute)
		is(n.report(finding(rec, "answered 503"), true, nil), store.HealthFailing, "answered 503")
		if n.logs.count("INFO instance fails its check") != 2 || n.logs.count("INFO instance passes its check") != 1 {
			t.Errorf("log:\n%v", n.logs)
		}
	})
}

// TestReportHealthOfASuspect: that it passes ends no suspicion, and that it fails is worse than one.
func TestReportHealthOfASuspect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := one(t, setup{})
		rec := n.checked("o1", false)
		n.report(finding(rec, ""), true, nil)
		if _, err := n.store.inner.Update(n.Context(), rec.Ref(), store.Reason{Code: store.Suspected}, func(x *store.Record) error {
			x.Instance.Health = store.HealthSuspect
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if got := n.report(finding(rec, ""), false, nil); got.Instance.Health != store.HealthSuspect {
			t.Errorf("passing, it is %s", got.Instance.Health)
		}
		if got := n.report(finding(rec, "connection refused"), true, nil); got.Instance.Health != store.HealthFailing {
			t.Errorf("failing, it is %s", got.Instance.Health)
		}
	})
}

// TestReportHealthOfAnother: what was found of one registration says nothing of the next, nor of
// what asks for no check any more, nor of what is gone.
func TestReportHealthOfAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := one(t, setup{})
		for _, evict := range []bool{false, true} {
			old := n.checked("o1", evict)
			now := n.checked("o1", evict)
			if got := n.report(finding(old, "connection refused"), false, ErrOutdated); got.Generation != now.Generation || !got.Instance.Unchecked() {
				t.Errorf("%+v", got)
			}
			if _, err := n.store.inner.Update(n.Context(), now.Ref(), store.Reason{}, func(x *store.Record) error {
				x.Instance.Check, x.Instance.Health, x.Instance.Verdict = nil, store.HealthPassing, nil
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			if got := n.report(finding(now, "connection refused"), false, ErrOutdated); got.Instance.Health != store.HealthPassing {
				t.Errorf("without a check it is %s", got.Instance.Health)
			}
			if _, err := n.store.inner.Deregister(n.Context(), now.Ref(), store.Reason{}); err != nil {
				t.Fatal(err)
			}
			n.report(finding(now, "connection refused"), false, ErrOutdated)
		}
	})
}

// TestReportUnreachable: an instance that asked for it is removed when it fails, and its holder is
// told why; a registration that comes between stays.
func TestReportUnreachable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var kinds []audit.Kind
		n := one(t, setup{audit: func(e audit.Event) { kinds = append(kinds, e.Kind) }})
		rec := n.checked("o1", true)
		n.report(finding(rec, ""), true, nil)
		n.report(removing(rec), false, ErrOutdated) // it passes, by what is written
		n.report(finding(rec, "connection refused"), true, nil)
		if got := n.report(removing(rec), true, nil); got != nil {
			t.Errorf("it is still there: %+v", got)
		}
		stones, err := n.store.inner.Tombstones(n.Context(), rec.Key)
		if want := (store.Reason{Code: store.Unreachable, Note: "connection refused", Node: "n1"}); err != nil || len(stones) != 1 || stones[0].Reason != want {
			t.Errorf("%+v, %v", stones, err)
		}
		if len(kinds) != 1 || kinds[0] != audit.Unreachable || n.logs.count("INFO instance fails its check and is removed") != 1 {
			t.Errorf("audited %v, log:\n%v", kinds, n.logs)
		}
		rec = n.checked("o1", true)
		var next *store.Record
		n.report(finding(rec, "connection refused"), true, nil)
		n.store.meanwhile("deregister", func() { next = n.checked("o1", true) })
		if got := n.report(removing(rec), false, ErrOutdated); got == nil || got.Generation != next.Generation {
			t.Errorf("the next registration: %+v", got)
		}
	})
}

// TestReportWhile: a node whose presence has ended changes nothing.
func TestReportWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := one(t, setup{})
		seat, err := n.store.inner.Register(n.Context(), store.Record{Key: store.Key{Kind: store.KindNode, Service: "roster", ID: "n1"}}, store.Grant{TTL: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		while := seat.Ref()
		mark, evict := n.checked("mark", false), n.checked("evict", true)
		under := func(f Finding) Finding { f.While = &while; return f }
		n.report(under(finding(mark, "")), true, nil)
		n.report(under(finding(evict, "connection refused")), true, nil)
		pass(2 * time.Minute)
		if got := n.report(under(finding(mark, "connection refused")), false, ErrAbsent); got.Instance.Health != store.HealthPassing {
			t.Errorf("marked: %s", got.Instance.Health)
		}
		if got := n.report(under(removing(evict)), false, ErrAbsent); got == nil {
			t.Error("removed")
		}
	})
}

// TestReportFails: other errors come through, and a report whose time is over does nothing.
func TestReportFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := one(t, setup{})
		rec := n.checked("o1", false)
		n.store.fails(down("update"), "update")
		n.report(finding(rec, ""), false, store.ErrUnavailable)
		n.store.fails(nil, "update")
		ctx, cancel := context.WithCancel(n.Context())
		cancel()
		if _, err := n.ReportHealth(ctx, finding(rec, "")); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

// TestReportSpares: nothing is removed of a service of which nearly all fail.
func TestReportSpares(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := one(t, setup{})
		rec := n.checked("o1", true)
		for _, id := range []string{"o2", "o3"} {
			n.report(finding(n.checked(id, false), "connection refused"), true, nil)
		}
		n.report(finding(rec, "connection refused"), true, nil)
		synctest.Wait()
		if got := n.report(removing(rec), false, ErrSpared); got == nil {
			t.Error("it was removed")
		}
		if x, err := n.ExplainInstance(n.Context(), orders, "orders", "o1", 1); err != nil || !x.Spared {
			t.Errorf("explained: %+v, %v", x, err)
		}
		if x, err := n.ExplainInstance(n.Context(), orders, "orders", "o2", 1); err != nil || x.Spared {
			t.Errorf("one that is only marked, explained: %+v, %v", x, err)
		}
		n.report(finding(n.checked("o3", false), ""), true, nil)
		synctest.Wait()
		if got := n.report(removing(rec), true, nil); got != nil {
			t.Error("it was not removed when one passes")
		}
	})
}
