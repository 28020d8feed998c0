package cli

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/roster-sd/roster/client"
	"github.com/roster-sd/roster/wire"
)

// view is what a watch has shown so far; it makes changes of events, so that people see
// what became different and not what was sent.
type view struct {
	known map[wire.InstanceRef]*wire.Instance
	next  map[wire.InstanceRef]*wire.Instance // a snapshot that is not complete
	warm  bool                                // a snapshot was complete once
}

// change is one difference. Its sign is = for an instance that was there at first, + for
// a new one, ~ for one that changed, - for one that is gone.
type change struct {
	sign byte
	in   *wire.Instance
	what string
}

// apply takes an event in and gives the changes that it brings.
func (v *view) apply(e client.Event) []change {
	switch e.Type {
	case wire.WatchSnapshot:
		if e.First || v.next == nil {
			v.next = make(map[wire.InstanceRef]*wire.Instance, len(e.Snapshot.Instances))
		}
		for i := range e.Snapshot.Instances {
			in := &e.Snapshot.Instances[i]
			v.next[refOf(in)] = in
		}
		if e.Snapshot.Last {
			return v.replace()
		}
	case wire.WatchPut:
		ref := refOf(e.Instance)
		before := v.known[ref]
		v.set(ref, e.Instance)
		return compare(before, e.Instance)
	case wire.WatchDelete:
		ref := wire.InstanceRef{ServiceName: e.Deleted.ServiceName, InstanceID: e.Deleted.InstanceID}
		before := v.known[ref]
		if before == nil {
			return nil // told twice, or never shown
		}
		delete(v.known, ref)
		return []change{{'-', before, why(e.Deleted)}}
	}
	return nil
}

func (v *view) set(ref wire.InstanceRef, in *wire.Instance) {
	if v.known == nil {
		v.known = make(map[wire.InstanceRef]*wire.Instance)
	}
	v.known[ref] = in
}

// replace makes the snapshot the view.
func (v *view) replace() []change {
	var list []change
	for ref, in := range v.next {
		switch before := v.known[ref]; {
		case before != nil:
			list = append(list, compare(before, in)...)
		case v.warm:
			list = append(list, change{'+', in, about(in)})
		default:
			list = append(list, change{'=', in, about(in)})
		}
	}
	for ref, before := range v.known {
		if v.next[ref] == nil {
			list = append(list, change{'-', before, "gone meanwhile"})
		}
	}
	v.known, v.next, v.warm = v.next, nil, true
	slices.SortFunc(list, func(a, b change) int {
		return cmp.Or(cmp.Compare(a.in.ServiceName, b.in.ServiceName), cmp.Compare(a.in.InstanceID, b.in.InstanceID))
	})
	return list
}

func refOf(in *wire.Instance) wire.InstanceRef {
	return wire.InstanceRef{ServiceName: in.ServiceName, InstanceID: in.InstanceID}
}

// about says what is worth knowing of an instance at first sight.
func about(in *wire.Instance) string {
	parts := []string{condition(in)}
	if in.Health == "failing" && found(in) != "" {
		parts = append(parts, "check "+found(in))
	}
	for _, p := range []struct{ name, value string }{{"version", in.Version}, {"zone", in.Zone}} {
		if p.value != "" {
			parts = append(parts, p.name+" "+clean(p.value))
		}
	}
	return strings.Join(parts, ", ")
}

// why gives the reason of a deletion, and who and where.
func why(d *wire.Deleted) string {
	text := clean(d.Reason)
	if d.Note != "" {
		text += ": " + clean(d.Note)
	}
	if d.Actor != "" {
		text += ", by " + clean(d.Actor)
	}
	return text
}

// compare gives what is different between two states of an instance; nothing if people
// could see no difference.
func compare(before, after *wire.Instance) []change {
	if before == nil {
		return []change{{'+', after, about(after)}}
	}
	var parts []string
	differ := func(name, a, b string) {
		if a != b {
			parts = append(parts, fmt.Sprintf("%s %s → %s", name, orNone(a), orNone(b)))
		}
	}
	differ("address", place(before), place(after))
	differ("status", condition(before), condition(after))
	differ("check", found(before), found(after))
	differ("version", clean(before.Version), clean(after.Version))
	differ("env", clean(before.Env), clean(after.Env))
	differ("zone", clean(before.Zone), clean(after.Zone))
	differ("role", clean(before.Role), clean(after.Role))
	differ("protocol", clean(before.Protocol), clean(after.Protocol))
	differ("weight", fmt.Sprint(before.Weight), fmt.Sprint(after.Weight))
	differ("tags", clean(strings.Join(before.Tags, ",")), clean(strings.Join(after.Tags, ",")))
	for _, key := range slices.Sorted(maps.Keys(union(before.Metadata, after.Metadata))) {
		differ(clean(key), clean(before.Metadata[key]), clean(after.Metadata[key]))
	}
	if before.RegisteredAt != after.RegisteredAt {
		parts = append(parts, "registered again")
	}
	if parts == nil {
		return nil
	}
	return []change{{'~', after, strings.Join(parts, ", ")}}
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func union(a, b map[string]string) map[string]string {
	all := maps.Clone(a)
	if all == nil {
		return b
	}
	maps.Copy(all, b)
	return all
}
