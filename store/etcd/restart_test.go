package etcd_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/roster-sd/roster/internal/etcdtest"
	"github.com/roster-sd/roster/internal/tcpproxy"
	"github.com/roster-sd/roster/store"
)

// etcd is killed and comes back with its data: nothing that was acknowledged is lost, the
// epoch stays, and the feed goes on without a gap.
func TestServerRestartsWithItsData(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t, quick)
	f := use(t, at(server))
	one := f.put(store.InstanceKey("user", "1"), lasting)
	w := f.watch(one.Revision)
	two := f.put(store.InstanceKey("user", "2"), lasting)
	events(t, w, 1)
	server.Restart(true)
	eventually(t, "the store answers", func() bool { return f.Ping(f.ctx) == nil })
	three := f.put(store.InstanceKey("user", "3"), lasting)
	if three.Revision.Epoch != one.Revision.Epoch {
		t.Errorf("the epoch went from %d to %d", one.Revision.Epoch, three.Revision.Epoch)
	}
	b, err := next(t, w, prompt)
	if err != nil { // it was told of the outage
		wants(t, err, store.ErrUnavailable, "Next after the restart")
		b, err = next(t, f.watch(two.Revision), prompt)
	}
	if err != nil || len(b.Events) != 1 || b.Events[0].Revision != three.Revision {
		t.Errorf("after the restart a watcher gives %+v, %v", b, err)
	}
	for i, r := range f.renew(one.Ref(), two.Ref(), three.Ref()) {
		if r.Err != nil || r.TTL != lasting {
			t.Errorf("renewal %d after the restart: %v, %v", i, r.TTL, r.Err)
		}
	}
	if n := len(f.list().Records); n != 3 {
		t.Errorf("%d records after the restart", n)
	}
}

// Once nothing answers, watchers are told, in whatever way the silence came, and so are calls.
func TestSilenceIsToldInTime(t *testing.T) {
	server := etcdtest.Start(t, quick)
	proxy, opts := behindProxy(t, server)
	told := make(chan store.Disturbance, 100)
	opts.OnDisturbance = func(d store.Disturbance) { told <- d }
	f := use(t, brisk(opts))
	rec := f.put(store.InstanceKey("user", "1"), lasting)
	for name, fault := range map[string]struct{ begin, end func() }{
		"stopped":    {server.Pause, server.Resume},
		"reset":      {func() { proxy.Cut(tcpproxy.Reset) }, proxy.Heal},
		"black hole": {func() { proxy.Cut(tcpproxy.BlackHole) }, proxy.Heal},
	} {
		t.Run(name, func(t *testing.T) {
			w := f.watch(rec.Revision)
			fault.begin()
			began := time.Now()
			wants(t, breaks(t, w, prompt), store.ErrUnavailable, "Next during the outage")
			if took := time.Since(began); took > prompt {
				t.Errorf("it took %v to be told", took)
			}
			began = time.Now()
			_, err := f.Renew(f.ctx, []store.Ref{rec.Ref()})
			wants(t, err, store.ErrUnavailable, "Renew during the outage")
			if took := time.Since(began); took > prompt {
				t.Errorf("a renewal took %v to fail", took)
			}
			fault.end()
			began = time.Now()
			eventually(t, "the store answers", func() bool { return f.Ping(f.ctx) == nil })
			if r := f.renew(rec.Ref()); r[0].Err != nil {
				t.Errorf("Renew after the outage: %v", r[0].Err)
			}
			rec = f.update(rec.Ref(), rec.Instance.Weight+1)
			if b, err := next(t, f.watch(store.Revision{Epoch: rec.Revision.Epoch, Number: rec.Revision.Number - 1}), prompt); err != nil || b.Revision != rec.Revision {
				t.Errorf("a watcher after the outage: %v, %v", b.Revision, err)
			}
			if took := time.Since(began); took > prompt {
				t.Errorf("it took %v to go on", took)
			}
			if d := <-told; d.At.Sub(d.From) < time.Second || d.Why == "" {
				t.Errorf("the disturbance told is %v long: %q", d.At.Sub(d.From), d.Why)
			}
		})
	}
}

// A node that starts later knows from etcd's past what happened before it: the history, and
// how lives ended that left no tombstone.
func TestLaterNodeKnowsThePast(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t, quick)
	a := use(t, at(server))
	w := a.watch(a.list().Revision)
	gone := a.put(store.InstanceKey("user", "1"), time.Second)
	removed := a.put(store.InstanceKey("user", "2"), lasting)
	a.remove(removed.Ref())
	feed := events(t, w, 4)
	b := use(t, at(server))
	past, err := b.History(b.ctx, store.Selector{}, 10)
	if err != nil {
		t.Fatalf("History: %v", err)
	}
	if len(past) != len(feed) {
		t.Fatalf("a later node has a history of %d events, want %d", len(past), len(feed))
	}
	for i := range feed {
		if past[i].Revision != feed[i].Revision || past[i].Reason != feed[i].Reason || past[i].Key() != feed[i].Key() {
			t.Errorf("event %d is %q of %v, was %q of %v", i, past[i].Reason.Code, past[i].Key(), feed[i].Reason.Code, feed[i].Key())
		}
		if d := past[i].Time - feed[i].Time; d > 2000 || d < -2000 {
			t.Errorf("event %d happened at %d for one and at %d for the other", i, past[i].Time, feed[i].Time)
		}
	}
	stones, err := b.Tombstones(b.ctx, gone.Key)
	if err != nil || len(stones) != 1 || stones[0].Reason.Code != store.Expired {
		t.Errorf("a later node remembers %+v, %v", stones, err)
	}
	if r := b.renew(gone.Ref()); r[0].Err == nil {
		t.Error("a later node renews what ran out")
	} else {
		wants(t, r[0].Err, store.ErrLeaseLost, "Renew of what ran out, on a later node")
	}
	// A position from before is good, too.
	got := events(t, b.watch(gone.Revision), 3)
	if got[2].Revision != feed[3].Revision {
		t.Errorf("a later node's watcher ends at %v, want %v", got[2].Revision, feed[3].Revision)
	}
}

