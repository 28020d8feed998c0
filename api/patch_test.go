package api_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/roster-sd/roster/wire"
)

// A patch changes what it names and leaves the rest.
func TestPatch(t *testing.T) {
	n := start(t, setup{})
	reg := decode[wire.Registered](n.do("POST", "/registry/register",
		registration(`tags:["a","b"]`, `metadata:{"k":"v","gone":"x"}`, `zone:"z"`)).want(201))
	for _, c := range []struct {
		body  string
		apply func(*wire.Instance)
	}{
		{`{"status":"draining"}`, func(in *wire.Instance) { in.Status = "draining" }},
		{`{"weight":10000}`, func(in *wire.Instance) { in.Weight = 10_000 }},
		{`{"tags":["c"]}`, func(in *wire.Instance) { in.Tags = []string{"c"} }},
		{`{"tags":[]}`, func(in *wire.Instance) { in.Tags = nil }},
		{`{"metadata":{"new":"\u00e9","gone":null}}`, func(in *wire.Instance) { in.Metadata["new"] = "é"; delete(in.Metadata, "gone") }},
		{`{"metadata":{"k":"w"}}`, func(in *wire.Instance) { in.Metadata["k"] = "w" }},
		{`{"metadata":{"never":null}}`, func(*wire.Instance) {}},
		{`{"metadata":{}}`, func(*wire.Instance) {}},
		{`{"status":"up","weight":1,"tags":["x","y"],"metadata":{"k":null,"new":null}}`, func(in *wire.Instance) {
			in.Status, in.Weight, in.Tags, in.Metadata = "up", 1, []string{"x", "y"}, nil
		}},
	} {
		want := decode[wire.Instance](n.get(orders + "/o-1").want(200))
		before := want.Revision
		c.apply(&want)
		got := decode[wire.Instance](n.do("PATCH", orders+"/o-1", c.body, withToken(reg.Token)).want(200))
		if got.Status != want.Status || got.Weight != want.Weight || strings.Join(got.Tags, " ") != strings.Join(want.Tags, " ") ||
			!maps.Equal(got.Metadata, want.Metadata) || got.Zone != "z" || got.RegisteredAt != want.RegisteredAt {
			t.Errorf("%s: %+v, want %+v", c.body, got, want)
		}
		changed := c.body != `{"metadata":{"never":null}}` && c.body != `{"metadata":{}}`
		if (got.Revision != before) != changed {
			t.Errorf("%s: the revision went from %s to %s", c.body, before, got.Revision)
		}
		if again := decode[wire.Instance](n.get(orders + "/o-1").want(200)); again.Revision != got.Revision || again.Weight != got.Weight {
			t.Errorf("%s: read back %+v", c.body, again)
		}
	}
}

// What a patch does not take.
func TestBadPatches(t *testing.T) {
	w := inhabit(start(t, setup{}))
	opts := []option{withToken(w.orders.Token)}
	w.do("PATCH", orders+"/o-1", `{"metadata":{`+repeated(60, `"k%d":"v"`)+`}}`, opts...).want(200)
	refuse := func(body, fields string) {
		w.refuse(fault{method: "PATCH", path: orders + "/o-1", body: body, opts: opts, want: "400 invalid_request: " + fields})
	}
	refuse(`{}`, "body") // nothing to change
	for field, values := range badValues() {
		switch field {
		case "status", "weight", "tags", "metadata":
		default: // who and where an instance is does not change
			refuse(`{"`+field+`":1}`, field)
			continue
		}
		for _, value := range values {
			if value == `{"a":null}` {
				continue // removes it
			}
			n := w.in(t)
			n.unchanged(func() {
				_, p := n.refusedField(fault{method: "PATCH", path: orders + "/o-1", body: `{"` + field + `":` + value + `}`, opts: opts})
				for _, e := range p.Errors {
					if !strings.HasPrefix(e.Field, field) {
						t.Errorf("%s %.80s: it names %q", field, value, e.Field)
					}
				}
			})
		}
	}
	// Together with what is there it is too much.
	refuse(`{"metadata":{`+repeated(5, `"new%d":"v"`)+`}}`, "metadata")
	refuse(`{"metadata":{"new":"`+strings.Repeat("v", 8100)+`"}}`, "metadata")
	w.do("PATCH", orders+"/o-1", `{"metadata":{`+repeated(5, `"new%d":"v"`)+`,"k0":null}}`, opts...).want(200)
}
