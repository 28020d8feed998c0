package catalog

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/store"
)

// TestSubscribe: each subscriber is told of its services, from its view on, and woken
// for nothing else.
func TestSubscribe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Options{})
		for _, s := range []string{"b", "a", "empty"} {
			r.put(s, "1")
		}
		r.drop("empty", "1")
		r.settle()
		all, views := r.Subscribe(nil)
		if len(views) != 2 || views[0].Name != "a" || views[1].Name != "b" {
			t.Fatalf("views of all: %v", views)
		}
		two, views := r.Subscribe([]string{"b", "unknown"})
		if len(views) != 1 || views[0].Name != "b" || ids(views[0]) != "1" || two.Start() != Pure(r.Revision()) {
			t.Fatalf("views of two: %v", views)
		}
		one := r.Follow([]string{"a"})
		if n := r.Stats().Subscribers; n != 3 {
			t.Fatalf("%d subscribers", n)
		}
		inside, views := r.SubscribeInside()
		if len(views) != 2 || r.Stats().Subscribers != 3 {
			t.Fatalf("with one of the node's own: %v, %d subscribers", views, r.Stats().Subscribers)
		}
		if awake(all) || awake(two) || awake(one) {
			t.Fatal("woken before anything happened")
		}

		r.put("a", "2")
		r.settle()
		if awake(two) || !awake(one) || !awake(all) {
			t.Error("a change of a woke the wrong ones")
		}
		r.put("unknown", "1")
		r.drop("b", "1")
		r.settle()
		want(t, "of all", take(t, all), "+2 +1 -1")
		want(t, "of the node's own", take(t, inside), "+2 +1 -1")
		inside.Close()
		if n := r.Stats().Subscribers; n != 3 {
			t.Errorf("%d subscribers after the end of the node's own", n)
		}
		want(t, "of two", take(t, two), "+1 -1")
		want(t, "of one", take(t, one), "+2")
		want(t, "once", take(t, all), "")
		want(t, "the view then", ids(views[0]), "1")
	})
}

// TestChange: what a change tells, and that it is encoded once for all.
func TestChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Options{})
		one, _ := r.Subscribe(nil)
		two, _ := r.Subscribe([]string{"a"})
		first := r.put("a", "1")
		second := r.change("a", "1", weight(5))
		gone := r.drop("a", "1")
		r.settle()
		a, _ := one.Take()
		b, _ := two.Take()
		if len(a) != 3 || len(b) != 3 {
			t.Fatalf("%d and %d changes", len(a), len(b))
		}
		encodings := 0
		encodeChange := func(ch *Change) []byte { encodings++; return []byte(ch.Revision.String()) }
		for i, w := range []*Change{
			{Revision: first.Revision, After: store.Pack(first), Reason: store.Reason{Code: store.Registered}},
			{Revision: second.Revision, Before: store.Pack(first), After: store.Pack(second), Reason: store.Reason{Code: store.Updated}},
			{Revision: gone, Before: store.Pack(second), Reason: store.Reason{Code: store.Deregistered}},
		} {
			ch := a[i]
			if ch != b[i] {
				t.Errorf("change %d is not shared", i)
			}
			if ch.Revision != w.Revision || ch.Before != w.Before || ch.After != w.After || ch.Reason.Code != w.Reason.Code || ch.Service() != "a" {
				t.Errorf("change %d: %+v", i, ch)
			}
			if string(ch.Frame(encodeChange)) != w.Revision.String() || &ch.Frame(encodeChange)[0] != &b[i].Frame(encodeChange)[0] {
				t.Errorf("change %d: frame %s", i, ch.Frame(encodeChange))
			}
			if ch.After != nil {
				want(t, "item", string(ch.Item().AppendJSON(nil)), fmt.Sprintf(`%s,"lastHeartbeat":%d}`, encode(nil, ch.After.Record()), ch.After.RegisteredAt()))
			}
		}
		if encodings != 3 {
			t.Errorf("%d encodings", encodings)
		}
	})
}

