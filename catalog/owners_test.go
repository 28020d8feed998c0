package catalog

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/store"
)

// own registers an instance as an identity's.
func (r *rig) own(identity, id string, ttl time.Duration) {
	r.Helper()
	rec := record("orders", id)
	rec.Owner = identity
	if _, err := r.store.Register(context.Background(), rec, store.Grant{TTL: ttl}); err != nil {
		r.Fatal(err)
	}
	r.settle()
}

// TestOwned: instances count for who registered them, in the step in which the view shows
// them, until it does not any more.
func TestOwned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Options{})
		key := func(id string) store.Key { return store.InstanceKey("orders", id) }
		owned := func(what string, a, b int) {
			t.Helper()
			if x, y := r.Owned("a", nil), r.Owned("b", nil); x != a || y != b {
				t.Errorf("%s: a has %d and b %d, want %d and %d", what, x, y, a, b)
			}
			if err := audit(r.Catalog, r.list()); err != nil {
				t.Errorf("%s: %v", what, err)
			}
		}
		r.own("a", "1", long)
		r.own("a", "2", time.Minute)
		r.own("b", "3", long)
		owned("registered", 2, 1)
		r.own("a", "1", long)
		owned("registered again", 2, 1)
		r.own("b", "1", long)
		owned("taken over", 1, 2)
		r.change("orders", "3", weight(7))
		r.settle()
		owned("changed", 1, 2)
		if n := r.Owned("b", []store.Key{key("1"), key("2"), key("none")}); n != 4 {
			t.Errorf("with one of its own, another's and one that is not there, b has %d, want 4", n)
		}
		r.pass(2 * time.Minute)
		owned("expired", 0, 2)
		r.drop("orders", "1")
		r.drop("orders", "3")
		r.settle()
		owned("gone", 0, 0)
		if len(r.owners) != 0 {
			t.Errorf("%d owners of nothing are remembered", len(r.owners))
		}
	})
}
