package apicheck

import (
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/wire"
)

// The types of the package wire and the schemas of the same name say the same: the same
// properties of the same JSON types, and those that Go always writes are required.
func TestSchemasAreThoseOfWire(t *testing.T) {
	schemas := published(t).get("components").get("schemas")
	for _, v := range []any{
		wire.Instance{}, wire.Registration{}, wire.Verdict{}, wire.Registered{}, wire.InstanceRef{}, wire.Heartbeat{},
		wire.HeartbeatItem{}, wire.Heartbeats{}, wire.HeartbeatResult{}, wire.HeartbeatResults{},
		wire.Token{}, wire.ServiceSummary{}, wire.Services{}, wire.Service{}, wire.Patch{}, wire.Event{},
		wire.Events{}, wire.SnapshotPart{}, wire.Deleted{}, wire.Health{}, wire.Problem{}, wire.FieldError{},
		wire.Denials{}, wire.Denial{},
		wire.Explanation{}, wire.ServiceExplanation{}, wire.Origin{}, wire.Rhythm{}, wire.Departure{}, wire.Count{},
	} {
		typ := reflect.TypeOf(v)
		t.Run(typ.Name(), func(t *testing.T) {
			schema := schemas.get(typ.Name())
			properties := make(map[string]string)
			for name, p := range schema.get("properties").members() {
				properties[name] = p.get("type").text()
			}
			var required []string
			for name := range schema.get("required").items() {
				required = append(required, name.text())
			}
			if typ.Name() == "Registration" { // the other names of address, on input only
				delete(properties, "ip")
				delete(properties, "host")
			}
			want, always := make(map[string]string), []string(nil)
			for i := range typ.NumField() {
				name, options, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
				want[name] = jsonKind(typ.Field(i).Type)
				if options != "omitempty" && options != "omitzero" {
					always = append(always, name)
				}
			}
			if !maps.Equal(properties, want) {
				t.Errorf("properties are %v, in Go %v", properties, want)
			}
			slices.Sort(required)
			if slices.Sort(always); !slices.Equal(required, always) {
				t.Errorf("required are %v, in Go %v", required, always)
			}
		})
	}
}

func jsonKind(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return jsonKind(t.Elem())
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "boolean"
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return "integer"
	case reflect.Float64:
		return "number"
	case reflect.Slice:
		return "array"
	}
	return "object"
}

func TestBoundsAreThoseOfGo(t *testing.T) {
	schemas := published(t).get("components").get("schemas")
	for at, want := range map[string]int{
		"Heartbeats/properties/items/maxItems":         wire.MaxBatch,
		"HeartbeatResults/properties/results/maxItems": wire.MaxBatch,
		"SnapshotPart/properties/instances/maxItems":   wire.MaxSnapshotPart,
	} {
		n := schemas
		for _, name := range strings.Split(at, "/") {
			n = n.get(name)
		}
		number, ok := n.value.(interface{ String() string })
		if !ok || number.String() != strconv.Itoa(want) {
			t.Errorf("%s is %v, in Go %d", at, n.value, want)
		}
	}
}

func TestEnumerationsAreThoseOfGo(t *testing.T) {
	schemas := published(t).get("components").get("schemas")
	deletions := []string{
		string(store.Expired), string(store.Deregistered), string(store.Replaced),
		string(store.Forced), string(store.Unreachable), string(store.ProcessExited),
	}
	puts := []string{
		string(store.Registered), string(store.Resurrected), string(store.Updated),
		string(store.Rotated), string(store.Suspected), string(store.Recovered), string(store.Checked),
	}
	for _, c := range []struct {
		schema node
		want   []string
	}{
		{schemas.get("Status"), []string{store.StatusStarting, store.StatusUp, store.StatusDraining, store.StatusOutOfService}},
		{schemas.get("Condition"), []string{store.HealthPassing, store.HealthFailing, store.HealthSuspect}},
		{schemas.get("LossReason"), deletions},
		{schemas.get("Event").get("properties").get("reason"), slices.Concat(puts, deletions)},
		{schemas.get("Event").get("properties").get("type"), []string{wire.WatchPut, wire.WatchDelete}},
		{schemas.get("Deleted").get("properties").get("reason"), append(slices.Clone(deletions), wire.Unmatched)},
	} {
		var got []string
		for v := range c.schema.get("enum").items() {
			got = append(got, v.text())
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, want %q", c.schema.pointer, got, c.want)
		}
	}
	var events []string
	content := published(t).get("paths").get("/registry/watch").get("get").get("responses").get("200").get("content")
	for name := range content.get("text/event-stream").get("x-sse-events").members() {
		events = append(events, name)
	}
	want := []string{wire.WatchDelete, wire.WatchPut, wire.WatchResync, wire.WatchSnapshot}
	if !slices.Equal(events, want) {
		t.Errorf("events: %q", events)
	}
}
