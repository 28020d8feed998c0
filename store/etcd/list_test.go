package etcd_test

import (
	"testing"

	"github.com/roster-sd/roster/internal/etcdtest"
	"github.com/roster-sd/roster/store"
)

// TestListOfPages: a list of more records than a page has, one of another service among them,
// holds each of them once, and none of those that came later.
func TestListOfPages(t *testing.T) {
	t.Parallel()
	f := use(t, at(etcdtest.Start(t, quick)))
	refs := f.fleet(1250, lasting)
	f.put(store.InstanceKey("another", "1"), lasting)
	before := f.list()
	f.put(store.InstanceKey("zzz", "1"), lasting)
	if n := len(before.Records); n != len(refs)+1 {
		t.Fatalf("%d records, want %d", n, len(refs)+1)
	}
	snap, err := f.List(f.ctx, store.Selector{Kind: store.KindInstance, Service: "fleet"})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[store.Ref]bool{}
	for _, rec := range snap.Records {
		seen[rec.Ref()] = true
	}
	for _, ref := range refs {
		if !seen[ref] {
			t.Fatalf("%v is missing", ref.Key)
		}
	}
	if len(snap.Records) != len(refs) {
		t.Errorf("%d records, want %d", len(snap.Records), len(refs))
	}
}
