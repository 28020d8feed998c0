package idmap

import (
	"fmt"
	"testing"
)

// Many lookups at once find what each alone would: also in maps in which values have come and
// gone, in none, and of IDs that several ask for.
func TestLookups(t *testing.T) {
	maps := []*Map[thing]{nil, New(name)}
	for _, n := range []int{1, 10, 500, 20_000} {
		m := New(name)
		for i := range n {
			m.Set(fmt.Sprint(i), &thing{fmt.Sprint(i)})
		}
		for i := 0; i < n; i += 3 {
			m.Delete(fmt.Sprint(i))
		}
		maps = append(maps, m)
	}
	var all []Lookup[thing]
	for i := range 30_000 {
		all = append(all, Lookup[thing]{Map: maps[i%len(maps)], ID: fmt.Sprint(i % 21_000)})
	}
	for range 2 { // the second time over what the first has found
		Lookups(all)
		for i, l := range all {
			var want *thing
			if l.Map != nil {
				want = l.Map.Get(l.ID)
			}
			if l.Value != want {
				t.Fatalf("%d: %s is %v, want %v", i, l.ID, l.Value, want)
			}
		}
	}
	if allocs := testing.AllocsPerRun(5, func() { Lookups(all) }); allocs > 0 {
		t.Errorf("%v allocations", allocs)
	}
}

// BenchmarkLookups looks up values that are in no cache, in maps of 100: one after the other,
// and many at once.
func BenchmarkLookups(b *testing.B) {
	const services, each, batch = 10_000, 100, 256
	maps := make([]*Map[thing], services)
	for s := range maps {
		maps[s] = New(name)
		for i := range each {
			id := fmt.Sprintf("service-%05d-%03d", s, i)
			maps[s].Set(id, &thing{id})
		}
	}
	all := make([]Lookup[thing], services*each)
	for i := range all {
		s := i % services
		all[i] = Lookup[thing]{Map: maps[s], ID: fmt.Sprintf("service-%05d-%03d", s, i/services)}
	}
	run := func(name string, do func([]Lookup[thing])) {
		b.Run(name, func(b *testing.B) {
			at := 0
			for b.Loop() {
				do(all[at : at+batch])
				if at += batch; at+batch > len(all) {
					at = 0
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*batch), "ns/lookup")
		})
	}
	run("one after the other", func(part []Lookup[thing]) {
		for i := range part {
			part[i].Value = part[i].Map.Get(part[i].ID)
		}
	})
	run("at once", Lookups[thing])
}
