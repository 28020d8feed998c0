package registry

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/auth"
	"github.com/roster-sd/roster/catalog"
	"github.com/roster-sd/roster/store"
)

var mixed = setup{policy: auth.Policy{Rules: []auth.Rule{
	{Identity: "orders", Register: []string{"*"}, Discover: []string{"*"}},
	{Identity: "billing", Discover: []string{"pub*"}},
}}}

func (n *node) position(c Caller, consistent bool) store.Revision {
	n.Helper()
	_, changed, _, err := n.Services(n.Context(), c, consistent)
	if err != nil {
		n.Fatal(err)
	}
	return changed.Revision
}

func (n *node) put(service, id string) {
	n.Helper()
	if _, err := n.Register(n.Context(), orders, registration(service, id)); err != nil {
		n.Fatal(err)
	}
}

// TestHiddenServicesWakeNobody: the position of the service list is that of what the
// caller may see: from the first hidden service to the last nothing shows of them.
func TestHiddenServicesWakeNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := one(t, mixed)
		for _, consistent := range []bool{false, true} {
			n.put("public", fmt.Sprint("p-", consistent))
			synctest.Wait()
			at, all := n.position(billing, consistent), n.position(orders, consistent)
			for i := range 3 {
				n.put("secret", fmt.Sprintf("%v-%d", consistent, i))
				synctest.Wait()
				if got := n.position(billing, consistent); got != at {
					t.Errorf("consistent %v: hidden instance %d moved the list from %v to %v", consistent, i, at, got)
				}
				if got := n.position(orders, consistent); got == all {
					t.Errorf("consistent %v: the list of all stands at %v", consistent, got)
				}
			}
			if at.Epoch == n.revision().Epoch {
				t.Errorf("%v is of the store's epoch", at)
			}
			n.put("public2", fmt.Sprint(consistent))
			synctest.Wait()
			if got := n.position(billing, consistent); got == at {
				t.Errorf("consistent %v: a visible service did not move %v", consistent, at)
			}
			// Those that are hidden go again, for the next round to begin without.
			for i := range 3 {
				key := store.InstanceKey("secret", fmt.Sprintf("%v-%d", consistent, i))
				at := n.position(billing, consistent)
				if _, err := n.store.inner.Deregister(t.Context(), store.Ref{Key: key}, store.Reason{Code: store.Deregistered}); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				if got := n.position(billing, consistent); got != at {
					t.Errorf("consistent %v: a hidden one that left moved %v to %v", consistent, at, got)
				}
			}
		}
	})
}

// TestHiddenEventsCountForNothing: the limit is of what the caller may see.
func TestHiddenEventsCountForNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := one(t, mixed)
		for _, service := range []string{"public", "pub2", "pub3"} {
			n.put(service, "p1")
			for i := range 60 {
				n.put("secret", fmt.Sprint(service, i))
			}
		}
		for limit, want := range []string{"", "pub3 ", "pub2 pub3 ", "public pub2 pub3 ", "public pub2 pub3 "} {
			events, err := n.Events(t.Context(), billing, "", "", limit)
			if err != nil {
				t.Fatal(err)
			}
			if got := services(events); got != want {
				t.Errorf("%d events: %q, want %q", limit, got, want)
			}
		}
	})
}

// TestServicesFromTheStore: who asks for the store's list is not given the catalog's.
func TestServicesFromTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := one(t, mixed)
		n.put("public", "p1")
		synctest.Wait()
		n.store.hold()
		for _, service := range []string{"secret", "pub2"} {
			if _, err := n.store.inner.Register(t.Context(), store.Record{Key: store.InstanceKey(service, "x"), Owner: "x",
				Instance: registration("", "").Instance}, store.Grant{TTL: time.Hour}); err != nil {
				t.Fatal(err)
			}
		}
		for _, tc := range []struct {
			who        Caller
			consistent bool
			want       string
		}{
			{orders, false, "[{public 1 1 false}]"},
			{orders, true, "[{pub2 1 0 false} {public 1 1 false} {secret 1 0 false}]"}, // no health: not resolved
			{billing, true, "[{pub2 1 0 false} {public 1 1 false}]"},
		} {
			lines, _, rev, err := n.Services(t.Context(), tc.who, tc.consistent)
			if err != nil || fmt.Sprint(lines) != tc.want {
				t.Errorf("%s, %v: %v, %v", tc.who.Identity, tc.consistent, lines, err)
			}
			if tc.consistent && rev != catalog.Pure(n.revision()) {
				t.Errorf("at %v, and the store is at %v", rev, n.revision())
			}
		}
		n.store.fails(down("list"), "list")
		_, _, _, err := n.Services(t.Context(), orders, true)
		wantErr(t, "without the store", err, "unavailable")
	})
}

// TestTurnsOfTwoFilters: callers with different filters who come in turn do not take each
// other's turns, whether the catalog answers or the store.
func TestTurnsOfTwoFilters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := one(t, setup{})
		for i := range 4 {
			reg := registration("orders", fmt.Sprint("id-", i))
			reg.Instance.Zone = string(rune('a' + i%2))
			if _, err := n.Register(t.Context(), orders, reg); err != nil {
				t.Fatal(err)
			}
		}
		for _, consistent := range []bool{false, true} {
			got := make(map[string]int)
			for i := range 40 {
				choice := catalog.Choice{Filter: catalog.Filter{Zone: string(rune('a' + i%2))}}
				item, err := n.Resolve(t.Context(), orders, "orders", choice, consistent)
				if err != nil {
					t.Fatal(err)
				}
				got[item.Record().Key.ID]++
			}
			if fmt.Sprint(got) != "map[id-0:10 id-1:10 id-2:10 id-3:10]" {
				t.Errorf("consistent %v: %v", consistent, got)
			}
		}
	})
}
