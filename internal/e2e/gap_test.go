//go:build unix

package e2e

import (
	"context"
	"testing"
	"time"

	"github.com/roster-sd/roster/client"
	"github.com/roster-sd/roster/internal/tcpproxy"
	"github.com/roster-sd/roster/wire"
)

// resumesInsideGap takes a watcher from one node to another, with a position that the other
// was never at: it was cut off then, and had to read everything anew. What happened
// between that position and the one it read is not known there, so it must not go on from
// it as if nothing had: an instance that left meanwhile would stay with the watcher for ever.
func resumesInsideGap(t *testing.T, b sharedBackend) {
	c := newCluster(t, b, 2, false)
	here, there := c.client(0, patient), c.client(1, patient)
	ctx, cancel := context.WithTimeout(t.Context(), patient)
	defer cancel()
	ttl := time.Minute.Milliseconds()
	register := func(id string) wire.Registered {
		t.Helper()
		got, err := here.RegisterOnce(ctx, wire.Registration{ServiceName: "s", InstanceID: id, Address: "10.0.0.1", Port: 1, TTL: &ttl}, "")
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	resyncs := func() float64 { return (&load{t: t, cluster: c}).metric(1, "roster_catalog_resyncs_total") }
	// follow applies what a watcher is told until it knows an instance.
	follow := func(w *client.Watcher, names map[string]bool, until string) (position string) {
		t.Helper()
		for !names[until] {
			e, err := w.Next(ctx)
			if err != nil {
				t.Fatalf("waiting for %s, knowing %v: %v", until, names, err)
			}
			switch e.Type {
			case wire.WatchSnapshot:
				clear(names) // it has one part
				for _, in := range e.Snapshot.Instances {
					names[in.InstanceID] = true
				}
			case wire.WatchPut:
				names[e.Instance.InstanceID] = true
			case wire.WatchDelete:
				delete(names, e.Deleted.InstanceID)
			}
			position = e.ID
		}
		return position
	}

	register("before")
	before := resyncs()
	b.cut(1, tcpproxy.Reset)
	short := register("short-lived")
	w, err := here.Watch(ctx, client.WatchOptions{Services: []string{"s"}})
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	position := follow(w, names, "short-lived")
	w.Close()
	if err := here.Deregister(ctx, wire.InstanceRef{ServiceName: "s", InstanceID: "short-lived"}, short.Token, ""); err != nil {
		t.Fatal(err)
	}
	register("after")
	b.forget()
	b.heal(1)
	eventually(t, "the other node has read anew", func() bool {
		_, err := there.Instance(ctx, wire.InstanceRef{ServiceName: "s", InstanceID: "after"}, client.ReadOptions{})
		return err == nil
	})
	if resyncs() == before {
		t.Fatal("the other node did not have to read anew: this proves nothing")
	}

	// Either a snapshot comes, or what leads from the position to the present.
	w, err = there.Watch(ctx, client.WatchOptions{Services: []string{"s"}, After: position})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	follow(w, names, "after")
	if names["short-lived"] || !names["before"] {
		t.Errorf("from %s on the watcher knows %v, but short-lived had left", position, names)
	}
}
