package registry

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/auth"
	"github.com/roster-sd/roster/catalog"
	"github.com/roster-sd/roster/internal/limit"
	"github.com/roster-sd/roster/store"
)

// tally is a limiter that counts what it is charged.
type tally struct {
	*limit.Rate
	charged atomic.Int64
}

func (l *tally) Allow(identity string) time.Duration {
	l.charged.Add(1)
	return l.Rate.Allow(identity)
}

// fleet registers instances of one identity, and rotates the token of each. It gives the
// heartbeats with the tokens of before and with the new ones.
func (n *node) fleet(size int) (old, beats []Beat) {
	n.Helper()
	for i := range size {
		id := fmt.Sprintf("o%d", i)
		first := n.register(orders, id)
		second, err := n.Rotate(n.Context(), orders, "orders", id, first.Token)
		if err != nil {
			n.Fatal(err)
		}
		old = append(old, Beat{"orders", id, first.Token})
		beats = append(beats, Beat{"orders", id, second.Token})
	}
	return old, beats
}

func (n *node) wantAll(what string, out []Beaten, want string) {
	n.Helper()
	bad := make(map[string]int)
	for _, b := range out {
		if got := outcome(b.Err); got != want {
			bad[got]++
		}
	}
	if len(bad) > 0 {
		n.Errorf("%s: of %d, not %q: %v", what, len(out), want, bad)
	}
}

// TestFleetRotates: the first use of new tokens by a large healthy fleet is accepted whole,
// with one write for each and one wait for all, however the node learns of the tokens, and
// nobody is charged for it.
func TestFleetRotates(t *testing.T) {
	const size = 1_000
	for _, tc := range []struct {
		name string
		// where gives the node that is asked, which is behind from then on.
		where func(n *node) *node
		early bool // the node is behind ahead of the rotation
		late  bool // behind: the answer goes out before the write is visible
	}{
		{"node that is up to date", func(n *node) *node { return n }, false, false},
		{"node whose feed stops after the rotation", func(n *node) *node { n.store.hold(); return n }, false, true},
		{"node that has not heard of the rotation", func(n *node) *node {
			other := n.sibling()
			other.store.hold()
			return other
		}, true, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				no := &tally{Rate: limit.New(200, 200)}
				n := one(t, setup{lookups: no})
				var at *node
				if tc.early {
					at = tc.where(n)
				}
				old, beats := n.fleet(size)
				synctest.Wait()
				if at == nil {
					at = tc.where(n)
				}
				updates, began := at.store.calls("update"), time.Now()
				at.wantAll("first use", at.Heartbeats(t.Context(), orders, beats), "ok")
				took := time.Since(began)
				if took > visibleWithin || tc.late != (took == visibleWithin) {
					t.Errorf("took %v", took)
				}
				if waits := at.Stats().Waits.Load(); tc.late && waits != 1 || !tc.late && waits != 0 {
					t.Errorf("%d waits in vain", waits)
				}
				if got := at.store.calls("update") - updates; got != size {
					t.Errorf("%d tokens were promoted, not %d", got, size)
				}
				at.wantAll("second use", at.Heartbeats(t.Context(), orders, beats), "ok")
				if got := at.store.calls("update") - updates; got != size {
					t.Errorf("%d writes after the second use", got)
				}
				if got := no.charged.Load(); got != 0 {
					t.Errorf("charged %d for what was right", got)
				}
				wantErr(t, "a dead token", at.beat(orders, "o0", old[0].Token), "unauthenticated")
				if got := no.charged.Load(); got != 1 {
					t.Errorf("charged %d for one no", got)
				}
				at.wantAll("dead tokens", at.Heartbeats(t.Context(), orders, old[:199]), "unauthenticated")
				wantErr(t, "when nothing is left", at.beat(orders, "o0", strings.Repeat("A", auth.TokenLength)), "rate_limited")
			})
		})
	}
}

// TestTwiceInABatch: of an instance that stands in a batch more than once each item is
// answered as if it had come alone, in their order.
func TestTwiceInABatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := one(t, setup{})
		old, beats := n.fleet(1)
		synctest.Wait()
		updates := n.store.calls("update")
		out := n.Heartbeats(t.Context(), orders, []Beat{old[0], beats[0], beats[0], old[0], beats[0]})
		for i, want := range []string{"ok", "ok", "ok", "unauthenticated", "ok"} {
			wantErr(t, fmt.Sprint("item ", i), out[i].Err, want)
		}
		if got := n.store.calls("update") - updates; got != 1 {
			t.Errorf("%d writes", got)
		}
	})
}

