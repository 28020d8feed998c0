package registry

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/auth"
	"github.com/roster-sd/roster/store"
)

func ptr[T any](v T) *T { return &v }

func TestUpdate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := one(t, setup{tokens: TokenPolicy{TTL: time.Hour}})
		reg := registration("orders", "o1")
		reg.Instance.Metadata = []store.Pair{{Key: "a", Value: "1"}, {Key: "b", Value: "2"}}
		reg.Instance.Meta = `{"a":1,"b":2}`
		reg.Instance.Tags = []string{"blue"}
		first, err := n.Register(t.Context(), orders, reg)
		if err != nil {
			t.Fatal(err)
		}
		for _, tc := range []struct {
			name  string
			patch Patch
			want  string // status weight tags metadata meta
		}{
			{"status", Patch{Status: ptr(store.StatusDraining)}, `draining 100 [blue] [{a 1} {b 2}] {"a":1,"b":2}`},
			{"weight", Patch{Weight: ptr(uint16(7))}, `draining 7 [blue] [{a 1} {b 2}] {"a":1,"b":2}`},
			{"no tags", Patch{Tags: &[]string{}}, `draining 7 [] [{a 1} {b 2}] {"a":1,"b":2}`},
			{"tags", Patch{Tags: &[]string{"x", "y"}}, `draining 7 [x y] [{a 1} {b 2}] {"a":1,"b":2}`},
			{"metadata", Patch{Metadata: map[string]*string{"a": ptr("9"), "0": ptr(""), "b": nil, "none": nil}}, `draining 7 [x y] [{0 } {a 9}] `},
			{"all", Patch{Status: ptr(store.StatusUp), Weight: ptr(uint16(1)), Tags: &[]string{"z"}, Metadata: map[string]*string{"a": nil}}, `up 1 [z] [{0 }] `},
		} {
			before := n.revision().Number
			rec, err := n.Update(t.Context(), orders, "orders", "o1", first.Token, tc.patch)
			if err != nil {
				t.Fatalf("%s: %v", tc.name, err)
			}
			in := rec.Instance
			if got := fmt.Sprintf("%s %d %v %v %s", in.Status, in.Weight, in.Tags, in.Metadata, in.Meta); got != tc.want {
				t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
			}
			if item, _, _ := n.Catalog().Get("orders", "o1"); item.Packed() != store.Pack(rec) || n.revision().Number != before+1 {
				t.Errorf("%s: the catalog has %v, the store is at %v", tc.name, item.Record(), n.revision())
			}
		}
		// The first use of the newest token, by an update.
		second, err := n.Rotate(t.Context(), orders, "orders", "o1", first.Token)
		if err != nil {
			t.Fatal(err)
		}
		rec, err := n.Update(t.Context(), orders, "orders", "o1", second.Token, Patch{Weight: ptr(uint16(2))})
		if err != nil || rec.Tokens.HasNewest || rec.Instance.Weight != 2 {
			t.Errorf("%+v, %v", rec, err)
		}
	})
}

// TestUpdateRefused: whatever is wrong with a patch is told at once, and changes nothing.
func TestUpdateRefused(t *testing.T) {
	many := make(map[string]*string)
	for i := range 60 {
		many[fmt.Sprint(i)] = ptr("x")
	}
	synctest.Test(t, func(t *testing.T) {
		n := one(t, setup{})
		reg := registration("orders", "o1")
		for i := range 10 {
			reg.Instance.Metadata = append(reg.Instance.Metadata, store.Pair{Key: fmt.Sprint("k", i), Value: strings.Repeat("v", 500)})
		}
		first, err := n.Register(t.Context(), orders, reg)
		if err != nil {
			t.Fatal(err)
		}
		before := n.revision()
		for _, tc := range []struct {
			name  string
			patch Patch
			want  string // fields
		}{
			{"nothing", Patch{}, "body"},
			{"status", Patch{Status: ptr("down")}, "status"},
			{"weight", Patch{Weight: ptr(uint16(0))}, "weight"},
			{"tags", Patch{Tags: &[]string{"a", "", "b\n"}}, "tags[1] tags[2]"},
			{"metadata", Patch{Metadata: map[string]*string{"": ptr("x"), "a": ptr("\x00"), "b": ptr("\xff"), "c": ptr("fine\n")}}, "metadata metadata.a metadata.b"},
			{"all at once", Patch{Status: ptr(""), Weight: ptr(uint16(10_001)), Tags: &[]string{""}, Metadata: map[string]*string{"\n": ptr("")}}, "status weight tags[0] metadata"},
			{"too much metadata of its own", Patch{Metadata: map[string]*string{"a": ptr(strings.Repeat("v", 9<<10))}}, "metadata"},
			{"too much together with what is there", Patch{Metadata: map[string]*string{"a": ptr(strings.Repeat("v", 4<<10))}}, "metadata"},
			{"too many together with what is there", Patch{Metadata: many}, "metadata"},
		} {
			_, err := n.Update(t.Context(), orders, "orders", "o1", first.Token, tc.patch)
			wantErr(t, tc.name, err, "invalid_request")
			var e *Error
			if !errors.As(err, &e) {
				continue
			}
			var fields []string
			for _, f := range e.Fields {
				fields = append(fields, f.Field)
				if f.Message == "" {
					t.Errorf("%s: no rule with %s", tc.name, f.Field)
				}
			}
			if got := strings.Join(fields, " "); got != tc.want {
				t.Errorf("%s: fields %q, want %q", tc.name, got, tc.want)
			}
		}
		_, err = n.Deregister(t.Context(), orders, "orders", "o1", first.Token, Removal{Note: strings.Repeat("x", maxNote+1)})
		wantErr(t, "a note that is too long", err, "invalid_request")
		_, err = n.Deregister(t.Context(), orders, "orders", "o1", first.Token, Removal{Note: "a\x1b[2Jb"})
		wantErr(t, "a note with control characters", err, "invalid_request")
		if n.revision() != before || n.listed() != "o1" {
			t.Errorf("the store moved from %v to %v, and has %s", before, n.revision(), n.listed())
		}
	})
}

