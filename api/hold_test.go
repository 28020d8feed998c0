package api_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/api"
	"github.com/roster-sd/roster/catalog/catalogtest"
	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/store/instrument"
	"github.com/roster-sd/roster/wire"
)

// over gives a setup on a backend that is shared.
func over(b *catalogtest.Backend) setup {
	return setup{wrap: func(inner store.Store) store.Store {
		_ = inner.Close() // it is not used
		return instrument.Break(b.Node())
	}}
}

// lease registers an instance with a lease of ten seconds, as another node would.
func (n *node) lease(service, id string) {
	n.t.Helper()
	in := store.Instance{Address: "10.0.0.1", Port: 80, Weight: 100, Status: store.StatusUp, Health: store.HealthPassing}
	if _, err := n.store.Register(context.Background(), store.Record{Key: store.InstanceKey(service, id), Owner: "orders", Instance: in},
		store.Grant{TTL: 10 * time.Second}); err != nil {
		n.t.Fatal(err)
	}
	synctest.Wait()
}

func let(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// While a node shows what the backend does not hold, its positions are its own: they match
// themselves on this node and nothing on another, and are pure again in the end.
func TestPositionsOfHeldInstances(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := catalogtest.New(catalogtest.Options{})
		n, other := simulate(t, over(b)), simulate(t, over(b))
		n.lease("orders", "o-1")
		n.put("orders", "o-2", nil)
		n.put("shop", "s-1", nil)
		synctest.Wait()
		const shop = "/registry/services/shop"
		before := n.etagOf(orders)
		other.still(orders, before)
		near := n.watch("/registry/watch")
		_, _, start := near.snapshot()
		poll := n.poll(orders+"?wait=5m", ifNoneMatch(before))

		b.Stop()
		let(30 * time.Second)
		b.Continue()
		let(2 * time.Second)
		var in wire.Instance
		f := near.skip(wire.WatchPut)
		near.decode(f, &in)
		if in.InstanceID != "o-1" || in.Health != "suspect" || !strings.Contains(f.id, "~") || strings.Contains(in.Revision, "~") {
			t.Errorf("%+v, id %s", in, f.id)
		}
		if res := <-poll; res.status != 200 || !strings.Contains(res.header.Get("ETag"), "~") {
			t.Errorf("the long poll: %d, %s", res.status, res.header.Get("ETag"))
		}
		held := n.etagOf(orders)
		res := n.get(orders).want(200)
		if list := decode[wire.Service](res); `W/"`+list.Revision+`"` != held || res.header.Get(wire.HeaderRevision) != f.id || list.Instances[0].Health != "suspect" {
			t.Errorf("%+v at %s, the node at %s", list, held, res.header.Get(wire.HeaderRevision))
		}
		n.still(orders, held)
		other.get(orders, ifNoneMatch(held)).want(200)
		for _, at := range []*node{n, other} {
			at.get(orders, ifNoneMatch(before)).want(200)
			if tag := at.etagOf(shop); strings.Contains(tag, "~") {
				t.Errorf("another service is at %s", tag)
			}
			if tag := at.etagOf("/registry/services"); !strings.Contains(tag, "~") {
				t.Errorf("the list is at %s", tag)
			}
		}
		for _, path := range []string{"/registry/events", "/registry/resolve/orders", orders + "/o-1", shop} {
			if got := n.get(path).want(200).header.Get(wire.HeaderRevision); got != f.id {
				t.Errorf("%s at %s, want %s", path, got, f.id)
			}
		}
		// The store itself is asked past all that.
		if res := n.get(orders + "?consistent=true").want(200); strings.Contains(res.header.Get("ETag"), "~") || ids(decode[wire.Service](res).Instances) != "o-2" {
			t.Errorf("consistent: %s %s", res.header.Get("ETag"), res.body)
		}

		// A stream goes on from a position of this node's own here, and begins anew elsewhere.
		s := n.watch("/registry/watch", lastEvent(f.id))
		s.comment("resumed")
		list, _, _ := other.watch("/registry/watch", lastEvent(f.id)).snapshot()
		if ids(list) != "o-1 o-2 s-1" {
			t.Errorf("elsewhere: %s", ids(list))
		}
		n.watch("/registry/watch?service=shop", lastEvent(start)).comment("resumed")

		poll = n.poll(orders+"?wait=5m", ifNoneMatch(held))
		let(10 * time.Second)
		for _, s := range []*stream{near, s} {
			var d wire.Deleted
			g := s.skip(wire.WatchDelete)
			s.decode(g, &d)
			if d.InstanceID != "o-1" || d.Reason != "expired" || strings.Contains(g.id, "~") || d.Revision != g.id {
				t.Errorf("%+v, id %s", d, g.id)
			}
		}
		res = (<-poll).want(200)
		end := n.etagOf(orders)
		if got := ids(decode[wire.Service](res).Instances); got != "o-2" || strings.Contains(end, "~") || res.header.Get("ETag") != end {
			t.Errorf("%s at %s, %s", got, res.header.Get("ETag"), end)
		}
		n.get(orders, ifNoneMatch(held)).want(200)
		n.still(orders, end)
	})
}

