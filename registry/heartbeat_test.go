package registry

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/auth"
	"github.com/roster-sd/roster/store"
)

func TestHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := one(t, setup{tokens: TokenPolicy{TTL: time.Hour}})
		first := n.register(orders, "o1")
		gets := n.store.calls("get")
		revision := n.revision()
		for range 10 {
			pass(29 * time.Second)
			b, err := n.Heartbeat(t.Context(), orders, Beat{"orders", "o1", first.Token})
			if err != nil || b.TTL != 30*time.Second || b.TokenExpires != first.TokenExpires || b.Err != nil {
				t.Fatalf("%+v, %v", b, err)
			}
			item, _, err := n.Instance(t.Context(), orders, "orders", "o1", false)
			if err != nil || item.LastHeartbeat != store.Now() {
				t.Fatalf("last heard of at %d, %v", item.LastHeartbeat, err)
			}
		}
		if n.store.calls("get") != gets || n.store.calls("renew") != 10 || n.revision() != revision {
			t.Errorf("%d reads, %d renewals, from %v to %v", n.store.calls("get")-gets, n.store.calls("renew"), revision, n.revision())
		}
	})
}

// TestOtherNode: what one node has just done the other one accepts at once, though its
// feed has not brought it yet: the catalog may say yes, never no.
func TestOtherNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := one(t, setup{tokens: TokenPolicy{TTL: time.Hour}})
		behind := n.sibling()
		release := behind.store.hold()
		began := time.Now()
		first := n.register(orders, "o1")
		wantErr(t, "heartbeat", behind.beat(orders, "o1", first.Token), "ok")
		out := behind.Heartbeats(t.Context(), orders, []Beat{{"orders", "o1", first.Token}})
		wantErr(t, "batch", out[0].Err, "ok")
		if out[0].TTL != 30*time.Second || out[0].TokenExpires != first.TokenExpires {
			t.Errorf("batch: %+v", out[0])
		}
		if waited := time.Since(began); waited != 0 {
			t.Errorf("it took %v", waited)
		}
		// It rotates there; the answer goes out within the time that one may wait.
		second, err := behind.Rotate(t.Context(), orders, "orders", "o1", first.Token)
		wantErr(t, "rotate", err, "ok")
		if waited := time.Since(began); waited > visibleWithin {
			t.Errorf("it took %v", waited)
		}
		wantErr(t, "the new token, here", n.beat(orders, "o1", second.Token), "ok")
		wantErr(t, "the new token, there", behind.beat(orders, "o1", second.Token), "ok")
		wantErr(t, "the old one, there", behind.beat(orders, "o1", first.Token), "unauthenticated")
		third := n.register(orders, "o1")
		wantErr(t, "replaced, there", behind.beat(orders, "o1", second.Token), "lease_lost replaced")
		wantErr(t, "a new generation, there", behind.beat(orders, "o1", third.Token), "ok")
		release()
		synctest.Wait()
		// Within the lag of the feed the other node may still take a superseded token, and
		// when the feed has come it does not.
		defer behind.store.hold()()
		fourth, err := n.Rotate(t.Context(), orders, "orders", "o1", third.Token)
		wantErr(t, "rotate, here", err, "ok")
		wantErr(t, "first use, here", n.beat(orders, "o1", fourth.Token), "ok")
		wantErr(t, "superseded, in the lag", behind.beat(orders, "o1", third.Token), "ok")
		wantErr(t, "superseded, here", n.beat(orders, "o1", third.Token), "unauthenticated")
	})
}

