package client

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/wire"
)

// What a registry without its past does not speak of is kept for a TTL, however many
// snapshots it sends meanwhile; they do not make that longer, either.
func TestKeptThroughSnapshots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &Resolver{ctx: t.Context(), ready: make(chan struct{}), changes: make(chan struct{}, 1)}
		b := &r.book
		b.resolver = r
		snapshot := func(position string, ids ...string) {
			part := &wire.SnapshotPart{Last: true}
			for _, id := range ids {
				part.Instances = append(part.Instances, wire.Instance{InstanceID: id, Health: healthPassing, TTL: 30_000})
			}
			r.mu.Lock()
			defer r.mu.Unlock()
			b.apply(Event{Type: wire.WatchSnapshot, First: true, ID: position, Snapshot: part})
		}
		want := func(when string, ids ...string) {
			t.Helper()
			r.mu.Lock()
			defer r.mu.Unlock()
			var got []string
			for _, in := range b.instances() {
				got = append(got, in.InstanceID+" "+in.Health)
			}
			if !slices.Equal(got, ids) {
				t.Errorf("%s: %q, want %q", when, got, ids)
			}
		}
		snapshot("one.5", "a", "b")
		snapshot("two.1", "a")
		want("a registry without its past", "a passing", "b suspect")
		pass(10 * time.Second)
		snapshot("two.7", "a", "c")
		want("the same once more", "a passing", "b suspect", "c passing")
		pass(10 * time.Second)
		snapshot("three.1", "a", "c")
		want("another one", "a passing", "b suspect", "c passing")
		snapshot("three.2", "c")
		want("one that knew a, and does not any more", "b suspect", "c passing")
		pass(11 * time.Second)
		want("after a TTL", "c passing")
	})
}
