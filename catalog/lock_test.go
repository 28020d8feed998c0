package catalog

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/store"
)

// loaded gives a catalog of services of n instances each, of two zones in turn.
func loaded(n int, services ...string) *Catalog {
	c := New(Options{Encode: encode})
	snap := store.Snapshot{Revision: store.Revision{Epoch: 1}}
	for _, service := range services {
		for i := range n {
			rec := record(service, fmt.Sprintf("id-%05d", i), func(in *store.Instance) { in.Zone = string(rune('a' + i%2)) })
			snap.Revision.Number++
			rec.Revision, rec.Changed = snap.Revision, snap.Revision.Number
			rec.RegisteredAt = store.Millis(i)
			snap.Records = append(snap.Records, &rec)
		}
	}
	c.load(snap, nil, nil)
	c.warmOnce.Do(func() { close(c.warm) })
	return c
}

// changeOf gives the batch that sets or, without a record, removes an instance.
func (c *Catalog) changeOf(key store.Key, rec *store.Record) store.Batch {
	rev := c.applied
	rev.Number++
	ev := store.Event{Revision: rev, Record: rec, Reason: store.Reason{Code: store.Updated}}
	if before := c.known(key); before != nil {
		ev.Before = before.Record()
	}
	if rec != nil {
		rec.Revision, rec.Changed = rev, rev.Number
	}
	return store.Batch{Revision: rev, Events: []store.Event{ev}}
}

// before gives whether do ends in good time; what does not would wait for ever.
func before(do func()) bool {
	done := make(chan struct{})
	go func() { defer close(done); do() }()
	select {
	case <-done:
		return true
	case <-time.After(20 * time.Second):
		return false
	}
}

// TestWalksWithoutTheLock: a choice that looks at many instances does so on a snapshot. While
// some do nothing else, the lock is there for a writer.
func TestWalksWithoutTheLock(t *testing.T) {
	c := loaded(10_000, "big")
	s := c.services["big"]
	for _, tc := range []struct {
		name   string
		choice Choice
		walks  bool
	}{
		{"all", Choice{}, false},
		{"weighted", Choice{Strategy: Weighted}, false},
		{"recent", Choice{Strategy: Recent}, false},
		{"hash", Choice{Strategy: Hash, Key: "k"}, true},
		{"zone", Choice{Filter: Filter{Zone: "a"}}, true},
		{"nothing matches", Choice{Filter: Filter{Zone: "x"}}, true},
		{"status", Choice{Filter: Filter{Status: store.StatusDraining}}, true},
	} {
		if got := s.walks(&tc.choice); got != tc.walks {
			t.Errorf("%s: walks %v", tc.name, got)
		}
	}
	stop, began := make(chan struct{}), make(chan struct{})
	var once sync.Once
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for {
				if out := c.Resolve("big", Choice{Filter: Filter{Zone: "x"}}); out.Found || out.Live != 10_000 {
					t.Errorf("%+v", out)
				}
				once.Do(func() { close(began) })
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	<-began
	free := 0
	for range 100 {
		if c.mu.TryLock() {
			free++
			c.mu.Unlock()
		}
		runtime.Gosched()
	}
	close(stop)
	wg.Wait()
	// Two who held it while they walk would leave it free next to never.
	if free < 10 {
		t.Errorf("the lock was free %d times of 100", free)
	}
}

// TestOldViewsStay: between two changes all views are of one tree, and none of them
// sees what is written after it was taken.
func TestOldViewsStay(t *testing.T) {
	c := loaded(300, "a", "b")
	first, other := c.Service("a"), c.Service("b")
	if again := c.Service("a"); again.tree != first.tree {
		t.Error("a view without a change in between has a tree of its own")
	}
	_, views := c.Subscribe(nil)
	if len(views) != 2 || views[0].tree != first.tree || views[1].tree != other.tree {
		t.Error("a subscription has trees of its own")
	}
	c.Resolve("a", Choice{Filter: Filter{Zone: "a"}})
	if c.services["a"].snap != first.tree {
		t.Error("a walk has taken a tree of its own")
	}
	was := ids(first)
	rec := record("a", "new")
	c.apply(c.changeOf(rec.Key, &rec))
	second := c.Service("a")
	if second.tree == first.tree || second.Len() != 301 || c.Service("b").tree != other.tree {
		t.Errorf("after a change: %d, and the other service's is the same: %v", second.Len(), c.Service("b").tree == other.tree)
	}
	for i := range 300 {
		c.apply(c.changeOf(store.InstanceKey("a", fmt.Sprintf("id-%05d", i)), nil))
		c.Service("a")
	}
	if ids(first) != was || second.Len() != 301 || ids(c.Service("a")) != "new" {
		t.Errorf("old views have %d and %d, the present one %q", first.Len(), second.Len(), ids(c.Service("a")))
	}
}

// TestNobodyWaitsForADelivery: while changes go out to subscribers, others come and go,
// and are told from where they came in.
func TestNobodyWaitsForADelivery(t *testing.T) {
	c := loaded(1, "a", "b")
	stuck, _ := c.Subscribe([]string{"a"})
	leaving, _ := c.Subscribe([]string{"a"})
	from := c.Revision()
	rec := record("a", "id-00000", weight(7))
	batch := c.changeOf(rec.Key, &rec)
	stuck.mu.Lock() // its delivery stops here
	var writer sync.WaitGroup
	writer.Go(func() { c.apply(batch) })
	for c.deliver.TryLock() { // until the writer has come that far
		c.deliver.Unlock()
		runtime.Gosched()
	}
	ok := before(func() {
		sub, views := c.Subscribe(nil)
		if sub.Start() != Pure(batch.Revision) || len(views) != 2 {
			t.Errorf("began at %v with %d views", sub.Start(), len(views))
		}
		c.Follow([]string{"a"}).Close()
		if again, ok := c.Resume([]string{"a"}, Pure(from)); !ok || take(t, again) != "+id-00000" {
			t.Error("what is being delivered cannot be resumed")
		}
		leaving.Close()
		sub.Close()
		c.Resolve("a", Choice{})
		c.Service("b")
	})
	stuck.mu.Unlock()
	writer.Wait()
	if !ok {
		t.Fatal("they waited for the delivery")
	}
	want(t, "the one that was waited for", take(t, stuck), "+id-00000")
}

// TestEmptiedServicesLetGo: what the instances of a service took is given back with the
// last of them, and the service fills again.
func TestEmptiedServicesLetGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Options{})
		for round := range 2 {
			for i := range 100 {
				r.put("a", fmt.Sprint(i))
			}
			r.settle()
			s := r.services["a"]
			if n := cap(s.pools[tierPassing].entries); n < 100 {
				t.Fatalf("round %d: room for %d", round, n)
			}
			for i := range 100 {
				r.drop("a", fmt.Sprint(i))
			}
			r.settle()
			for i := range s.pools {
				if cap(s.pools[i].entries) != 0 || cap(s.pools[i].weights) != 0 {
					t.Errorf("pool %d keeps room for %d", i, cap(s.pools[i].entries))
				}
			}
			if err := audit(r.Catalog, r.list()); err != nil {
				t.Error(err)
			}
		}
	})
}

