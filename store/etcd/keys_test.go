package etcd

import (
	"strings"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/roster-sd/roster/store"
)

var odd = []string{"user", "user-admin", "a/b", "a%2Fb", "%", "/", "%25", "..", "r", "t", "meta", "a b", "ü\x00", "u", "users"}

func TestKeysReadBack(t *testing.T) {
	l := newLayout("/roster/")
	seen := map[string]store.Key{}
	for _, service := range odd {
		for _, id := range odd {
			key := store.InstanceKey(service, id)
			raw := l.record(key)
			if other, ok := seen[raw]; ok {
				t.Fatalf("%v and %v stand in one place", key, other)
			}
			seen[raw] = key
			if got, ok := l.recordKey([]byte(raw)); !ok || got != key {
				t.Errorf("%q reads as %v, %v, want %v", raw, got, ok, key)
			}
			stone := l.stone(key, 0xabc)
			if got, gen, ok := l.stoneKey([]byte(stone)); !ok || got != key || gen != 0xabc {
				t.Errorf("%q reads as %v of %d, %v", stone, got, gen, ok)
			}
			if _, ok := l.recordKey([]byte(stone)); ok {
				t.Errorf("%q reads as a record", stone)
			}
		}
	}
	for _, raw := range []string{"/roster/meta", "/roster/r/", "/roster/r/a", "/roster/r/a/b", "/roster/r/a/b/c/d", "/other/r/a/b/c"} {
		if key, ok := l.recordKey([]byte(raw)); ok {
			t.Errorf("%q reads as the record %v", raw, key)
		}
	}
	for _, raw := range []string{"/roster/t/", "/roster/t/a/b/c", "/roster/t/a/b/c/xyz", "/roster/t/a/b/1", "/roster/t/1"} {
		if key, _, ok := l.stoneKey([]byte(raw)); ok {
			t.Errorf("%q reads as a tombstone of %v", raw, key)
		}
	}
}

// The range of a service holds its own records and no other's.
func TestSpansStayApart(t *testing.T) {
	l := newLayout("/roster/")
	for _, service := range odd {
		from, option := l.span(store.Selector{Kind: store.KindInstance, Service: service})
		op := clientv3.OpGet(from, option)
		for _, other := range odd {
			raw := l.record(store.InstanceKey(other, "1"))
			in := raw >= from && raw < string(op.RangeBytes())
			if in != (other == service) {
				t.Errorf("%q is in the range of %q: %v", raw, service, in)
			}
		}
	}
}

// Tombstones sort by generation.
func TestStonesSort(t *testing.T) {
	l := newLayout("/roster/")
	key, last := store.InstanceKey("user", "1"), ""
	for _, generation := range []uint64{0, 1, 9, 15, 16, 1 << 32, 1<<64 - 1} {
		raw := l.stone(key, generation)
		if raw <= last || !strings.HasPrefix(raw, l.grave(key)) {
			t.Errorf("%q does not follow %q", raw, last)
		}
		last = raw
	}
}

func FuzzKeys(f *testing.F) {
	f.Add("instance", "user", "1")
	f.Add("a/b", "%2F", "%")
	f.Fuzz(func(t *testing.T, kind, service, id string) {
		l, key := newLayout("/p/"), store.Key{Kind: kind, Service: service, ID: id}
		if got, ok := l.recordKey([]byte(l.record(key))); !ok || got != key {
			t.Errorf("%q reads as %v, %v", key, got, ok)
		}
	})
}

// A lease fits its own key in its own epoch, and practically nothing else.
func TestLeasesFit(t *testing.T) {
	key := store.InstanceKey("user", "1")
	for range 1000 {
		id := newLease(7, key)
		if id == 0 || id>>63 != 0 {
			t.Fatalf("%v is no lease of etcd's", id)
		}
		if !fits(id, 7, key) {
			t.Fatalf("%v does not fit its own key", id)
		}
		if fits(id, 8, key) || fits(id, 7, store.InstanceKey("user", "2")) || fits(id, 7, store.InstanceKey("use", "r1")) {
			t.Fatalf("%v fits what it is not for", id)
		}
	}
	made := map[store.LeaseID]bool{}
	for range 100 {
		made[newLease(7, key)] = true
	}
	if len(made) < 99 {
		t.Errorf("%d different leases of a key in 100", len(made))
	}
}
