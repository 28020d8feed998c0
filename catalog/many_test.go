package catalog

import (
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/roster-sd/roster/store"
)

// Many lookups at once give what each gives alone, and hearing of many is hearing of each.
func TestManyAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Options{})
		for i := range 700 {
			r.put(fmt.Sprintf("s-%d", i%7), fmt.Sprintf("i-%d", i))
		}
		r.drop("s-3", "i-3")
		r.settle()
		var all []Found
		for i := range 800 { // some are not there, or of another service, or of one that nobody knows
			all = append(all, Found{Service: fmt.Sprintf("s-%d", i%8), ID: fmt.Sprintf("i-%d", i)})
		}
		all = append(all, all[7]) // twice
		present := 0
		for range 2 { // the second time over what the first found
			r.FindAll(all)
			present = 0
			for i := range all {
				want, ok := r.Find(all[i].Service, all[i].ID)
				if all[i].Handle != want || ok != (all[i].Packed != nil) {
					t.Fatalf("%s/%s: %+v, want %+v", all[i].Service, all[i].ID, all[i].Handle, want)
				}
				if ok {
					present++
				}
			}
		}
		if present == 0 || present == len(all) {
			t.Fatalf("%d of %d are there", present, len(all))
		}
		handles := make([]Handle, len(all))
		for i := range all {
			handles[i] = all[i].Handle
		}
		now := store.Millis(1 << 50)
		HeardAll(handles, now)
		HeardAll(handles, now-1) // never back
		for i := range all {
			if item, _, ok := r.Get(all[i].Service, all[i].ID); ok && item.LastHeartbeat != now {
				t.Fatalf("%s was heard of at %d", all[i].ID, item.LastHeartbeat)
			}
		}
		if allocs := testing.AllocsPerRun(10, func() { HeardAll(handles, now) }); allocs > 0 {
			t.Errorf("%v allocations to hear of many", allocs)
		}
		// The race detector has pools forget: then a lookup of hundreds takes some.
		if allocs := testing.AllocsPerRun(10, func() { r.FindAll(all) }); allocs > 8 {
			t.Errorf("%v allocations to look up %d", allocs, len(all))
		}
	})
}
