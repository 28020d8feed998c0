package api_test

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/store"
)

// image is all that a store holds, and how long each of it has to live.
type image struct {
	revision store.Revision
	records  map[store.Key]store.Record
	left     map[store.Key]time.Duration
}

func (n *node) image() image {
	n.t.Helper()
	ctx := context.Background()
	snap, err := n.store.List(ctx, store.Selector{})
	if err != nil {
		n.t.Fatal(err)
	}
	refs := make([]store.Ref, len(snap.Records))
	for i, r := range snap.Records {
		refs[i] = r.Ref()
	}
	left, err := n.store.TimeToLive(ctx, refs)
	if err != nil {
		n.t.Fatal(err)
	}
	out := image{revision: snap.Revision, records: make(map[store.Key]store.Record), left: make(map[store.Key]time.Duration)}
	for i, r := range snap.Records {
		out.records[r.Key], out.left[r.Key] = *r, left[i]
	}
	return out
}

// since tells how the image differs from an earlier one: in any part of what is registered,
// tokens and leases too, and in what was renewed.
func (now image) since(before image) []string {
	var out []string
	tell := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if now.revision != before.revision {
		tell("the revision moved from %v to %v", before.revision, now.revision)
	}
	for key, r := range before.records {
		later, ok := now.records[key]
		switch {
		case !ok:
			tell("%v is gone", key)
		case !reflect.DeepEqual(later, r):
			tell("%v changed from %+v to %+v", key, r, later)
		case now.left[key] > before.left[key]:
			tell("%v was renewed: it had %v to live, and has %v", key, before.left[key], now.left[key])
		}
	}
	for key := range now.records {
		if _, ok := before.records[key]; !ok {
			tell("%v is new", key)
		}
	}
	return out
}

// unchanged fails the test if what is done changes or renews anything.
func (n *node) unchanged(do func()) {
	n.t.Helper()
	before := n.image()
	do()
	for _, difference := range n.image().since(before) {
		n.t.Error(difference)
	}
}

// What the other tests rely on.
func TestImageShowsChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simulate(t, setup{})
		one, two := n.register("orders", "o-1"), n.register("orders", "o-2")
		path := "/registry/services/orders/o-1"
		for _, c := range []struct {
			name string
			do   func()
			want string
		}{
			{"nothing", func() { n.get(path).want(200) }, ""},
			{"a registration", func() { n.register("orders", "o-3") }, "instance/orders/o-3 is new"},
			{"a change", func() { n.do("PATCH", path, `{"weight":1}`, withToken(one.Token)).want(200) }, "instance/orders/o-1 changed"},
			{"a heartbeat", func() { n.do("POST", "/registry/heartbeat", ref("orders", "o-1"), withToken(one.Token)).want(200) }, "instance/orders/o-1 was renewed"},
			{"a rotation", func() { n.do("POST", "/registry/token/rotate", ref("orders", "o-1"), withToken(one.Token)).want(200) }, "instance/orders/o-1 changed"},
			{"an end", func() { n.do("DELETE", "/registry/services/orders/o-2", nil, withToken(two.Token)).want(204) }, "instance/orders/o-2 is gone"},
		} {
			time.Sleep(time.Second)
			before := n.image()
			c.do()
			got := strings.Join(n.image().since(before), "; ")
			if c.want == "" && got != "" || !strings.Contains(got, c.want) {
				t.Errorf("%s shows as %q, want %q", c.name, got, c.want)
			}
		}
	})
}
