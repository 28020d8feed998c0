package catalog

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/store"
)

func (r *rig) changed(service string) store.Revision {
	changed, _ := r.Changed(service)
	return changed.Revision
}

func (r *rig) listed() store.Revision {
	_, changed, _ := r.Services()
	return changed.Revision
}

func awake(s *Subscription) bool {
	select {
	case <-s.Wake():
		return true
	default:
		return false
	}
}

// TestInvisible: a change of token, or of nothing, moves the catalog along and wakes
// nobody; what it carries is there all the same.
func TestInvisible(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Options{})
		r.put("a", "1")
		r.settle()
		sub, _ := r.Subscribe(nil)
		changed, listed := r.changed("a"), r.listed()
		body := r.Service("a")

		rec := r.rotate("a", "1")
		r.settle()
		if r.Revision() != rec.Revision {
			t.Fatalf("at %v, not at the rotation %v", r.Revision(), rec.Revision)
		}
		if h, _ := r.Find("a", "1"); h.Packed != store.Pack(rec) {
			t.Error("the rotated token did not arrive")
		}
		if awake(sub) || take(t, sub) != "" {
			t.Error("a rotation woke a subscriber")
		}
		if r.changed("a") != changed || r.listed() != listed || r.Service("a").Changed != body.Changed {
			t.Error("a rotation moved what clients compare")
		}
		r.audit()

		before := r.Revision()
		r.change("a", "1") // to what it is
		r.settle()
		if r.Revision() != before || awake(sub) {
			t.Error("a change that is none was told")
		}
	})
}

// TestChanged: the position of a service moves with every visible change to it, its
// deletions too, and with nothing else.
func TestChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Options{})
		r.put("other", "1")
		r.settle()
		seen := map[store.Revision]string{}
		moved := func(what string, do func()) {
			t.Helper()
			other := r.changed("other")
			do()
			r.settle()
			now, rev := r.Changed("a")
			if now != rev {
				t.Errorf("%s: at %v, and the change was at %v", what, now, rev)
			}
			if before, ok := seen[now.Revision]; ok {
				t.Errorf("%s: the same position as after %s", what, before)
			}
			if v := r.Service("a"); v.Changed != now || v.Revision != rev {
				t.Errorf("%s: the view says %v at %v", what, v.Changed, v.Revision)
			}
			if r.changed("other") != other {
				t.Errorf("%s: moved another service", what)
			}
			seen[now.Revision] = what
		}
		moved("the first", func() { r.put("a", "1") })
		moved("a second", func() { r.putFor("a", "2", 5*time.Second) })
		moved("an update", func() { r.change("a", "1", weight(7)) })
		moved("a registration of the same", func() { r.put("a", "1") })
		moved("an expiry", func() { r.pass(6 * time.Second) })
		moved("the last that goes", func() { r.drop("a", "1") })
		if v := r.Service("a"); v.Len() != 0 || v.Changed != Pure(r.changed("a")) {
			t.Errorf("the empty service has %d at %v", v.Len(), v.Changed)
		}
		moved("one that comes back", func() { r.put("a", "1") })
		r.audit()
	})
}

// TestListed: the position of the service list moves only when a name or a count does.
func TestListed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Options{})
		check := func(what string, moves bool, lines string, do func()) {
			t.Helper()
			before := r.listed()
			do()
			r.settle()
			if got := r.listed() != before; got != moves {
				t.Errorf("%s: moved %v, want %v", what, got, moves)
			}
			got, changed, rev := r.Services()
			if text := fmt.Sprint(got); text != lines {
				t.Errorf("%s: %s, want %s", what, text, lines)
			}
			if moves && (changed != rev || rev != Pure(r.Revision())) {
				t.Errorf("%s: list of %v at %v", what, changed, rev)
			}
		}
		check("nothing", false, "[]", func() {})
		check("a service", true, "[{b 1 1 false}]", func() { r.put("b", "1") })
		check("another", true, "[{a 1 0 false} {b 1 1 false}]", func() { r.put("a", "1", status(store.StatusStarting)) })
		check("a change of weight", false, "[{a 1 0 false} {b 1 1 false}]", func() { r.change("b", "1", weight(1)) })
		check("a rotation", false, "[{a 1 0 false} {b 1 1 false}]", func() { r.rotate("b", "1") })
		check("the same again", false, "[{a 1 0 false} {b 1 1 false}]", func() { r.put("b", "1") })
		check("one more up", true, "[{a 1 1 false} {b 1 1 false}]", func() { r.change("a", "1", status(store.StatusUp)) })
		check("suspect is up", false, "[{a 1 1 false} {b 1 1 false}]", func() { r.change("a", "1", health(store.HealthSuspect)) })
		check("failing is not", true, "[{a 1 0 false} {b 1 1 false}]", func() { r.change("a", "1", health(store.HealthFailing)) })
		check("one more", true, "[{a 2 1 false} {b 1 1 false}]", func() { r.put("a", "2") })
		check("one goes", true, "[{a 1 0 false} {b 1 1 false}]", func() { r.drop("a", "2") })
		check("the last goes", true, "[{a 1 0 false}]", func() { r.drop("b", "1") })
		r.audit()
		if n := r.Stats().Services; n != 1 {
			t.Errorf("%d services", n)
		}
	})
}

