package catalog

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/roster-sd/roster/store"
)

func idsAfter(v View, after string, limit int) string {
	var out []string
	for item := range v.Items(after) {
		if len(out) == limit {
			break
		}
		out = append(out, item.Record().Key.ID)
	}
	return strings.Join(out, " ")
}

// TestItems: pages of a view follow each other without gap or repeat, also from an ID
// that is not there, or no longer.
func TestItems(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Options{})
		if got := ids(r.Service("a")) + ids(View{}); got != "" {
			t.Fatalf("an unknown service has %s", got)
		}
		var all []string
		for i := range 100 { // more than one node of the tree
			id := fmt.Sprintf("%02d", (i*37)%100)
			r.put("a", id)
			all = append(all, id)
		}
		r.settle()
		slices.Sort(all)
		v := r.Service("a")
		want(t, "all", ids(v), strings.Join(all, " "))
		for limit := 1; limit < 40; limit += 7 {
			var got []string
			for after := ""; ; after = got[len(got)-1] {
				page := strings.Fields(idsAfter(v, after, limit))
				if got = append(got, page...); len(page) < limit {
					break
				}
			}
			want(t, fmt.Sprintf("in pages of %d", limit), strings.Join(got, " "), strings.Join(all, " "))
		}
		want(t, "after one that is not there", idsAfter(v, "41x", 2), "42 43")
		want(t, "after the last", idsAfter(v, "99", 2), "")
		r.drop("a", "42")
		r.settle()
		want(t, "after one that is gone", idsAfter(r.Service("a"), "42", 2), "43 44")
	})
}

// TestViewStands: a view is not touched by what comes after it, whatever happens to the
// tree that it was copied from.
func TestViewStands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Options{})
		var views []View
		var texts []string
		text := func(v View) string {
			var b []byte
			for item := range v.Items("") {
				b = append(encode(b, item.Record()), item.AppendJSON(nil)...)
			}
			return string(b)
		}
		for i := range 300 {
			switch id := fmt.Sprintf("%02d", (i*29)%97); {
			case i%5 == 4 && r.Service("a").Len() > 0:
				first := strings.Fields(idsAfter(r.Service("a"), "", 1))[0]
				r.drop("a", first)
			default:
				r.put("a", id, weight(uint16(i+1)))
			}
			r.settle()
			if i%10 == 0 {
				v := r.Service("a")
				views, texts = append(views, v), append(texts, text(v))
			}
		}
		for i, v := range views {
			if text(v) != texts[i] {
				t.Fatalf("view %d changed", i)
			}
		}
	})
}

func TestGet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Options{})
		rec := r.put("a", "1")
		r.put("a", "10")
		r.put("a1", "0")
		r.settle()
		item, rev, ok := r.Get("a", "1")
		if !ok || item.Packed() != store.Pack(rec) || rev != Pure(r.Revision()) || item.LastHeartbeat != rec.RegisteredAt {
			t.Fatalf("%+v at %v, %v", item, rev, ok)
		}
		h, ok := r.Find("a", "1")
		if !ok || h.Packed != store.Pack(rec) {
			t.Fatalf("%+v, %v", h, ok)
		}
		h.Heard(rec.RegisteredAt + 1500)
		h.Heard(rec.RegisteredAt + 500)
		item, _, _ = r.Get("a", "1")
		if got := item.LastHeartbeat; got != rec.RegisteredAt+1500 {
			t.Errorf("last heard of at %d", got)
		}
		want(t, "JSON", string(item.AppendJSON([]byte("x"))),
			fmt.Sprintf(`x%s,"lastHeartbeat":%d}`, encode(nil, rec), rec.RegisteredAt+1500))
		want(t, "JSON of a record", string(r.Item(rec, 7).AppendJSON(nil)), fmt.Sprintf(`%s,"lastHeartbeat":7}`, encode(nil, rec)))
		for _, key := range []store.Key{{Service: "a", ID: "2"}, {Service: "a", ID: ""}, {Service: "", ID: "1"}, {Service: "b", ID: "1"}} {
			if _, _, ok := r.Get(key.Service, key.ID); ok {
				t.Errorf("%v is found", key)
			}
			if _, ok := r.Find(key.Service, key.ID); ok {
				t.Errorf("%v is found", key)
			}
		}
		Handle{}.Heard(1) // of a record that the catalog does not have
		// What was heard outlives a change, and a new registration is a sign of life.
		r.change("a", "1", weight(3))
		r.settle()
		if item, _, _ = r.Get("a", "1"); item.LastHeartbeat != rec.RegisteredAt+1500 {
			t.Errorf("after a change: last heard of at %d", item.LastHeartbeat)
		}
	})
}

// TestServices: the list is made once for all who ask between two changes of it.
func TestServices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Options{})
		r.put("b", "1")
		r.put("a", "1")
		r.put("a", "2", status(store.StatusDraining))
		r.settle()
		one, changed, _ := r.Services()
		want(t, "lines", fmt.Sprint(one), "[{a 2 1 false} {b 1 1 false}]")
		r.change("a", "1", weight(1))
		r.settle()
		two, again, rev := r.Services()
		if &one[0] != &two[0] || again != changed || rev != Pure(r.Revision()) {
			t.Error("made anew though no count changed")
		}
		r.drop("b", "1")
		r.settle()
		three, _, _ := r.Services()
		want(t, "then", fmt.Sprint(three), "[{a 2 1 false}]")
		want(t, "what was given before", fmt.Sprint(one), "[{a 2 1 false} {b 1 1 false}]")
	})
}
