package api_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/wire"
)

// A position that this node has not reached: it waits a little, and says so if that is
// not enough.
func TestPositionAhead(t *testing.T) {
	for name, c := range map[string]struct {
		path string
		opt  func(store.Revision) option
	}{
		"a service": {orders, func(r store.Revision) option { return ifNoneMatch(`W/"` + r.String() + `"`) }},
		"the list":  {"/registry/services", func(r store.Revision) option { return ifNoneMatch(`"` + r.String() + `"`) }},
		"one of several": {orders, func(r store.Revision) option {
			return ifNoneMatch(fmt.Sprintf(`W/"zzz.9", W/"%v", W/"%v"`, store.Revision{Epoch: r.Epoch, Number: 1}, r))
		}},
		"a long poll": {orders + "?wait=1m", func(r store.Revision) option { return ifNoneMatch(`W/"` + r.String() + `"`) }},
		"a watch":     {"/registry/watch", func(r store.Revision) option { return lastEvent(r.String()) }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &faulty{}
				n := simulate(t, setup{wrap: f.wrap})
				n.put("orders", "o-1", nil)
				synctest.Wait()
				f.lags(time.Hour)
				rec := n.put("orders", "o-2", nil)
				res := <-n.poll(c.path, c.opt(rec.Revision))
				p := res.problem(503, wire.CodeUnavailable)
				if res.took != 250*time.Millisecond || res.header.Get("Retry-After") != "1" || p.Detail == "" {
					t.Errorf("after %v, Retry-After %q: %+v", res.took, res.header.Get("Retry-After"), p)
				}
			})
		})
	}
}

// A node that catches up in time answers as if nothing had been.
func TestPositionReachedInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &faulty{}
		n := simulate(t, setup{wrap: f.wrap})
		n.put("orders", "o-1", nil)
		synctest.Wait()
		f.lags(200 * time.Millisecond)
		rec := n.put("orders", "o-2", nil)
		res := <-n.poll(orders, ifNoneMatch(`W/"`+rec.Revision.String()+`"`))
		if res.want(304); res.took != 200*time.Millisecond {
			t.Errorf("the service: after %v", res.took)
		}
		time.Sleep(time.Second)
		rec = n.put("shop", "s-1", nil)
		res = <-n.poll(orders, ifNoneMatch(`W/"`+rec.Revision.String()+`"`))
		if res.want(200); res.took != 200*time.Millisecond {
			t.Errorf("another's position: after %v", res.took)
		}
		time.Sleep(time.Second)
		rec = n.put("orders", "o-3", nil)
		began := time.Now()
		s := n.watch("/registry/watch", lastEvent(rec.Revision.String()))
		s.comment("resumed")
		if took := time.Since(began); took != 200*time.Millisecond {
			t.Errorf("a watch: after %v", took)
		}
	})
}

// Positions of another epoch are on no way that this node goes: it does not wait for them.
func TestPositionOfAnotherEpoch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simulate(t, setup{})
		n.put("orders", "o-1", nil)
		synctest.Wait()
		for _, etag := range []string{`W/"zzz.99999"`, `"zzz.18446744073709551615"`} {
			if res := <-n.poll(orders, ifNoneMatch(etag)); res.status != 200 || res.took != 0 {
				t.Errorf("%s: %d after %v", etag, res.status, res.took)
			}
		}
	})
}

// consistent=true asks the store, however far this node's view lags.
func TestConsistentReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &faulty{}
		n := simulate(t, setup{wrap: f.wrap})
		n.put("orders", "o-1", nil)
		synctest.Wait()
		f.lags(time.Hour)
		n.put("orders", "o-2", nil)
		n.drop("orders", "o-1", store.Reason{})
		for query, want := range map[string]string{"": "o-1", "?consistent=false": "o-1", "?consistent=true": "o-2", "?consistent=true&zone=b": ""} {
			if got := ids(decode[wire.Service](n.get(orders + query).want(200)).Instances); got != want {
				t.Errorf("%s: %q, want %q", query, got, want)
			}
		}
		n.get(orders+"/o-2").problem(404, wire.CodeNotFound)
		n.get(orders + "/o-2?consistent=true").want(200)
		n.get(orders+"/o-1?consistent=true").problem(404, wire.CodeNotFound)
		if got := decode[wire.Instance](n.get("/registry/resolve/orders?consistent=true").want(200)); got.InstanceID != "o-2" {
			t.Errorf("resolved %s", got.InstanceID)
		}

		n.put("shop", "s-1", nil)
		for query, want := range map[string]string{"": "orders", "?consistent=true": "orders shop"} {
			var names []string
			for _, line := range decode[wire.Services](n.get("/registry/services" + query).want(200)).Services {
				names = append(names, line.ServiceName)
			}
			if got := strings.Join(names, " "); got != want {
				t.Errorf("the list, %s: %q, want %q", query, got, want)
			}
		}

		f.breaks()
		for _, path := range []string{"/registry/services", orders, orders + "/o-1", "/registry/resolve/orders"} {
			res := n.get(path + "?consistent=true")
			if res.problem(503, wire.CodeUnavailable); res.header.Get("Retry-After") == "" {
				t.Errorf("%s: no Retry-After", path)
			}
		}
	})
}

