package registry

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/auth"
)

// TestExplainService: totals, who left and why, who comes and goes, and whose heartbeats are late.
func TestExplainService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := one(t, setup{leases: defaultPolicy(20 * time.Second)})
		at := func(id string, port uint16) {
			reg := registration("orders", id)
			reg.Instance.Port = port
			if _, err := n.Register(t.Context(), orders, reg); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 4 { // a client that crashes, and takes a new ID at each start
			at(fmt.Sprintf("crash-%d", i), 9000)
			pass(25 * time.Second)
		}
		for range 3 { // one that keeps its ID
			at("again", 9001)
			pass(25 * time.Second)
		}
		old := n.register(orders, "old") // three in three hours are none too many
		for range 2 {
			pass(80 * time.Minute)
			old = n.register(orders, "old")
		}
		pass(16 * time.Second)
		wantErr(t, "late", n.beat(orders, "old", old.Token), "ok")
		n.register(billing, "new")

		x, err := n.ExplainService(t.Context(), orders, "orders", 3)
		if err != nil {
			t.Fatal(err)
		}
		if x.Instances != 2 || x.Up != 2 || x.States["up"] != 2 || x.Suspect != 0 || x.Node != "n1" ||
			fmt.Sprint(x.Owners) != "[{billing 1} {orders 1}]" || fmt.Sprint(x.Reasons) != "[{expired 9}]" || x.Registrations != 11 || x.Events != 20 {
			t.Errorf("%+v", x)
		}
		if len(x.Left) != 3 || x.Left[0].Record.Key.ID != "old" || x.Left[2].Record.Key.ID != "again" || x.Left[0].Rhythm == nil {
			t.Errorf("left: %+v", x.Left)
		}
		var flaps []string
		for _, f := range x.Flapping {
			flaps = append(flaps, fmt.Sprintf("%s/%d at %d: %d", f.ID, f.IDs, f.Port, f.Registrations))
		}
		if got, want := strings.Join(flaps, ", "), "/4 at 9000: 4, again/1 at 9001: 3"; got != want {
			t.Errorf("flapping: %s, want %s", got, want)
		}
		if len(x.Late) != 1 || x.Late[0].Record.Key.ID != "old" || x.Late[0].Rhythm.Largest != 16*time.Second {
			t.Errorf("late: %+v", x.Late)
		}
	})
}

// TestExplainHidden: what may not be discovered is told like what is nowhere.
func TestExplainHidden(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := one(t, setup{policy: auth.Policy{Rules: []auth.Rule{
			{Identity: "orders", Register: []string{"orders"}, Discover: []string{"orders"}},
			{Identity: "billing", Discover: []string{"bill*"}},
		}}})
		n.register(orders, "o1")
		text := func(err error) string { return strings.ReplaceAll(fmt.Sprint(err), "orders", "nobody") }
		_, a := n.ExplainInstance(t.Context(), billing, "orders", "o1", 5)
		_, b := n.ExplainInstance(t.Context(), billing, "nobody", "o1", 5)
		wantErr(t, "an instance", a, "not_found")
		if text(a) != text(b) {
			t.Errorf("hidden %v, nowhere %v", a, b)
		}
		_, a = n.ExplainService(t.Context(), billing, "orders", 5)
		_, b = n.ExplainService(t.Context(), billing, "nobody", 5)
		wantErr(t, "a service", a, "not_found")
		if text(a) != text(b) {
			t.Errorf("hidden %v, nowhere %v", a, b)
		}
		if n.store.calls("history") != 0 || n.store.calls("tombstones") != 0 {
			t.Error("the store was asked about what is hidden")
		}
		_, err := n.ExplainService(t.Context(), billing, "bills", 5)
		wantErr(t, "a service that there is not", err, "not_found")
		_, err = n.ExplainService(t.Context(), orders, "-", 5)
		wantErr(t, "no name", err, "invalid_request")
	})
}
