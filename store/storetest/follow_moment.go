package storetest

import (
	"errors"
	"fmt"
	"time"

	"github.com/roster-sd/roster/store"
)

// A snapshot that was taken while others wrote is the state of one moment: that to which
// the feed leads up to the snapshot's revision.
func followSnapshots(e *env) {
	const writers, writes = 4, 120
	master, err := e.newFollower(e.s, store.Selector{})
	if err != nil {
		e.t.Fatal(err)
	}
	p := newPace(writers, 1)
	var snaps []store.Snapshot
	errs := atOnce(writers+1, func(i int) error {
		if i < writers {
			defer p.writerLeaves()
			return e.churn(e.s, uint64(i+1), writes, p)
		}
		defer p.readerLeaves()
		for p.more(10) {
			snap, err := e.s.List(e.ctx, store.Selector{})
			if err != nil {
				return err
			}
			if n := len(snaps); n == 0 || snap.Revision != snaps[n-1].Revision {
				snaps = append(snaps, snap)
			}
		}
		return nil
	})
	if err := errors.Join(errs...); err != nil {
		e.t.Fatal(err)
	}
	if err := master.readTo(e.mark(store.Selector{}).Key); err != nil {
		e.t.Fatal(err)
	}
	v, next := viewOf(master.snap), 0
	for i, snap := range snaps {
		if i > 0 && !snaps[i-1].Revision.Before(snap.Revision) {
			e.t.Fatalf("a list at %v came after one at %v", snap.Revision, snaps[i-1].Revision)
		}
		for next < len(master.feed) && !snap.Revision.Before(master.feed[next].Revision) {
			if why := v.apply(master.feed[next]); why != "" {
				e.t.Fatal(why)
			}
			next++
		}
		if why := v.differs(snap); why != "" {
			e.t.Fatalf("the list at %v is of no one moment: %s", snap.Revision, why)
		}
	}
	e.t.Logf("%d snapshots among %d events", len(snaps), len(master.feed))
	if err := master.c.w.Close(); err != nil {
		e.t.Errorf("Watcher.Close: %v", err)
	}
}

// Expiries are part of the feed like everything else: whoever lists and watches at any
// time ends with the store's state when all leases are over.
func followExpiry(e *env) {
	const n = 60
	var followers []*follower
	var first, last lease
	for i := range n {
		last = e.leased(store.InstanceKey("user", fmt.Sprint(i)), e.unit)
		if i == 0 {
			first = last
		}
		if i%20 == 10 {
			f, err := e.newFollower(e.s, store.Selector{Service: "user"})
			if err != nil {
				e.t.Fatal(err)
			}
			followers = append(followers, f)
		}
	}
	stays := e.put(store.InstanceKey("user", "stays"), lasting)
	// From the first on: where registering takes long, some are over before the last is there.
	c := e.follow(e.s, store.Selector{Service: "user"}, first.Revision)
	for left := 0; left < n; {
		if ev := c.event(time.Until(e.announced(last)) + e.h.Patience); ev.Deleted() {
			left++
		}
	}
	mark := e.mark(store.Selector{Service: "user"})
	for _, f := range followers {
		if err := f.readTo(mark.Key); err != nil {
			e.t.Fatal(err)
		}
		v, err := f.view()
		if err != nil {
			e.t.Fatal(err)
		}
		if len(v) != 2 || v[stays.Key] == nil || v[mark.Key] == nil {
			e.t.Errorf("after all leases are over a reader knows %d records, want 2", len(v))
		}
		if err := f.c.w.Close(); err != nil {
			e.t.Errorf("Watcher.Close: %v", err)
		}
	}
}
