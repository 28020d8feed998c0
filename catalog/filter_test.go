package catalog

import (
	"testing"

	"github.com/roster-sd/roster/store"
)

func TestFilter(t *testing.T) {
	in := &store.Instance{Version: "2", Env: "prod", Zone: "a", Role: "leader", Status: store.StatusUp,
		Tags: []string{"blue", "canary"}, Metadata: []store.Pair{{Key: "a", Value: "1"}, {Key: "b", Value: ""}}}
	for _, tc := range []struct {
		name   string
		filter Filter
		match  bool
	}{
		{"none", Filter{}, true},
		{"version", Filter{Version: "2"}, true},
		{"other version", Filter{Version: "20"}, false},
		{"env", Filter{Env: "prod"}, true},
		{"other env", Filter{Env: "Prod"}, false},
		{"zone", Filter{Zone: "a"}, true},
		{"other zone", Filter{Zone: "b"}, false},
		{"role", Filter{Role: "leader"}, true},
		{"other role", Filter{Role: "follower"}, false},
		{"status", Filter{Status: store.StatusUp}, true},
		{"other status", Filter{Status: store.StatusDraining}, false},
		{"tag", Filter{Tags: []string{"canary"}}, true},
		{"tags", Filter{Tags: []string{"canary", "blue"}}, true},
		{"one tag of two", Filter{Tags: []string{"canary", "green"}}, false},
		{"metadata", Filter{Metadata: []store.Pair{{Key: "a", Value: "1"}}}, true},
		{"empty value", Filter{Metadata: []store.Pair{{Key: "b"}}}, true},
		{"empty value of an absent key", Filter{Metadata: []store.Pair{{Key: "c"}}}, false},
		{"other value", Filter{Metadata: []store.Pair{{Key: "a", Value: "1"}, {Key: "b", Value: "2"}}}, false},
		{"all", Filter{"2", "prod", "a", "leader", store.StatusUp, in.Tags, in.Metadata}, true},
		{"all but one", Filter{"2", "prod", "b", "leader", store.StatusUp, in.Tags, in.Metadata}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := tc.filter.Match(store.Pack(&store.Record{Instance: *in})); got != tc.match {
				t.Errorf("Match = %v", got)
			}
			if got := tc.filter.IsZero(); got != (tc.name == "none") {
				t.Errorf("IsZero = %v", got)
			}
		})
	}
}

func TestThrough(t *testing.T) {
	one := store.Pack(&store.Record{Instance: store.Instance{Version: "1"}})
	two := store.Pack(&store.Record{Instance: store.Instance{Version: "2"}})
	for _, tc := range []struct {
		name          string
		before, after *store.Packed
		effect        Effect
	}{
		{"comes in", nil, one, Put},
		{"other comes in", nil, two, None},
		{"stays in", one, one, Put},
		{"turns into one that matches", two, one, Put},
		{"leaves the filter", one, two, Left},
		{"stays out", two, two, None},
		{"goes", one, nil, Delete},
		{"other goes", two, nil, None},
	} {
		ch := Change{Before: tc.before, After: tc.after}
		if got := ch.Through(&Filter{Version: "1"}); got != tc.effect {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.effect)
		}
	}
}
