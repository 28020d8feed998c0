package registry

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/auth"
	"github.com/roster-sd/roster/store"
)

// TestBatchInARecovery: a batch of ten thousand instances that the backend has lost takes
// seconds, not minutes, of a backend that takes two milliseconds for a call; the results stand
// in order, and a bad item spoils none.
func TestBatchInARecovery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size, call = 10_000, 2 * time.Millisecond
		c, third := pair(t)
		b := c.nodes[1]
		beats := make([]Beat, size)
		want := make([]string, size)
		var last *store.Record
		for i := range beats {
			id := fmt.Sprint("o", i)
			token, digest, err := auth.NewToken()
			if err != nil {
				t.Fatal(err)
			}
			rec := store.Record{Key: keyOf(id), Owner: "orders", Tokens: store.Tokens{Used: digest}, Instance: registration("orders", id).Instance}
			rec.Instance.Health = store.HealthPassing
			if last, err = third.store.Register(t.Context(), rec, store.Grant{TTL: time.Minute}); err != nil {
				t.Fatal(err)
			}
			beats[i], want[i] = Beat{"orders", id, token}, "ok"
			if i%100 == 7 {
				beats[i].Token, want[i] = strings.Repeat("A", auth.TokenLength), "unauthenticated"
			}
		}
		if err := b.Catalog().Wait(t.Context(), last.Revision); err != nil {
			t.Fatal(err)
		}
		c.lose()
		pass(2 * time.Second)
		var busy, most atomic.Int64
		for _, op := range []string{"get", "register", "tombstones", "renew", "list"} {
			c.links[1].Before(op, func() {
				most.Store(max(most.Load(), busy.Add(1)))
				time.Sleep(call)
				busy.Add(-1)
			})
		}
		began := time.Now()
		for i, out := range b.Heartbeats(t.Context(), orders, beats) {
			if got := outcome(out.Err); got != want[i] || (got == "ok") != (out.TTL == time.Minute) {
				t.Fatalf("%d: %s, want %s", i, got, want[i])
			}
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("it took %v", took)
		}
		if most.Load() > atOnce {
			t.Errorf("%d calls at once", most.Load())
		}
		if got := len(c.backend.Snapshot().Records); got != size-size/100 {
			t.Errorf("%d came back", got)
		}
	})
}

// TestExhaustedOthers: an identity that has used up its lookups is still answered yes where
// yes is the answer: for tokens that the view knows, though it is stale, and for those that it
// knows as soon as it has caught up. What nobody knows is told to wait.
func TestExhaustedOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, third := pair(t)
		b := on(t, c.links[1], setup{lookups: &allowance{left: map[string]int{}}}) // nothing left
		known := third.register(orders, "known")
		synctest.Wait()
		nobody := strings.Repeat("A", auth.TokenLength)
		check := func(what string, beats []Beat, want ...string) {
			t.Helper()
			for i, out := range b.Heartbeats(t.Context(), orders, beats) {
				wantErr(t, fmt.Sprint(what, ", item ", i), out.Err, want[i])
			}
		}
		c.links[1].Late(200 * time.Millisecond)
		fresh := third.register(orders, "fresh") // within the lag of its feed
		lists := b.store.calls("list")
		began := time.Now()
		check("late", []Beat{{"orders", "known", nobody}, {"orders", "fresh", fresh.Token}, {"orders", "never", nobody},
			{"orders", "known", known.Token}}, "rate_limited", "ok", "rate_limited", "ok")
		if took := time.Since(began); took > catchUpPause+visibleWithin {
			t.Errorf("it took %v", took)
		}
		if n := b.store.calls("list") - lists; n != 1 {
			t.Errorf("asked %d times where the store is", n)
		}
		gets := b.store.calls("get")
		check("a flood", []Beat{{"orders", "known", nobody}, {"orders", "known", nobody}}, "rate_limited", "rate_limited")
		if n := b.store.calls("get") - gets; n != 0 {
			t.Errorf("%d reads for what nobody knows", n)
		}
		c.links[1].Late(0)
		b.store.fails(down("next"), "next", "watch")
		pass(time.Second)
		check("stale", []Beat{{"orders", "known", nobody}, {"orders", "known", known.Token}, {"orders", "fresh", fresh.Token}},
			"rate_limited", "ok", "ok")
		b.store.fails(nil, "next", "watch")
		pass(time.Second)
		third.stop()
		c.backend.Lose()
		pass(2 * time.Second)
		check("lost", []Beat{{"orders", "never", nobody}, {"orders", "known", known.Token}}, "rate_limited", "ok")
	})
}

// TestSpread: the first is tried alone; after one that could not be done none is begun.
func TestSpread(t *testing.T) {
	if got := spread(0, nil); len(got) != 0 {
		t.Error(got)
	}
	var done atomic.Int64
	for _, err := range spread(100, func(int) error { done.Add(1); return nil }) {
		if err != nil {
			t.Error(err)
		}
	}
	if done.Load() != 100 {
		t.Errorf("%d done", done.Load())
	}
	broken := errors.New("broken")
	done.Store(0)
	for i, err := range spread(100, func(int) error { done.Add(1); return broken }) {
		if (err != nil) != (i > 0) {
			t.Errorf("%d: %v", i, err)
		}
	}
	if done.Load() != 1 {
		t.Errorf("%d tried", done.Load())
	}
	done.Store(0)
	undone := 0
	for _, err := range spread(1000, func(i int) error {
		if done.Add(1) > 10 {
			return broken
		}
		return nil
	}) {
		if err != nil {
			undone++
		}
	}
	if n := int(done.Load()); n > 10+atOnce || n+undone != 1000 {
		t.Errorf("%d tried, %d not", n, undone)
	}
}
