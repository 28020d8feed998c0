package registry

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/catalog"
	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/store/memory"
)

// seen gives what this node says of the service "orders" in each of its ways.
func (n *node) seen(consistent bool) string {
	n.Helper()
	view, err := n.Service(n.Context(), orders, "orders", consistent)
	if err != nil {
		return outcome(err)
	}
	got := ""
	for item := range view.Items("") {
		got += item.Record().Key.ID + " "
		one, rev, err := n.Instance(n.Context(), orders, "orders", item.Record().Key.ID, consistent)
		if err != nil || !reflect.DeepEqual(one.Packed(), item.Packed()) || rev != view.Revision {
			n.Errorf("the instance is %v at %v, %v; the view has %v at %v", one.Record(), rev, err, item.Record(), view.Revision)
		}
	}
	out, err := n.Resolve(n.Context(), orders, "orders", catalog.Choice{}, consistent)
	if (err == nil) != (got != "") || out.At != view.Revision {
		n.Errorf("resolve: %v at %v; the view has %q at %v", err, out.At, got, view.Revision)
	}
	return got
}

func (n *node) wantSeen(what, want string) {
	n.Helper()
	if got := n.seen(false); got != want {
		n.Errorf("%s: %q, want %q", what, got, want)
	}
}

// TestReadYourWrites: an answer waits until this node shows the write; where that takes
// too long it goes out, and reads of the service go to the store until the node has it.
func TestReadYourWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := one(t, setup{})
		release := n.store.hold()
		time.AfterFunc(100*time.Millisecond, release)
		began := time.Now()
		first := n.register(orders, "o1")
		if took := time.Since(began); took != 100*time.Millisecond || n.Stats().Waits.Load() != 0 {
			t.Errorf("took %v, %d answers came early", took, n.Stats().Waits.Load())
		}
		lists := n.store.calls("list")
		n.wantSeen("in time", "o1 ")
		if n.store.calls("list") != lists {
			t.Error("the store was asked")
		}

		release = n.store.hold()
		began = time.Now()
		n.register(orders, "o2")
		if took := time.Since(began); took != visibleWithin || n.Stats().Waits.Load() != 1 {
			t.Errorf("took %v, %d answers came early", took, n.Stats().Waits.Load())
		}
		if catalogHas := n.Catalog().Service("orders").Len(); catalogHas != 1 {
			t.Fatalf("the catalog has %d", catalogHas)
		}
		n.wantSeen("registered", "o1 o2 ")
		n.deregister(first)
		n.wantSeen("deregistered", "o2 ")
		if lists == n.store.calls("list") {
			t.Error("the store was not asked")
		}
		// Other services are not concerned.
		lists = n.store.calls("list")
		if _, err := n.Service(t.Context(), orders, "billing", false); err != nil || n.store.calls("list") != lists {
			t.Errorf("%v, and another service was read from the store", err)
		}
		// The list of services waits for a while, and then tells what there is.
		began = time.Now()
		if lines, _, _, err := n.Services(t.Context(), orders, false); fmt.Sprint(lines) != "[{orders 1 1 false}]" || err != nil {
			t.Errorf("services %v, %v", lines, err)
		}
		if took := time.Since(began); took != visibleWithin {
			t.Errorf("the list took %v", took)
		}

		release()
		synctest.Wait()
		lists = n.store.calls("list")
		n.wantSeen("caught up", "o2 ")
		if lists != n.store.calls("list") || n.lag.n.Load() != 0 {
			t.Errorf("%d services still lag", n.lag.n.Load())
		}
	})
}

// TestReadYourWritesInAnOutage: where the catalog lags and the store is gone, the last
// view is the answer, but not to those who asked for the store.
func TestReadYourWritesInAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := one(t, setup{})
		n.register(orders, "o1")
		release := n.store.hold()
		n.register(orders, "o2")
		end := n.store.outage()
		release()
		pass(time.Second)
		n.wantSeen("in the outage", "o1 ")
		if got := n.seen(true); got != "unavailable" {
			t.Errorf("consistent in the outage: %q", got)
		}
		if _, _, err := n.Instance(t.Context(), orders, "orders", "o1", true); outcome(err) != "unavailable" {
			t.Errorf("one, consistent: %v", err)
		}
		if _, err := n.Resolve(t.Context(), orders, "orders", catalog.Choice{}, true); outcome(err) != "unavailable" {
			t.Errorf("resolve, consistent: %v", err)
		}
		if _, err := n.Events(t.Context(), orders, "", "", 10); outcome(err) != "unavailable" {
			t.Errorf("events: %v", err)
		}
		if _, stale := n.Catalog().Stale(); !stale {
			t.Error("not stale")
		}
		end()
		pass(2 * time.Second)
		n.wantSeen("after it", "o1 o2 ")
	})
}