// TestDeadWhereItDied: the node that has accepted the newer token no longer accepts the
// older one, for anything, however far its catalog is behind.
func TestDeadWhereItDied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := one(t, setup{})
		plain := orders
		plain.Unverified = true
		first := n.register(plain, "o1")
		synctest.Wait()
		n.store.hold()
		second, err := n.Rotate(t.Context(), plain, "orders", "o1", first.Token)
		wantErr(t, "rotate", err, "ok")
		wantErr(t, "the newer", n.beat(plain, "o1", second.Token), "ok")
		pass(3 * time.Second)
		h, _ := n.Catalog().Find("orders", "o1")
		if digest, _ := auth.Digest(first.Token); !n.verdict(h.Packed.Tokens(), digest).OK() {
			t.Fatal("the catalog is not behind: the test shows nothing")
		}
		before := n.revision()
		wantErr(t, "heartbeat", n.beat(plain, "o1", first.Token), "unauthenticated")
		wantErr(t, "batch", n.Heartbeats(t.Context(), plain, []Beat{{"orders", "o1", first.Token}})[0].Err, "unauthenticated")
		_, err = n.Update(t.Context(), plain, "orders", "o1", first.Token, Patch{Weight: ptr(uint16(7))})
		wantErr(t, "update", err, "unauthenticated")
		_, err = n.Rotate(t.Context(), plain, "orders", "o1", first.Token)
		wantErr(t, "rotate", err, "unauthenticated")
		_, err = n.Deregister(t.Context(), plain, "orders", "o1", first.Token, Removal{})
		wantErr(t, "deregister", err, "unauthenticated")
		reg := registration("orders", "o1")
		reg.Token = first.Token
		_, err = n.Register(t.Context(), plain, reg)
		wantErr(t, "takeover", err, "conflict")
		if got := n.revision(); got != before || n.listed() != "o1" {
			t.Errorf("the store moved from %v to %v", before, got)
		}
		reg.Token = second.Token
		_, err = n.Register(t.Context(), plain, reg)
		wantErr(t, "takeover with the newer", err, "ok")
	})
}

// TestLaggingReadsAreShared: while the catalog is behind, the store is read for all who
// ask, and not for each; who asks for the store itself is told what was so after that.
func TestLaggingReadsAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := one(t, setup{})
		release := n.store.hold()
		n.register(orders, "o1")
		n.store.meanwhile("list", func() { time.Sleep(10 * time.Millisecond) })
		crowd := func(consistent bool) int {
			lists, ended := n.store.calls("list"), make(chan error, 51)
			for range 17 {
				go func() {
					_, err := n.Resolve(t.Context(), orders, "orders", catalog.Choice{}, consistent)
					ended <- err
				}()
				go func() {
					_, _, err := n.Instance(t.Context(), orders, "orders", "o1", consistent)
					ended <- err
				}()
				go func() {
					v, err := n.Service(t.Context(), orders, "orders", consistent)
					if err == nil && v.Len() == 0 {
						err = context.DeadlineExceeded
					}
					ended <- err
				}()
			}
			for range 51 {
				if err := <-ended; err != nil {
					t.Error(err)
				}
			}
			return n.store.calls("list") - lists
		}
		if got := crowd(false); got < 1 || got > 2 {
			t.Errorf("%d lists for the first who ask", got)
		}
		if got := crowd(false); got != 0 {
			t.Errorf("%d lists for those who ask again", got)
		}
		if got := crowd(true); got < 1 || got > 2 {
			t.Errorf("%d lists for those who ask for the store", got)
		}

		// What is there was read before this write, and is not the answer to anyone.
		n.register(orders, "o2")
		n.wantSeen("after the next write", "o1 o2 ")
		// Another node's write this one has not acknowledged, but may be asked for.
		if _, err := n.store.inner.Register(t.Context(), store.Record{Key: store.InstanceKey("orders", "o3"), Owner: "x",
			Instance: registration("", "").Instance}, store.Grant{TTL: time.Hour}); err != nil {
			t.Fatal(err)
		}
		n.wantSeen("from what was read", "o1 o2 ")
		if got := n.seen(true); got != "o1 o2 o3 " {
			t.Errorf("consistent: %q", got)
		}
		release()
		synctest.Wait()
		lists := n.store.calls("list")
		n.wantSeen("caught up", "o1 o2 o3 ")
		if n.store.calls("list") != lists || len(n.lag.views) != 0 {
			t.Errorf("caught up: %d views are kept", len(n.lag.views))
		}
	})
}

// TestConsistentBeganAfter: a read of the store that was under way when the caller came
// is not its answer.
func TestConsistentBeganAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := one(t, setup{})
		n.register(orders, "o1")
		gate, reads := make(chan struct{}), 0
		old := &slow{Store: n.store.inner, gate: gate, reads: &reads}
		n.store.replace(old)
		ended := make(chan int, 1)
		go func() {
			v, _ := n.Service(t.Context(), orders, "orders", true)
			ended <- v.Len()
		}()
		synctest.Wait() // the first has what it read, and not answered yet
		if _, err := old.Register(t.Context(), store.Record{Key: store.InstanceKey("orders", "o2"), Owner: "x",
			Instance: registration("", "").Instance}, store.Grant{TTL: time.Hour}); err != nil {
			t.Fatal(err)
		}
		go func() { time.Sleep(time.Millisecond); close(gate) }()
		if v, err := n.Service(t.Context(), orders, "orders", true); err != nil || v.Len() != 2 {
			t.Errorf("%d instances, %v", v.Len(), err)
		}
		if got := <-ended; got != 1 || reads != 2 {
			t.Errorf("the first had %d, of %d reads: the test shows nothing", got, reads)
		}
	})
}

// slow holds back the answer of its first list until the gate is closed.
type slow struct {
	store.Store
	gate  chan struct{}
	reads *int
}

func (s *slow) List(ctx context.Context, sel store.Selector) (store.Snapshot, error) {
	snap, err := s.Store.List(ctx, sel)
	if *s.reads++; *s.reads == 1 {
		<-s.gate
	}
	return snap, err
}
