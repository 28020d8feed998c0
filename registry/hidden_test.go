package registry

import (
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/roster-sd/roster/auth"
	"github.com/roster-sd/roster/store"
)

// TestHidden: whoever sees a part of the services learns nothing of the rest: not from the
// position of the list, and not by the rest crowding out what it may see.
func TestHidden(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := one(t, setup{policy: auth.Policy{Rules: []auth.Rule{
			{Identity: "orders", Register: []string{"*"}, Discover: []string{"*"}},
			{Identity: "billing", Discover: []string{"pub*"}},
		}}})
		put := func(service, id string) {
			t.Helper()
			if _, err := n.Register(t.Context(), orders, registration(service, id)); err != nil {
				t.Fatal(err)
			}
		}
		put("public", "o1")
		put("secret", "o1")
		list := func(c Caller, consistent bool) (string, store.Revision) {
			t.Helper()
			lines, changed, rev, err := n.Services(t.Context(), c, consistent)
			if err != nil || rev != n.Catalog().Revision() || changed.IsZero() {
				t.Fatalf("at %v of %v, %v", changed, rev, err)
			}
			return fmt.Sprint(lines), changed
		}
		for _, consistent := range []bool{false, true} {
			part, before := list(billing, consistent)
			whole, ours := list(orders, consistent)
			if part != "[{public 1 1}]" || whole[:2] != "[{" || before == ours {
				t.Errorf("%s at %v, %s at %v", part, before, whole, ours)
			}
			put("secret", fmt.Sprint("more", consistent))
			if part, now := list(billing, consistent); part != "[{public 1 1}]" || now != before {
				t.Errorf("a hidden change moved it from %v to %v", before, now)
			}
			if _, now := list(orders, consistent); now == ours {
				t.Error("the whole list did not move")
			}
		}
		_, before := list(billing, false)
		put("public", "o2")
		if part, now := list(billing, false); part != "[{public 2 2}]" || now == before {
			t.Errorf("%s at %v, and before at %v", part, now, before)
		}

		for i := range 300 {
			put("secret", fmt.Sprint("i", i))
		}
		events, err := n.Events(t.Context(), billing, "", "", 2)
		got := ""
		for ev := range events {
			got += ev.Key().Service + "/" + ev.Key().ID + " "
		}
		if err != nil || got != "public/o1 public/o2 " {
			t.Errorf("events %q, %v", got, err)
		}
		events, err = n.Events(t.Context(), orders, "", "", 3)
		got = ""
		for ev := range events {
			got += ev.Key().ID + " "
		}
		if err != nil || got != "i297 i298 i299 " {
			t.Errorf("events %q, %v", got, err)
		}
		n.store.fails(down("list"), "list")
		_, _, _, err = n.Services(t.Context(), orders, true)
		wantErr(t, "without a store", err, "unavailable")
	})
}