// TestBatch: outcomes align with their beats, and none spoils another.
func TestBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := one(t, setup{tokens: TokenPolicy{TTL: time.Hour},
			policy: auth.Policy{Services: []string{"orders"}}})
		if out := n.Heartbeats(t.Context(), orders, nil); len(out) != 0 {
			t.Fatal(out)
		}
		gone := n.register(orders, "gone")
		replaced := n.register(orders, "replaced")
		n.register(orders, "replaced")
		expired := n.register(orders, "expired")
		pass(29 * time.Second)
		tokens := make([]string, 100)
		for i := range tokens {
			tokens[i] = n.register(orders, fmt.Sprint("o", i)).Token
		}
		n.deregister(gone)
		pass(2 * time.Second)
		newest, err := n.Rotate(t.Context(), orders, "orders", "o7", tokens[7])
		if err != nil {
			t.Fatal(err)
		}
		wrong := strings.Repeat("A", auth.TokenLength)
		var beats []Beat
		var want []string
		add := func(service, id, token, outcome string) {
			beats, want = append(beats, Beat{service, id, token}), append(want, outcome)
		}
		for i, token := range tokens {
			id := fmt.Sprint("o", i)
			add("orders", id, token, "ok")
			switch i % 10 {
			case 0:
				add("orders", id, token, "ok") // again
			case 1:
				add("orders", id, wrong, "unauthenticated")
			case 2:
				add("orders", id, "", "unauthenticated")
			case 3:
				add("billing", id, token, "forbidden")
			case 4:
				add("orders", "", token, "invalid_request")
			case 5:
				add("orders", "nobody", token, "not_found")
			case 6:
				add("orders", "gone", gone.Token, "lease_lost deregistered")
			case 7:
				add("orders", "replaced", replaced.Token, "lease_lost replaced")
			case 8:
				add("orders", "expired", expired.Token, "lease_lost expired")
			case 9:
				add("orders", "o7", newest.Token, "ok")
			}
		}
		// From the first use of the newest token on the older one is dead, in one batch too;
		// this one came before it.
		out := n.Heartbeats(t.Context(), orders, beats)
		if len(out) != len(beats) {
			t.Fatalf("%d outcomes for %d beats", len(out), len(beats))
		}
		for i, b := range out {
			if got := outcome(b.Err); got != want[i] {
				t.Errorf("beat %d, %v: %s, want %s", i, beats[i].ID, got, want[i])
			} else if (b.TTL == 30*time.Second) != (got == "ok") {
				t.Errorf("beat %d: ttl %v with %s", i, b.TTL, got)
			}
		}
		// One call for all that the view knows.
		if got := n.store.calls("renew"); got != 1 {
			t.Errorf("%d calls to renew", got)
		}
		if got := n.store.calls("update"); got != 1+1 { // the rotation, the first use
			t.Errorf("%d updates", got)
		}
		wantErr(t, "the older token now", n.beat(orders, "o7", tokens[7]), "unauthenticated")
	})
}

// TestRenewFails: what the store did not accept is not acknowledged.
func TestRenewFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := one(t, setup{})
		first := n.register(orders, "o1")
		beats := []Beat{{"orders", "o1", first.Token}, {"orders", "o1", "bad"}, {"orders", "o2", first.Token}, {"orders", "o3", first.Token}}
		before, _, _ := n.Catalog().Get("orders", "o1")
		pass(time.Second)
		n.store.fails(down("renew"), "renew")
		wantErr(t, "heartbeat", n.beat(orders, "o1", first.Token), "unavailable")
		out := n.Heartbeats(t.Context(), orders, beats)
		for i, want := range []string{"unavailable", "unauthenticated", "unavailable", "unavailable"} {
			wantErr(t, fmt.Sprint("item ", i), out[i].Err, want)
		}
		if after, _, _ := n.Catalog().Get("orders", "o1"); after.LastHeartbeat != before.LastHeartbeat {
			t.Error("a renewal that failed counts as a sign of life")
		}
		if n.Stats().Renewed.Load() != 0 || n.store.calls("get") != 0 {
			t.Errorf("%d renewed, %d reads after the store was found away", n.Stats().Renewed.Load(), n.store.calls("get"))
		}

		// Unknown ones alone: the first question finds out, and is the last.
		n.store.fails(nil, "renew")
		n.store.fails(down("get"), "get")
		out = n.Heartbeats(t.Context(), orders, beats)
		for i, want := range []string{"ok", "unauthenticated", "unavailable", "unavailable"} {
			wantErr(t, fmt.Sprint("then item ", i), out[i].Err, want)
		}
		if got := n.store.calls("get"); got != 1 {
			t.Errorf("%d questions", got)
		}
		wantErr(t, "one unknown", n.beat(orders, "o2", first.Token), "unavailable")
		n.store.fails(nil, "get")
		n.store.fails(down("tombstones"), "tombstones")
		wantErr(t, "no word of the dead", n.beat(orders, "o2", first.Token), "unavailable")
		n.store.fails(nil, "tombstones")

		// Renewal and view disagree again and again.
		n.store.fails(nil, "tombstones")
		lost := &store.Error{Op: "renew", Backend: "test", Kind: store.ErrLeaseLost}
		n.store.inner = &refusing{Store: n.store.inner, err: lost}
		wantErr(t, "always lost", n.beat(orders, "o1", first.Token), "unavailable")
	})
}

