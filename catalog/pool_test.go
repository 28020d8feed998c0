package catalog

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/roster-sd/roster/store"
)

func member(id string, weight uint16) *entry {
	return &entry{rec: store.Pack(&store.Record{Key: store.Key{ID: id}, Instance: store.Instance{Weight: weight}}), state: new(state)}
}

// TestPool: after any adds and removes, sums and slots are right, and each entry is
// found by exactly as many numbers as it weighs.
func TestPool(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var p pool
		for i := range rapid.IntRange(1, 60).Draw(t, "steps") {
			if n := len(p.entries); n > 0 && rapid.IntRange(0, 9).Draw(t, "what") < 4 {
				slot := int32(rapid.IntRange(0, n-1).Draw(t, "slot"))
				last := p.entries[n-1]
				moved := p.remove(slot)
				if int(slot) == n-1 && moved != nil || int(slot) < n-1 && (moved != last || p.entries[slot] != last) {
					t.Fatalf("remove(%d) of %d gave %v", slot, n, moved)
				}
			} else {
				e := member(fmt.Sprint(i), uint16(rapid.IntRange(0, 9).Draw(t, "weight")))
				if slot := p.add(e); int(slot) != len(p.entries)-1 || p.entries[slot] != e {
					t.Fatalf("add gave %d of %d", slot, len(p.entries))
				}
			}
			if err := p.audit(); err != nil {
				t.Fatal(err)
			}
			hits := make(map[*entry]uint64)
			for n := range p.total() {
				hits[p.at(n)]++
			}
			for _, e := range p.entries {
				if hits[e] != e.weight() {
					t.Fatalf("%s weighs %d and is found by %d numbers", e.rec.ID(), e.weight(), hits[e])
				}
			}
		}
	})
}