// TestFloor: what is said of a service that is not known is a position at which nothing
// was known of it, and moves when a service is forgotten.
func TestFloor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := prepare(t, Options{})
		r.put("a", "1")
		r.run()
		r.settle()
		first := r.changed("unknown")
		if first != r.Revision() || first.IsZero() {
			t.Fatalf("floor %v after the list at %v", first, r.Revision())
		}
		r.put("a", "2")
		r.settle()
		if r.changed("unknown") != first || r.Service("unknown").Changed != Pure(first) {
			t.Fatal("another service moved the position of an unknown one")
		}
		if item, rev, ok := r.Get("unknown", "1"); ok || rev != Pure(r.Revision()) || item.Packed() != nil {
			t.Fatal("an unknown instance was found")
		}

		// One after the other comes and goes, until the first is forgotten.
		emptied := make(map[string]store.Revision)
		r.put("emptied", "1")
		emptied["emptied"] = r.drop("emptied", "1")
		r.put("refilled", "1")
		r.drop("refilled", "1")
		r.put("refilled", "2")
		for i := range maxEmpties - 2 {
			name := fmt.Sprintf("s%d", i)
			r.put(name, "1")
			emptied[name] = r.drop(name, "1")
			if i%512 == 0 {
				r.settle()
			}
		}
		r.settle()
		if r.changed("unknown") != first {
			t.Fatal("something was forgotten too soon")
		}
		if r.changed("emptied") != emptied["emptied"] {
			t.Fatalf("emptied at %v, not at %v", r.changed("emptied"), emptied["emptied"])
		}
		r.audit()

		for i := range 3 {
			r.put(fmt.Sprintf("t%d", i), "1")
			r.drop(fmt.Sprintf("t%d", i), "1")
		}
		r.settle()
		r.audit()
		if len(r.empties) != maxEmpties {
			t.Errorf("%d empty services are remembered", len(r.empties))
		}
		if _, ok := r.services["emptied"]; ok {
			t.Error("the oldest was not forgotten")
		}
		want(t, "refilled", ids(r.Service("refilled")), "2")
		floor := r.changed("unknown")
		for _, name := range []string{"emptied", "s0"} {
			now := r.changed(name)
			if now != floor || !emptied[name].Before(now) {
				t.Errorf("%s: at %v once forgotten, and it was emptied at %v", name, now, emptied[name])
			}
		}
		if r.Revision().Before(floor) {
			t.Errorf("floor %v is ahead of %v", floor, r.Revision())
		}
		// And known again, it has a position of its own.
		r.put("emptied", "1")
		r.settle()
		if now := r.changed("emptied"); !floor.Before(now) || now != r.Revision() {
			t.Errorf("known again at %v", now)
		}
		r.audit()
	})
}

// TestFloorInABatch: of a service that comes, goes and is forgotten within one batch the
// floor is not before its end.
func TestFloorInABatch(t *testing.T) {
	c := New(Options{Encode: encode})
	at := func(n int) store.Revision { return store.Revision{Epoch: 1, Number: uint64(n)} }
	c.load(store.Snapshot{Revision: at(1)}, nil, nil)
	var batch store.Batch
	const n = maxEmpties + 3
	for i := range n {
		rec := record(fmt.Sprint("s", i), "1")
		rec.Revision, rec.Changed = at(2*i+2), uint64(2*i+2)
		batch.Events = append(batch.Events, store.Event{Revision: at(2*i + 2), Record: &rec},
			store.Event{Revision: at(2*i + 3), Before: &rec})
	}
	batch.Revision = at(2*n + 1)
	c.apply(batch)
	if changed, _ := c.Changed("s2"); changed != Pure(at(2*2+3)) {
		t.Errorf("the last that was forgotten ended at %d, and is said to have changed at %v", 2*2+3, changed)
	}
	if err := audit(c, store.Snapshot{}); err != nil {
		t.Error(err)
	}
}
