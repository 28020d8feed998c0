package lease

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestRevokeAnywhereKeepsTheHeap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tab := new(clocks).table()
		var ids []ID
		for _, ttl := range rapid.SliceOfN(rapid.IntRange(1, 1000), 20, 150).Draw(t, "ttls") {
			ids = append(ids, tab.Grant(time.Duration(ttl)))
		}
		for _, id := range rapid.Permutation(ids).Draw(t, "order") {
			if !tab.Revoke(id) {
				t.Fatalf("Revoke(%x) is false", id)
			}
			checkHeap(t, tab)
		}
		if tab.Len() != 0 {
			t.Fatalf("%d left", tab.Len())
		}
	})
}