// TestCold: a node that has not listed the store yet asks it, and never says of a service
// that nobody serves it because it does not know.
func TestCold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := one(t, setup{idle: true})
		first := n.register(orders, "o1")
		n.wantSeen("cold", "o1 ")
		wantErr(t, "heartbeat", n.beat(orders, "o1", first.Token), "ok")
		began := time.Now()
		_, _, _, err := n.Services(t.Context(), orders, false)
		if wantErr(t, "services", err, "unavailable"); time.Since(began) != visibleWithin {
			t.Errorf("the list took %v", time.Since(began))
		}
		n.keep("o1", 2*unknownEpochFor)
		n.wantSeen("still cold", "o1 ")
		end := n.store.outage()
		n.wantSeen("cold, and no store", "unavailable")
		if _, err := n.Resolve(t.Context(), orders, "orders", catalog.Choice{}, false); outcome(err) != "unavailable" {
			t.Errorf("resolve: %v", err)
		}
		if _, _, err := n.Instance(t.Context(), orders, "orders", "o1", false); outcome(err) != "unavailable" {
			t.Errorf("instance: %v", err)
		}
		end()
		n.run()
		synctest.Wait()
		lists := n.store.calls("list")
		n.wantSeen("warm", "o1 ")
		if lists != n.store.calls("list") {
			t.Error("the store was asked by a warm node")
		}
		lines, _, _, err := n.Services(t.Context(), orders, false)
		if wantErr(t, "services", err, "ok"); fmt.Sprint(lines) != "[{orders 1 1 false}]" {
			t.Errorf("services %v", lines)
		}
	})
}

// TestReadYourWritesOverEpochs: a write of an epoch that the catalog has not noticed is
// shown from the store; one of an epoch that the catalog has left is not waited for.
func TestReadYourWritesOverEpochs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := one(t, setup{})
		n.register(orders, "old")
		synctest.Wait()
		other := memory.Open(memory.Options{})
		t.Cleanup(func() { other.Close() })
		n.store.replace(other)
		n.register(orders, "new")
		if got := n.Catalog().Service("orders").Len(); got != 1 {
			t.Fatalf("the catalog has %d", got)
		}
		n.wantSeen("of the next epoch", "new ")
		n.store.fails(down("next"), "next") // and now the catalog notices
		synctest.Wait()
		n.store.fails(nil, "next")
		pass(2 * time.Second)
		lists := n.store.calls("list")
		n.wantSeen("noticed", "new ")
		if lists != n.store.calls("list") {
			t.Error("the store was asked though the catalog has caught up")
		}

		n.store.hold()
		n.register(orders, "late")
		third := memory.Open(memory.Options{})
		t.Cleanup(func() { third.Close() })
		n.store.replace(third)
		n.store.fails(down("next"), "next")
		n.store.fails(nil, "next")
		pass(2 * time.Second)
		lists = n.store.calls("list")
		n.wantSeen("of an epoch that was left", "")
		if lists != n.store.calls("list") {
			t.Error("the store was asked for a write of the past")
		}
	})
}

// TestBehind is the rule of when a write is still to come, also where it cannot be known.
func TestBehind(t *testing.T) {
	at := func(epoch, number uint64) store.Revision { return store.Revision{Epoch: epoch, Number: number} }
	now := time.Now()
	for _, tc := range []struct {
		name    string
		b       behind
		applied store.Revision
		after   time.Duration
		still   bool
	}{
		{"not reached", behind{at(1, 5), 1, now}, at(1, 4), time.Hour, true},
		{"reached", behind{at(1, 5), 1, now}, at(1, 5), 0, false},
		{"past", behind{at(1, 5), 1, now}, at(1, 9), 0, false},
		{"left its epoch", behind{at(1, 5), 1, now}, at(2, 1), 0, false},
		{"not come to its epoch", behind{at(2, 5), 1, now}, at(1, 900), 0, true},
		{"not come to its epoch for long", behind{at(2, 5), 1, now}, at(1, 900), unknownEpochFor, false},
		{"come to its epoch, not reached", behind{at(2, 5), 1, now}, at(2, 4), time.Hour, true},
		{"come to its epoch, reached", behind{at(2, 5), 1, now}, at(2, 5), 0, false},
		{"past its epoch", behind{at(2, 5), 1, now}, at(3, 1), 0, false},
		{"cold", behind{at(1, 5), 0, now}, at(0, 0), 0, true},
	} {
		if got := tc.b.still(tc.applied, now.Add(tc.after)); got != tc.still {
			t.Errorf("%s: %v", tc.name, got)
		}
	}
}

func TestFailed(t *testing.T) {
	own := &Error{Code: Conflict}
	for _, tc := range []struct {
		err  error
		want string
	}{
		{nil, "ok"}, {own, "conflict"}, {fmt.Errorf("in a write: %w", own), "conflict"},
		{down("x"), "unavailable"},
		{&store.Error{Kind: store.ErrClosed}, "unavailable"},
		{&store.Error{Kind: store.ErrInvalid, Cause: errors.New("secret")}, "invalid_request"},
		{&store.Error{Kind: store.ErrUnsupported}, "internal"},
		{errors.New("anything"), "internal"},
	} {
		err := failed(tc.err)
		wantErr(t, fmt.Sprint(tc.err), err, tc.want)
		if tc.want == "ok" {
			continue
		}
		if got := CodeOf(err); string(got) != tc.want {
			t.Errorf("%v: code %s", tc.err, got)
		}
		var e *Error
		if errors.As(err, &e); e != own && (!errors.Is(err, tc.err) || e.Detail == "" || e.Detail == tc.err.Error()) {
			t.Errorf("%v: detail %q, cause %v", tc.err, e.Detail, e.Cause)
		}
	}
	if CodeOf(errors.New("not ours")) != Internal {
		t.Error("an error that is not ours has a code of ours")
	}
}