// TestAdmin: an administrator acts without a token, by force, and says so; with a token it
// is a holder like any other.
func TestAdmin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := one(t, setup{policy: auth.Policy{Rules: []auth.Rule{
			{Identity: "orders", Register: []string{"*"}, Discover: []string{"*"}}, {Identity: "root", Admin: true}}}})
		root := Caller{Identity: "root", From: "192.0.2.4"}
		first := n.register(orders, "o1")
		rec, err := n.Update(t.Context(), root, "orders", "o1", "", Patch{Weight: ptr(uint16(3))})
		if wantErr(t, "update", err, "ok"); err == nil && rec.Instance.Weight != 3 {
			t.Errorf("%+v", rec)
		}
		wantErr(t, "heartbeat without a token", n.beat(root, "o1", ""), "forbidden")
		_, err = n.Deregister(t.Context(), root, "orders", "o1", first.Token, Removal{})
		wantErr(t, "with a token that is not its own", err, "forbidden")
		_, err = n.Deregister(t.Context(), root, "orders", "o2", "", Removal{})
		wantErr(t, "one that is not there", err, "not_found")
		_, err = n.Update(t.Context(), root, "orders", "o2", "", Patch{Weight: ptr(uint16(3))})
		wantErr(t, "one that is not there", err, "not_found")
		rev, err := n.Deregister(t.Context(), root, "orders", "o1", "", Removal{Note: "enough"})
		if wantErr(t, "deregister", err, "ok"); rev != n.revision() || n.listed() != "" {
			t.Errorf("at %v; the store has %q at %v", rev, n.listed(), n.revision())
		}
		wantErr(t, "its holder", n.beat(orders, "o1", first.Token), "lease_lost forced")
		stones, _ := n.store.Tombstones(t.Context(), store.InstanceKey("orders", "o1"))
		if want := (store.Reason{Code: store.Forced, Note: "enough", Actor: "root", Node: "n1", From: "192.0.2.4"}); stones[0].Reason != want {
			t.Errorf("%+v", stones[0].Reason)
		}
		_, err = n.Deregister(t.Context(), root, "orders", "o1", "", Removal{})
		wantErr(t, "once more", err, "not_found")
	})
}

// TestHolder: the loopback surface acts as the holder of every token, where its identity
// is allowed to.
func TestHolder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := one(t, setup{policy: auth.Policy{Rules: []auth.Rule{{Identity: "*", Register: []string{"orders"}, Discover: []string{"*"}}}}})
		local := Caller{Identity: "local", Holder: true, From: "127.0.0.1"}
		n.register(orders, "o1")
		wantErr(t, "heartbeat", n.beat(local, "o1", ""), "ok")
		wantErr(t, "batch", n.Heartbeats(t.Context(), local, []Beat{{"orders", "o1", ""}})[0].Err, "ok")
		_, err := n.Update(t.Context(), local, "orders", "o1", "", Patch{Weight: ptr(uint16(3))})
		wantErr(t, "update", err, "ok")
		wantErr(t, "never heard of", n.beat(local, "o2", ""), "not_found")
		_, err = n.Heartbeat(t.Context(), local, Beat{"billing", "o1", ""})
		wantErr(t, "another service", err, "forbidden")
		_, err = n.Deregister(t.Context(), local, "orders", "o1", "", Removal{})
		wantErr(t, "deregister", err, "ok")
		wantErr(t, "then", n.beat(local, "o1", ""), "lease_lost deregistered")
		_, err = n.Deregister(t.Context(), local, "orders", "o1", "", Removal{})
		wantErr(t, "once more", err, "lease_lost deregistered")
	})
}
