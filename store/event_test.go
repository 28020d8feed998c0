package store_test

import (
	"testing"

	"github.com/roster-sd/roster/store"
)

func TestReasonMeant(t *testing.T) {
	for code, want := range map[store.Code]bool{
		store.Expired: false, store.Deregistered: true, store.Replaced: true,
		store.Forced: true, store.Unreachable: true, store.ProcessExited: true,
	} {
		if got := (store.Reason{Code: code}).Meant(); got != want {
			t.Errorf("%q was meant: %v", code, got)
		}
	}
}

func TestEventKey(t *testing.T) {
	now, before := &store.Record{Key: store.InstanceKey("user", "1")}, &store.Record{Key: store.InstanceKey("user", "2")}
	for _, tt := range []struct {
		ev      store.Event
		key     store.Key
		deleted bool
	}{
		{store.Event{Record: now}, now.Key, false},
		{store.Event{Record: now, Before: now}, now.Key, false},
		{store.Event{Before: before}, before.Key, true},
	} {
		if tt.ev.Key() != tt.key || tt.ev.Deleted() != tt.deleted {
			t.Errorf("%+v: key %v, deleted %v", tt.ev, tt.ev.Key(), tt.ev.Deleted())
		}
	}
}