// refusing renews nothing.
type refusing struct {
	store.Store
	err error
}

func (r *refusing) Renew(_ context.Context, refs []store.Ref) ([]store.Renewal, error) {
	out := make([]store.Renewal, len(refs))
	for i := range out {
		out[i].Err = r.err
	}
	return out, nil
}

// TestLookups: many who ask for one instance at once cost few reads; a read that was under
// way when a caller came does not decide on its own that the caller is refused.
func TestLookups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := one(t, setup{})
		behind := n.sibling()
		defer behind.store.hold()()
		slow := make(chan struct{})
		behind.store.meanwhile("get", func() { <-slow; time.Sleep(time.Millisecond) })
		var wg sync.WaitGroup
		ask := func(times int, token, want string) {
			for range times {
				wg.Go(func() { wantErr(t, "heartbeat", behind.beat(orders, "o1", token), want) })
			}
			synctest.Wait()
		}
		nobody := strings.Repeat("A", auth.TokenLength)
		ask(1, nobody, "not_found") // its read is under way
		behind.store.inner = &oldView{Store: behind.store.inner}
		first := n.register(orders, "o1")
		ask(50, first.Token, "ok")
		close(slow)
		wg.Wait()
		if got := behind.store.calls("get"); got != 2 {
			t.Errorf("%d reads", got)
		}

		// One who leaves spoils it for nobody.
		slow = make(chan struct{})
		leaving, leave := context.WithCancel(t.Context())
		wg.Go(func() {
			_, err := behind.Heartbeat(leaving, orders, Beat{"orders", "o1", first.Token})
			wantErr(t, "the one that left", err, "unavailable")
		})
		synctest.Wait()
		ask(5, first.Token, "ok")
		leave()
		synctest.Wait()
		close(slow)
		wg.Wait()

		// And a store that does not answer is not waited for without end.
		slow = make(chan struct{})
		defer close(slow)
		behind.store.meanwhile("get", func() {})
		behind.store.inner = &stuck{Store: behind.store.inner}
		began := time.Now()
		wantErr(t, "a store that hangs", behind.beat(orders, "o1", first.Token), "unavailable")
		if took := time.Since(began); took != readWithin {
			t.Errorf("after %v", took)
		}
	})
}

// oldView gives on its first read what was there before: nothing.
type oldView struct {
	store.Store
	once sync.Once
}

func (o *oldView) Get(ctx context.Context, key store.Key) (rec *store.Record, err error) {
	rec, err = o.Store.Get(ctx, key)
	o.once.Do(func() { rec, err = nil, &store.Error{Op: "get", Backend: "test", Key: key, Kind: store.ErrNotFound} })
	return rec, err
}

// stuck answers no read before its time is over.
type stuck struct{ store.Store }

func (s *stuck) Get(ctx context.Context, _ store.Key) (*store.Record, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}