// TestSlow: a subscriber that does not take is told to resync, and costs no more memory
// than its limit; the others are told all the same.
func TestSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Options{Pending: 8})
		slow, _ := r.Subscribe([]string{"a"})
		quick, _ := r.Subscribe([]string{"a"})
		idle, _ := r.Subscribe([]string{"b"})
		told := 0
		for i := range 1_000 {
			r.put("a", fmt.Sprint(i%10), weight(uint16(1+i)))
			r.settle()
			changes, err := quick.Take()
			if err != nil {
				t.Fatal(err)
			}
			told += len(changes)
			if n := len(slow.queue); n > 8 || cap(slow.queue) > 64 || slow.staged != nil {
				t.Fatalf("after %d changes %d wait, with room for %d, %d staged", i+1, n, cap(slow.queue), len(slow.staged))
			}
		}
		if told != 1_000 {
			t.Errorf("the quick one was told of %d", told)
		}
		for range 2 { // and again, until it resyncs
			if _, err := slow.Take(); !errors.Is(err, ErrLagged) {
				t.Fatalf("Take = %v", err)
			}
			if _, err := slow.Next(within(t, time.Minute)); !errors.Is(err, ErrLagged) {
				t.Fatalf("Next = %v", err)
			}
			if _, ok := slow.Position(); ok {
				t.Fatal("it lags and has a position")
			}
		}
		if n := r.Stats().Lagged; n != 1 {
			t.Errorf("%d lagged", n)
		}
		want(t, "the idle one", take(t, idle), "")
		views := slow.Resync()
		if len(views) != 1 || views[0].Len() != 10 || slow.Start() != Pure(r.Revision()) {
			t.Fatalf("after resync: %v at %v", views, slow.Start())
		}
		r.put("a", "x")
		r.settle()
		want(t, "after resync", take(t, slow), "+x")
	})
}

// TestLargeBatch: one revision may be larger than what may wait. It is taken whole, or,
// if it is out of all proportion, not at all.
func TestLargeBatch(t *testing.T) {
	for _, tc := range []struct {
		n      int
		lagged bool
	}{{8, false}, {9, false}, {32, false}, {33, true}, {400, true}} {
		t.Run(fmt.Sprint(tc.n), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := start(t, Options{Pending: 8})
				for i := range tc.n {
					r.putFor("a", fmt.Sprint(i), 5*time.Second)
				}
				r.settle()
				sub, _ := r.Subscribe(nil)
				r.pass(6 * time.Second)
				changes, err := sub.Take()
				if tc.lagged {
					if !errors.Is(err, ErrLagged) || len(changes) != 0 {
						t.Fatalf("%d changes, %v", len(changes), err)
					}
					if views := sub.Resync(); len(views) != 0 {
						t.Fatalf("%d views", len(views))
					}
				} else if err != nil || len(changes) != tc.n || changes[0].Revision != changes[tc.n-1].Revision {
					t.Fatalf("%d changes, %v", len(changes), err)
				}
				r.audit()
				// One that came after it was applied is not made to resync by it.
				late, _ := r.Subscribe(nil)
				if _, err := late.Take(); err != nil {
					t.Fatal(err)
				}
			})
		})
	}
}

func TestNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Options{})
		sub, _ := r.Subscribe(nil)
		if changes, err := sub.Next(within(t, time.Second)); !errors.Is(err, context.DeadlineExceeded) || changes != nil {
			t.Fatalf("%v, %v", changes, err)
		}
		time.AfterFunc(time.Minute, func() { r.put("a", "1") })
		changes, err := sub.Next(within(t, time.Hour))
		if err != nil || tell(changes) != "+1" {
			t.Fatalf("%v, %v", changes, err)
		}
		time.AfterFunc(time.Minute, sub.Close)
		for range 3 {
			if changes, err := sub.Next(within(t, time.Hour)); !errors.Is(err, ErrEnded) || changes != nil {
				t.Fatalf("%v, %v", changes, err)
			}
		}
	})
}

// TestClose: it may be called often and by anyone, and leaves nothing of the subscriber.
func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Options{})
		var subs []*Subscription
		for _, services := range [][]string{nil, {"a"}, {"a", "b"}, {"b", "b"}} {
			s, _ := r.Subscribe(services)
			subs = append(subs, s, r.Follow(services))
			s, ok := r.Resume(services, r.Position())
			if !ok {
				t.Fatal("no resume from here")
			}
			subs = append(subs, s)
		}
		if n := r.Stats().Subscribers; n != len(subs) {
			t.Fatalf("%d of %d subscribers", n, len(subs))
		}
		r.put("a", "1")
		r.settle()
		for i, s := range subs {
			s.Close()
			s.Close()
			if _, err := s.Take(); !errors.Is(err, ErrEnded) {
				t.Fatalf("Take = %v", err)
			}
			if n := r.Stats().Subscribers; n != len(subs)-1-i {
				t.Fatalf("%d subscribers after %d ended", n, i+1)
			}
		}
		r.put("a", "2")
		r.settle()
		if len(r.subs.all.set) != 0 || len(r.subs.service) != 0 {
			t.Errorf("left: %v, %v", r.subs.all, r.subs.service)
		}
		// One that ended while a change was on its way to it.
		late, _ := r.Subscribe(nil)
		r.deliver.Lock()
		late.staged = []*Change{{Revision: store.Revision{Epoch: late.Start().Epoch, Number: 1 << 60}}}
		late.Close()
		late.accept()
		r.deliver.Unlock()
		for _, s := range append(subs, late) {
			if s.queue != nil || s.staged != nil {
				t.Error("an ended subscriber was told")
			}
		}
	})
}
