package api_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/wire"
)

// A snapshot comes in parts of at most 1,000, in order, and its position with the last one.
func TestWatchSnapshotParts(t *testing.T) {
	for count, want := range map[int][]int{0: {0}, 1: {1}, 1000: {1000}, 1001: {1000, 1}, 2500: {1000, 1000, 500}} {
		synctest.Test(t, func(t *testing.T) {
			n := simulate(t, setup{})
			for i := range count {
				n.put("orders", fmt.Sprintf("o-%04d", i), nil)
			}
			n.put("shop", "s-1", nil)
			synctest.Wait()
			s := n.watch("/registry/watch?service=orders")
			list, parts, position := s.snapshot()
			if !slices.Equal(parts, want) || position != n.catalog.Revision().String() || s.header.Get(wire.HeaderRevision) != position {
				t.Errorf("%d instances: parts %v, position %s of %v", count, parts, position, n.catalog.Revision())
			}
			for i, in := range list {
				if in.InstanceID != fmt.Sprintf("o-%04d", i) {
					t.Fatalf("instance %d is %s", i, in.InstanceID)
				}
			}
		})
	}
}

// Each change is told with its reason, and who did what where.
func TestWatchTellsChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simulate(t, setup{})
		s := n.watch("/registry/watch")
		s.snapshot()
		reg := decode[wire.Registered](n.do("POST", "/registry/register", registration("ttl:5000", `zone:"a"`)).want(201))
		in, f := s.put()
		if in.InstanceID != "o-1" || in.Zone != "a" || f.id != in.Revision || in.Revision != reg.Instance.Revision {
			t.Errorf("registered: %+v, id %s", in, f.id)
		}
		n.do("PATCH", orders+"/o-1", `{"weight":7,"metadata":{"k":"v"}}`, withToken(reg.Token)).want(200)
		if in, _ = s.put(); in.Weight != 7 || in.Metadata["k"] != "v" {
			t.Errorf("updated: %+v", in)
		}
		reg = decode[wire.Registered](n.do("POST", "/registry/register", registration("ttl:5000")).want(200))
		if in, _ = s.put(); in.Weight != 100 || in.Zone != "" {
			t.Errorf("replaced: %+v", in)
		}
		n.do("DELETE", orders+"/o-1?reason=scale+down", nil, withToken(reg.Token)).want(204)
		d, f := s.deleted()
		want := wire.Deleted{ServiceName: "orders", InstanceID: "o-1", Revision: f.id, Reason: "deregistered", Note: "scale down", Actor: "orders", Node: "n1"}
		if d != want {
			t.Errorf("deregistered: %+v, want %+v", d, want)
		}
		if strings.Contains(f.data, "192.0.2.7") {
			t.Errorf("the caller's address is told: %s", f.data)
		}

		n.do("POST", "/registry/register", registration("ttl:5000")).want(201)
		s.put()
		began := time.Now()
		if d, f = s.deleted(); d != (wire.Deleted{ServiceName: "orders", InstanceID: "o-1", Revision: f.id, Reason: "expired", Node: "n1"}) {
			t.Errorf("expired: %+v", d)
		}
		if late := time.Since(began) - 5*time.Second; late < 0 || late > 50*time.Millisecond {
			t.Errorf("the expiry was told %v after the deadline", late)
		}
		n.put("orders", "o-2", nil)
		s.put()
		n.drop("orders", "o-2", store.Reason{Code: store.Forced, Note: "stuck", Actor: "ops", Node: "n2"})
		if d, f = s.deleted(); d != (wire.Deleted{ServiceName: "orders", InstanceID: "o-2", Revision: f.id, Reason: "forced", Note: "stuck", Actor: "ops", Node: "n2"}) {
			t.Errorf("forced: %+v", d)
		}
	})
}

// Through a filter a watcher sees what comes to match, changes and leaves, and nothing else.
func TestWatchThroughAFilter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simulate(t, setup{})
		n.put("orders", "a", zone("x"))
		n.put("orders", "b", zone("y"))
		synctest.Wait()
		s := n.watch("/registry/watch?service=orders&zone=x&status=up")
		if list, _, _ := s.snapshot(); ids(list) != "a" {
			t.Errorf("the snapshot holds %s", ids(list))
		}
		n.put("orders", "c", zone("y"))
		n.update("orders", "b", func(in *store.Instance) { in.Weight = 1 })
		n.drop("orders", "c", store.Reason{})
		n.update("orders", "b", zone("x"))
		if in, _ := s.put(); in.InstanceID != "b" || in.Weight != 1 {
			t.Errorf("came to match: %+v", in)
		}
		n.update("orders", "a", func(in *store.Instance) { in.Status = "draining" })
		d, f := s.deleted()
		if d != (wire.Deleted{ServiceName: "orders", InstanceID: "a", Revision: f.id, Reason: wire.Unmatched}) {
			t.Errorf("left: %+v", d)
		}
		n.drop("orders", "a", store.Reason{}) // it is not there any more
		n.drop("orders", "b", store.Reason{Note: "over"})
		if d, _ = s.deleted(); d.InstanceID != "b" || d.Reason != "deregistered" || d.Note != "over" {
			t.Errorf("ended: %+v", d)
		}
	})
}

