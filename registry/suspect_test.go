package registry

import (
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/catalog"
	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/store/memory"
)

// stopped is the clock of a process that can be stopped: it then jumps.
type stopped struct {
	start time.Time
	ahead atomic.Int64
}

func (s *stopped) read() time.Duration { return time.Since(s.start) + time.Duration(s.ahead.Load()) }

// TestPause is invariant I8: after a pause of ten TTLs nobody is evicted who goes on
// renewing; until then they are suspect, and resolved after those who are not; whoever is
// silent for a TTL more is gone.
func TestPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := &stopped{start: time.Now()}
		n := one(t, setup{memory: memory.Options{Clock: clock.read}})
		other := n.sibling()
		const ttl = 30 * time.Second
		tokens := make(map[string]string)
		for i := range 20 {
			id := fmt.Sprint("o", i)
			tokens[id] = n.register(orders, id).Token
			pass(time.Second)
		}
		sub, _ := other.Catalog().Subscribe(nil)
		defer sub.Close()
		health := func() map[string]int {
			t.Helper()
			out := make(map[string]int)
			for item := range n.Catalog().Service("orders").Items("") {
				out[item.Record().Instance.Health]++
			}
			return out
		}
		clock.ahead.Add(int64(10 * ttl))
		pass(15 * time.Second) // those of the first five seconds are past the end of their own lease
		if got := health(); got["suspect"] == 0 || got["passing"] == 0 || got["suspect"]+got["passing"] != 20 {
			t.Fatalf("after the pause: %v", got)
		}
		fresh := n.register(orders, "fresh").Token
		for range 50 {
			item, err := n.Resolve(t.Context(), orders, "orders", catalog.Choice{}, false)
			if err != nil || item.Record().Instance.Health != store.HealthPassing {
				t.Fatalf("resolved %v, %v", item.Record(), err)
			}
		}
		// All but two renew: half of them here and alone, half there and in a batch.
		silent := map[string]bool{"o0": true, "o19": true}
		for range 8 {
			var beats []Beat
			for i := range 20 {
				id := fmt.Sprint("o", i)
				switch {
				case silent[id]:
				case i%2 == 0:
					wantErr(t, id, n.beat(orders, id, tokens[id]), "ok")
				default:
					beats = append(beats, Beat{"orders", id, tokens[id]})
				}
			}
			for i, b := range other.Heartbeats(t.Context(), orders, beats) {
				wantErr(t, beats[i].ID, b.Err, "ok")
			}
			wantErr(t, "fresh", n.beat(orders, "fresh", fresh), "ok")
			pass(10 * time.Second)
		}
		if got := health(); got["suspect"] != 0 || got["passing"] != 19 {
			t.Errorf("in the end: %v", got)
		}
		if got := len(n.listed()); got != len("fresh o1 o10 o11 o12 o13 o14 o15 o16 o17 o18 o2 o3 o4 o5 o6 o7 o8 o9") {
			t.Errorf("in the end: %q", n.listed())
		}
		gone := make(map[string]store.Code)
		recovered := 0
		changes, err := sub.Take()
		if err != nil {
			t.Fatal(err)
		}
		for _, ch := range changes {
			if ch.After == nil {
				gone[ch.Before.ID()] = ch.Reason.Code
			} else if ch.Reason.Code == store.Recovered {
				recovered++
			}
		}
		if fmt.Sprint(gone) != "map[o0:expired o19:expired]" || recovered == 0 || recovered > 18 {
			t.Errorf("gone %v, recovered %d", gone, recovered)
		}
		wantErr(t, "a silent one, too late", n.beat(orders, "o0", tokens["o0"]), "lease_lost expired")
	})
}

// TestRecoverFails: a renewal stands, though the word of the recovery did not get through;
// the next one brings it.
func TestRecoverFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := one(t, setup{})
		first := n.register(orders, "o1")
		mark := func(x *store.Record) error { x.Instance.Health = store.HealthSuspect; return nil }
		if _, err := n.store.Update(t.Context(), first.Record.Ref(), store.Reason{Code: store.Suspected}, mark); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		n.store.fails(down("update"), "update")
		wantErr(t, "heartbeat", n.beat(orders, "o1", first.Token), "ok")
		if n.logs.count("WARN suspect instance renewed") != 1 {
			t.Errorf("log:\n%v", n.logs)
		}
		n.store.fails(nil, "update")
		wantErr(t, "the next", n.beat(orders, "o1", first.Token), "ok")
		synctest.Wait()
		updates := n.store.calls("update")
		wantErr(t, "and one more", n.beat(orders, "o1", first.Token), "ok")
		item, _, _ := n.Catalog().Get("orders", "o1")
		if item.Record().Instance.Health != store.HealthPassing || n.store.calls("update") != updates {
			t.Errorf("%s, %d more updates", item.Record().Instance.Health, n.store.calls("update")-updates)
		}
	})
}