// TestReadersAndAWriter is for the race detector: every way to choose, and the views, while
// instances change, leave and come, in a service that is walked on snapshots.
func TestReadersAndAWriter(t *testing.T) {
	c := loaded(2*shortWalk, "a")
	var readers sync.WaitGroup
	read := func(do func()) {
		readers.Go(func() {
			for range 100 { // those that never rest would leave a writer no processor
				do()
			}
		})
	}
	for _, strategy := range strategies {
		for _, filter := range []Filter{{}, {Zone: "a"}, {Status: store.StatusUp}, {Status: store.StatusDraining}} {
			read(func() {
				out := c.Resolve("a", Choice{Strategy: strategy, Key: "k", Filter: filter})
				if out.Found && !filter.Match(out.Item.Packed()) {
					t.Errorf("%+v gave %+v", filter, out.Item.Record().Instance)
				}
			})
		}
	}
	read(func() {
		v, n := c.Service("a"), 0
		for range v.Items("") {
			n++
		}
		if n != v.Len() {
			t.Errorf("%d of %d", n, v.Len())
		}
	})
	read(func() { sub, _ := c.Subscribe(nil); sub.Resync(); sub.Close() })
	read(func() {
		if changed, rev := c.Changed("a"); rev.Before(changed.Revision) {
			t.Errorf("changed at %v, and now it is %v", changed, rev)
		}
	})
	for i := range 100 {
		id := fmt.Sprintf("id-%05d", rand.N(2*shortWalk))
		if key := store.InstanceKey("a", id); i%3 == 0 && c.known(key) != nil {
			c.apply(c.changeOf(key, nil))
			continue
		}
		rec := record("a", id, func(in *store.Instance) { in.Zone, in.Weight = "a", uint16(i+1) })
		if i%5 == 0 {
			rec.Instance.Status = store.StatusDraining
		}
		c.apply(c.changeOf(rec.Key, &rec))
	}
	readers.Wait()
}