// A watcher is told of the services that it named, all if none, and of those to come.
func TestWatchServices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simulate(t, setup{})
		n.put("orders", "o-1", nil)
		n.put("orders-2", "p-1", nil)
		n.put("shop", "s-1", nil)
		synctest.Wait()
		follow := make(map[string]*stream)
		for query, want := range map[string]string{
			"":                           "o-1 p-1 s-1",
			"?service=orders":            "o-1",
			"?service=shop&service=new":  "s-1",
			"?service=new":               "",
			"?service=shop&service=shop": "s-1",
			"?service=new&service=orders&service=shop": "o-1 s-1",
		} {
			follow[query] = n.watch("/registry/watch" + query)
			if list, _, _ := follow[query].snapshot(); ids(list) != want {
				t.Errorf("%s: the snapshot holds %q, want %q", query, ids(list), want)
			}
		}
		n.put("new", "n-1", nil)
		n.put("orders-2", "p-2", nil)
		n.put("orders", "o-2", nil)
		n.put("shop", "s-2", nil)
		n.drop("new", "n-1", store.Reason{})
		for query, want := range map[string]string{
			"":                           "put n-1; put p-2; put o-2; put s-2; delete n-1 deregistered",
			"?service=orders":            "put o-2",
			"?service=shop&service=new":  "put n-1; put s-2; delete n-1 deregistered",
			"?service=new":               "put n-1; delete n-1 deregistered",
			"?service=shop&service=shop": "put s-2",
			"?service=new&service=orders&service=shop": "put n-1; put o-2; put s-2; delete n-1 deregistered",
		} {
			if got := follow[query].told(strings.Count(want, ";") + 1); got != want {
				t.Errorf("%s: %s, want %s", query, got, want)
			}
		}
	})
}

// What is of one revision comes together, and only the last event of it has the position.
func TestWatchKeepsRevisionsWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simulate(t, setup{})
		for i, z := range []string{"a", "a", "b"} {
			n.do("POST", "/registry/register", registration(fmt.Sprintf(`instanceId:"o-%d"`, i), "ttl:5000", `zone:"`+z+`"`)).want(201)
		}
		n.put("orders", "o-9", zone("a"))
		synctest.Wait()
		all, some := n.watch("/registry/watch"), n.watch("/registry/watch?zone=a")
		all.snapshot()
		some.snapshot()
		time.Sleep(6 * time.Second) // all three at one moment
		n.update("orders", "o-9", func(in *store.Instance) { in.Weight = 1 })
		for s, count := range map[*stream]int{all: 3, some: 2} {
			revision := ""
			for i := range count {
				d, f := s.deleted()
				if i > 0 && d.Revision != revision {
					t.Fatalf("of another revision: %+v", d)
				}
				if revision = d.Revision; f.hasID != (i == count-1) || f.hasID && f.id != revision {
					t.Errorf("event %d of %d: id %q, revision %s", i+1, count, f.id, revision)
				}
			}
			if in, f := s.put(); !f.hasID || f.id != in.Revision {
				t.Errorf("the next revision: id %q of %+v", f.id, in)
			}
		}
	})
}

// Heartbeats, rotations and what stays hidden are not told.
func TestWatchIsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simulate(t, setup{})
		reg := n.register("orders", "o-1")
		s := n.watch("/registry/watch?service=orders")
		_, _, position := s.snapshot()
		n.do("POST", "/registry/heartbeat", ref("orders", "o-1"), withToken(reg.Token)).want(200)
		fresh := decode[wire.Token](n.do("POST", "/registry/token/rotate", ref("orders", "o-1"), withToken(reg.Token)).want(200))
		n.do("POST", "/registry/heartbeat", ref("orders", "o-1"), withToken(fresh.Token)).want(200)
		n.put("shop", "s-1", nil)
		began := time.Now()
		// The next to be heard is that the stream lives, with where it stands by then.
		f := s.comment("keep-alive")
		if took := time.Since(began); took > 15*time.Second || !f.hasID || f.id == position || f.id != n.catalog.Revision().String() {
			t.Errorf("after %v: %+v, the catalog is at %v", took, f, n.catalog.Revision())
		}
		again := n.watch("/registry/watch?service=orders", lastEvent(f.id))
		again.comment("resumed")
		n.update("orders", "o-1", zone("b"))
		for _, s := range []*stream{s, again} {
			if in, _ := s.put(); in.Zone != "b" {
				t.Errorf("%+v", in)
			}
		}
	})
}
