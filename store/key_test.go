package store_test

import (
	"testing"

	"github.com/roster-sd/roster/store"
)

func TestKeyText(t *testing.T) {
	key := store.InstanceKey("user", "127.0.0.1:80")
	if want := (store.Key{Kind: store.KindInstance, Service: "user", ID: "127.0.0.1:80"}); key != want {
		t.Errorf("InstanceKey gave %+v", key)
	}
	if got := key.String(); got != "instance/user/127.0.0.1:80" {
		t.Errorf("the key reads %q", got)
	}
}

func TestLeaseText(t *testing.T) {
	for id, want := range map[store.LeaseID]string{0: "0", 255: "ff", 1<<64 - 1: "ffffffffffffffff"} {
		if got := id.String(); got != want {
			t.Errorf("lease %d reads %q, want %q", uint64(id), got, want)
		}
	}
}

func TestSelectorMatches(t *testing.T) {
	key := store.Key{Kind: store.KindInstance, Service: "user", ID: "1"}
	for _, tt := range []struct {
		sel  store.Selector
		want bool
	}{
		{store.Selector{}, true},
		{store.Selector{Kind: store.KindInstance}, true},
		{store.Selector{Service: "user"}, true},
		{store.Selector{ID: "1"}, true},
		{store.Selector{Kind: store.KindInstance, ID: "1"}, true},
		{store.Selector(key), true},
		{store.Selector{Kind: store.KindNode}, false},
		{store.Selector{Kind: store.KindOverride, Service: "user", ID: "1"}, false},
		{store.Selector{Service: "use"}, false},
		{store.Selector{Service: "users"}, false},
		{store.Selector{Service: "user-admin"}, false},
		{store.Selector{Service: "User"}, false},
		{store.Selector{Service: "*"}, false},
		{store.Selector{Service: "user", ID: "11"}, false},
		{store.Selector{Service: "user", ID: "2"}, false},
		{store.Selector{Service: "1", ID: "user"}, false},
		{store.Selector{Kind: "inst"}, false},
	} {
		if got := tt.sel.Matches(key); got != tt.want {
			t.Errorf("%+v matches %v: %v", tt.sel, key, got)
		}
	}
	// An empty part of the key is matched by an empty part of the selector only.
	if (store.Selector{Service: "user"}).Matches(store.Key{}) {
		t.Error("a service matches a key without one")
	}
}