// A node that has not read the store yet says so, rather than that nobody is there.
func TestColdReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &faulty{}
		n := simulate(t, setup{wrap: f.wrapBroken, cold: true})
		paths := []string{"/registry/services", orders, orders + "?consistent=true", orders + "/o-1", "/registry/resolve/orders",
			"/registry/events", "/registry/watch", "/registry/watch?service=orders"}
		for _, path := range paths {
			res := <-n.poll(path)
			if res.problem(503, wire.CodeUnavailable); res.header.Get("Retry-After") != "1" || res.took > 250*time.Millisecond {
				t.Errorf("%s: after %v, Retry-After %q", path, res.took, res.header.Get("Retry-After"))
			}
		}
		for path, status := range map[string]int{"/health": 200, "/ready": 503, "/ready?strict": 503} {
			if h := decode[wire.Health](n.get(path).want(status)); h.Status != "starting" || h.Revision != "" {
				t.Errorf("%s: %+v", path, h)
			}
		}
		f.heals()
		n.put("orders", "o-1", nil)
		time.Sleep(2 * time.Second)
		for _, path := range paths[:6] {
			n.get(path).want(200)
		}
		if list, _, _ := n.watch("/registry/watch").snapshot(); ids(list) != "o-1" {
			t.Errorf("the snapshot holds %q", ids(list))
		}
		n.get("/ready?strict").want(200)
	})
}

// A stream that asks a little too early waits a little.
func TestWatchWaitsForAColdNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &faulty{}
		n := simulate(t, setup{wrap: f.wrapBroken, cold: true})
		f.heals() // the catalog tries again within a tenth of a second
		n.put("orders", "o-1", nil)
		if list, _, _ := n.watch("/registry/watch").snapshot(); ids(list) != "o-1" {
			t.Errorf("the snapshot holds %q", ids(list))
		}
	})
}

// What this node acknowledged it also shows, however late its feed is; and while the store
// is out of reach, answers say how old they are.
func TestLateAndStaleReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &faulty{}
		n := simulate(t, setup{wrap: f.wrap})
		f.lags(time.Minute)
		began := time.Now()
		reg := n.register("orders", "o-1")
		if took := time.Since(began); took != 250*time.Millisecond {
			t.Errorf("the answer to a write that does not show took %v", took)
		}
		n.get(orders + "/o-1").want(200)
		n.get("/registry/resolve/orders").want(200)
		n.do("POST", "/registry/heartbeat", ref("orders", "o-1"), withToken(reg.Token)).want(200)
		f.lags(0)
		time.Sleep(2 * time.Minute)

		reg = n.register("orders", "o-1")
		f.breaks()
		time.Sleep(10 * time.Second)
		res := n.get(orders).want(200)
		if res.header.Get(wire.HeaderStale) != "true" || res.header.Get(wire.HeaderAge) != "10000" {
			t.Errorf("stale %q, age %q", res.header.Get(wire.HeaderStale), res.header.Get(wire.HeaderAge))
		}
		for _, r := range append(heldRoutes("orders", "o-1"), held{"register", "POST", "/registry/register", registration()}) {
			res := n.do(r.method, r.path, r.body, withToken(reg.Token))
			if res.problem(503, wire.CodeUnavailable); res.header.Get("Retry-After") != "1" || res.header.Get(wire.HeaderStale) != "true" {
				t.Errorf("%s: Retry-After %q, stale %q", r.name, res.header.Get("Retry-After"), res.header.Get(wire.HeaderStale))
			}
		}
		n.get("/registry/events").problem(503, wire.CodeUnavailable)
		if h := decode[wire.Health](n.get("/ready").want(200)); h.Status != "degraded" || h.StaleFor != 10000 || len(h.Reasons) != 1 {
			t.Errorf("ready: %+v", h)
		}
		n.get("/ready?strict").want(503)
		n.get("/health").want(200)
		f.heals()
		time.Sleep(5 * time.Second)
		if res := n.get(orders).want(200); res.header.Get(wire.HeaderStale) != "" {
			t.Error("still stale after the store came back")
		}
		n.get("/ready?strict=").want(200)
	})
}
