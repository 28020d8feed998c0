package catalog

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/roster-sd/roster/store"
)

// TestChangeLogBounds: the log keeps the newest changes, as many as its bounds of number and
// bytes allow and at least one, and knows up to where it has forgotten.
func TestChangeLogBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := changeLog{limit: rapid.IntRange(1, 8).Draw(t, "limit"), most: rapid.IntRange(1, 20_000).Draw(t, "most")}
		l.reset(store.Revision{Epoch: 1, Number: 10}, 0, 0)
		var all []*Change
		for i := range rapid.IntRange(1, 40).Draw(t, "changes") {
			pad := rapid.IntRange(0, 2000).Draw(t, "pad")
			rec := store.Pack(&store.Record{Key: store.InstanceKey("a", "1"), Instance: store.Instance{Meta: strings.Repeat("x", pad)}})
			ch := &Change{Revision: store.Revision{Epoch: 1, Number: uint64(11 + i)}, seq: uint64(1 + i), After: rec}
			if rapid.Bool().Draw(t, "left") {
				ch.Before, ch.After = rec, nil
			}
			all = append(all, ch)
			l.add(ch)
			size, n := 0, 0
			for n < len(all) && n < l.limit && (n == 0 || size+all[len(all)-1-n].size() <= l.most) {
				size += all[len(all)-1-n].size()
				n++
			}
			if l.count != n || l.size != size {
				t.Fatalf("after %d changes %d are kept with %d bytes, want %d with %d", len(all), l.count, l.size, n, size)
			}
			for k := range n {
				if l.at(k) != all[len(all)-n+k] {
					t.Fatalf("change %d of the log is not the %dth of all", k, len(all)-n+k)
				}
			}
			if forgotten := uint64(10 + len(all) - n); l.base.Number != forgotten || l.baseSeq != forgotten-10 {
				t.Fatalf("base %v %d, want %d", l.base, l.baseSeq, forgotten)
			}
		}
	})
}