// skip reads the event of the name that comes after comments.
func (s *stream) skip(event string) frame {
	s.t.Helper()
	for {
		f, err := s.frame()
		if err != nil || f.event == event {
			return f
		}
		if f.event != "" {
			s.t.Fatalf("%+v, want %s", f, event)
		}
	}
}

// A position that is ahead is waited for, whoever marked it: an answer from before it would
// take its caller back.
func TestMarkedPositionAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simulate(t, setup{})
		n.put("orders", "o-1", nil)
		synctest.Wait()
		ahead := n.catalog.Revision()
		ahead.Number += 5
		for _, res := range []polled{
			<-n.poll(orders, ifNoneMatch(`W/"`+ahead.String()+`~2ur8ht86fl0zr.7"`)),
			<-n.poll("/registry/watch", lastEvent(ahead.String()+"~2ur8ht86fl0zr.7")),
		} {
			if res.problem(503, wire.CodeUnavailable); res.took != 250*time.Millisecond {
				t.Errorf("after %v", res.took)
			}
		}
	})
}

// /ready tells of an outage and of holds, and why, and is 200 all the same; with strict it
// is not. A node that was started in an outage is not ready, and says that.
func TestReadyInAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := catalogtest.New(catalogtest.Options{})
		s := over(b)
		s.api = func(o *api.Options) {
			reg := o.Registry
			o.Health = func() api.Health { return api.Health{Ready: reg.Catalog().IsWarm(), Node: "n1", Backend: "redis"} }
		}
		n := simulate(t, s)
		n.lease("orders", "o-1")
		n.lease("orders", "o-2")
		check := func(what string, at *node, plain, strict int, status string, held int, reasons ...string) {
			t.Helper()
			h := decode[wire.Health](at.get("/ready").want(plain))
			at.get("/ready?strict").want(strict)
			if h.Status != status || h.Held != held || !slices.Equal(h.Reasons, reasons) || (h.StaleFor > 0) != strings.Contains(what, "outage") {
				t.Errorf("%s: %+v", what, h)
			}
		}
		check("well", n, 200, 200, "ok", 0)
		b.Stop()
		let(20 * time.Second)
		check("in the outage", n, 200, 503, "degraded", 0, "the backend redis is out of reach")
		s.cold = true
		cold := simulate(t, s)
		let(5 * time.Second)
		check("started in the outage", cold, 503, 503, "starting", 0,
			"the backend redis is out of reach, and this node has not read the services yet")
		b.Continue()
		let(2 * time.Second)
		check("held", n, 200, 503, "degraded", 2, "2 kept past the end of their leases, because the backend was out of reach")
		check("warm by itself", cold, 200, 200, "ok", 0)
		let(10 * time.Second)
		check("over", n, 200, 200, "ok", 0)
	})
}

// Reads are answered in an outage, with their age; writes are refused within two seconds, and
// at once as soon as the breaker is open.
func TestOutageAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := catalogtest.New(catalogtest.Options{})
		n := simulate(t, over(b))
		n.put("orders", "o-2", nil)
		reg := n.register("orders", "o-1")
		b.Stop()
		var took []time.Duration
		for range 6 {
			for _, r := range heldRoutes("orders", "o-1") {
				began := time.Now()
				res := n.do(r.method, r.path, r.body, withToken(reg.Token))
				if res.problem(503, wire.CodeUnavailable); res.header.Get("Retry-After") != "1" {
					t.Errorf("%s: Retry-After %q", r.name, res.header.Get("Retry-After"))
				}
				took = append(took, time.Since(began))
			}
			let(500 * time.Millisecond)
		}
		if slices.Max(took) > 2*time.Second || took[0] == 0 || slices.Max(took[3:]) != 0 {
			t.Errorf("they took %v", took)
		}
		for range 3 {
			res := n.get(orders).want(200)
			if res.header.Get(wire.HeaderStale) != "true" || ids(decode[wire.Service](res).Instances) != "o-1 o-2" {
				t.Errorf("stale %q: %s", res.header.Get(wire.HeaderStale), res.body)
			}
		}
		b.Continue()
		let(2 * time.Second)
		if res := n.get(orders).want(200); res.header.Get(wire.HeaderStale) != "" {
			t.Error("still stale")
		}
		n.do("POST", "/registry/heartbeat", ref("orders", "o-1"), withToken(reg.Token)).want(200)
	})
}
