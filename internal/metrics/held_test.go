package metrics

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/auth"
	"github.com/roster-sd/roster/catalog"
	"github.com/roster-sd/roster/catalog/catalogtest"
	"github.com/roster-sd/roster/lease"
	"github.com/roster-sd/roster/registry"
	"github.com/roster-sd/roster/store"
)

// TestHeld: what is held is told with the reason, by a backend in this process and by the
// catalog of one that is shared.
func TestHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := catalogtest.New(catalogtest.Options{})
		st := b.Node()
		defer st.Close()
		c := catalog.New(catalog.Options{Store: st, Encode: func(dst []byte, r *store.Record) []byte { return append(dst, r.Instance.Health...) }})
		r := registry.New(registry.Options{Store: st, Catalog: c, Leases: lease.DefaultPolicy, Authorizer: new(auth.Authorizer)})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- c.Run(ctx) }()
		for _, id := range []string{"1", "2"} {
			if _, err := st.Register(ctx, store.Record{Key: store.InstanceKey("a", id), Instance: store.Instance{Health: store.HealthPassing, Status: store.StatusUp}},
				store.Grant{TTL: 30 * time.Second}); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		m, local := New(""), New("")
		open, failing := true, true
		m.Follow(Sources{Catalog: c, Registry: r, Breaker: func() bool { return open }})
		local.Follow(Sources{Catalog: c, Registry: r, Held: func() int { return 7 }, StateFile: func() (int64, bool) { return 300, failing }})
		has(t, page(t, m), "roster_instances_held 0", `roster_instances_held_by_cause{cause="new_epoch"} 0`, "roster_backend_breaker_open 1")
		open = false
		b.Lose()
		time.Sleep(time.Second)
		synctest.Wait()
		has(t, page(t, m), "roster_instances_held 2", `roster_instances_held_by_cause{cause="new_epoch"} 2`,
			`roster_instances_held_by_cause{cause="outage"} 0`, `roster_instances_held_by_cause{cause="pause"} 0`,
			`roster_instances_held_by_cause{cause="backend"} 0`, `roster_instances_held_by_cause{cause="refused_renewal"} 0`,
			`roster_instances_held_by_cause{cause="early_end"} 0`, "roster_backend_breaker_open 0",
			"roster_leases_resurrected_total 0", "roster_instances_restored_total 0", "roster_leases_ended_early_total 0")
		has(t, page(t, local), "roster_instances_held 7", `roster_instances_held_by_cause{cause="pause"} 7`, "roster_backend_breaker_open 0",
			"roster_state_file_bytes 300", "roster_state_file_failing 1")
		failing = false
		has(t, page(t, local), "roster_state_file_failing 0")
		cancel()
		<-done
	})
}