// A watcher that was cut off while etcd was compacted is told so, and a list leads on.
func TestCompactedWhileCutOff(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t, quick)
	proxy, opts := behindProxy(t, server)
	far, near := use(t, opts), use(t, at(server))
	rec := near.put(store.InstanceKey("user", "1"), lasting)
	w := far.watch(rec.Revision)
	rec = near.update(rec.Ref(), 1)
	events(t, w, 1)
	proxy.Cut(tcpproxy.Reset)
	for i := range uint16(20) {
		rec = near.update(rec.Ref(), 100+i)
	}
	server.Do(compact)
	proxy.Heal()
	err := breaks(t, w, prompt)
	if err != nil && !isUnavailable(err) {
		wants(t, err, store.ErrCompacted, "Next after the compaction")
	}
	eventually(t, "the store answers", func() bool { return far.Ping(far.ctx) == nil })
	snap := far.list()
	if len(snap.Records) != 1 || snap.Records[0].Revision != rec.Revision {
		t.Fatalf("the list afterwards: %+v", snap.Records)
	}
	for try := uint16(0); ; try++ {
		w = far.watch(far.list().Revision)
		rec = near.update(rec.Ref(), 200+try)
		b, err := next(t, w, prompt)
		if try == 0 && errors.Is(err, store.ErrCompacted) {
			continue // the old feed had not found out before
		}
		if err != nil || b.Revision != rec.Revision {
			t.Errorf("after the list comes %v, %v, want %v", b.Revision, err, rec.Revision)
		}
		return
	}
}

// etcd goes back to a backup behind the back of a store that is cut off, and is past its
// old revision when the store comes back: it is a new epoch all the same.
func TestRewrittenBeyondTheOldEnd(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t, quick)
	proxy, opts := behindProxy(t, server)
	far := use(t, opts)
	rec := far.put(store.InstanceKey("user", "1"), lasting)
	rollback := server.Checkpoint()
	eventually(t, "the store answers", func() bool { return far.Ping(far.ctx) == nil })
	w := far.watch(rec.Revision)
	for i := range uint16(5) {
		rec = far.update(rec.Ref(), 10+i)
	}
	events(t, w, 5)
	proxy.Cut(tcpproxy.Reset)
	rollback()
	near := use(t, at(server))
	other, err := near.Get(near.ctx, rec.Key)
	if err != nil {
		t.Fatal(err)
	}
	for i := range uint16(20) {
		other = near.update(other.Ref(), 100+i)
	}
	if !rec.Revision.Before(other.Revision) {
		t.Fatalf("the test is not past %v, but at %v", rec.Revision, other.Revision)
	}
	proxy.Heal()
	if err := breaks(t, w, prompt); !isUnavailable(err) {
		wants(t, err, store.ErrCompacted, "Next over a past that was rewritten")
	}
	eventually(t, "another epoch", func() bool {
		snap, err := far.List(far.ctx, store.Selector{})
		return err == nil && snap.Revision.Epoch != rec.Revision.Epoch
	})
	eventually(t, "the same epoch on the other node", func() bool {
		return near.list().Revision.Epoch == far.list().Revision.Epoch
	})
	_, err = far.Watch(far.ctx, store.Selector{}, rec.Revision)
	wants(t, err, store.ErrCompacted, "Watch from a position that was rewritten")
	// Leases that etcd kept are good in the new epoch, too.
	now, err := far.Get(far.ctx, rec.Key)
	if err != nil {
		t.Fatal(err)
	}
	if r := far.renew(now.Ref()); r[0].Err != nil {
		t.Errorf("Renew in the new epoch: %v", r[0].Err)
	}
	if next := far.put(rec.Key, lasting); next.Generation <= now.Generation {
		t.Errorf("generation %d follows %d", next.Generation, now.Generation)
	}
}

// A revision of many large events arrives in pieces, and is given whole.
func TestLargeRevisionIsNotSplit(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t, quick)
	f := use(t, at(server))
	const n = 120
	w := f.watch(f.list().Revision)
	for i := range n {
		in := sample(store.InstanceKey("user", string(rune('A'+i))))
		in.Instance.Meta = `{"x":"` + strings.Repeat("m", 30<<10) + `"}`
		if _, err := f.Register(f.ctx, in, store.Grant{TTL: lasting}); err != nil {
			t.Fatal(err)
		}
	}
	events(t, w, n)
	server.Do(func(ctx context.Context, c *clientv3.Client) error {
		_, err := c.Delete(ctx, "/roster/r/", clientv3.WithPrefix())
		return err
	})
	b, err := next(t, w, prompt)
	if err != nil || len(b.Events) != n {
		t.Fatalf("%d events of a revision with %d, %v", len(b.Events), n, err)
	}
	for _, ev := range b.Events {
		if !ev.Deleted() || ev.Revision != b.Revision || ev.Before.Instance.Meta == "" {
			t.Fatalf("%+v in the batch at %v", ev, b.Revision)
		}
	}
}
