package api_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/lease"
	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/wire"
)

const overridesPath = "/registry/admin/overrides"

var root = as("root")

// An administrator takes an instance out of service: it is not resolved, its owner's own word
// and a new registration change nothing about that, until the time is over.
func TestOverride(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simulate(t, setup{policy: rules})
		token := n.register("orders", "o-1").Token
		n.register("orders", "o-2")
		w := n.watch("/registry/watch?service=orders")
		w.snapshot()
		set := func(id string, q wire.OverrideRequest) wire.OverrideEntry {
			return decode[wire.OverrideEntry](n.do("PUT", overridesPath+"/orders/"+id, q, root).want(200))
		}
		until := time.Now().Add(10 * time.Minute).UnixMilli()
		if o := set("o-1", wire.OverrideRequest{Status: "out_of_service", Reason: "it leaks", For: 600_000}); o.By != "root" || o.Until != until || o.Status != "out_of_service" || o.KeptOut {
			t.Errorf("%+v", o)
		}
		in, _ := w.put()
		if in.InstanceID != "o-1" || in.Status != "up" || in.Override == nil || *in.Override != (wire.Override{Status: "out_of_service", Reason: "it leaks", Until: until}) {
			t.Errorf("a watcher is told %+v, %+v", in, in.Override)
		}
		resolved := func(want ...string) {
			t.Helper()
			for range 4 {
				if in := decode[wire.Instance](n.get("/registry/resolve/orders").want(200)); in.InstanceID != want[0] {
					t.Fatalf("resolved %s", in.InstanceID)
				}
			}
		}
		resolved("o-2")
		if list := decode[wire.Service](n.get(orders + "?status=out_of_service").want(200)); len(list.Instances) != 1 {
			t.Errorf("by status: %+v", list)
		}
		if in := decode[wire.Instance](n.do("PATCH", orders+"/o-1", `{"status":"up","weight":7}`, withToken(token)).want(200)); in.Override == nil {
			t.Errorf("its owner's word took it away")
		}
		w.put()
		n.register("orders", "o-1")
		if in, _ := w.put(); in.Override == nil {
			t.Error("a new registration took it away")
		}
		resolved("o-2")
		if list := decode[wire.Overrides](n.get(overridesPath, root).want(200)); len(list.Overrides) != 1 || list.Overrides[0].InstanceID != "o-1" {
			t.Errorf("%+v", list)
		}
		time.Sleep(10*time.Minute + time.Second)
		synctest.Wait()
		if list := decode[wire.Overrides](n.get(overridesPath, root).want(200)); len(list.Overrides) != 0 {
			t.Errorf("after its time: %+v", list)
		}
		n.register("orders", "o-1")
		if in := decode[wire.Instance](n.get(orders + "/o-1").want(200)); in.Override != nil {
			t.Errorf("after its time: %+v", in.Override)
		}
	})
}

// An override that is lifted leaves the instance as its owner has it.
func TestLiftOverride(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simulate(t, setup{policy: rules})
		// One that is not there yet.
		n.do("PUT", overridesPath+"/orders/o-1", `{"status":"draining"}`, root).want(200)
		n.register("orders", "o-1")
		if in := decode[wire.Instance](n.get(orders + "/o-1").want(200)); in.Override == nil || in.Override.Status != "draining" {
			t.Fatalf("%+v", in.Override)
		}
		n.get("/registry/resolve/orders").problem(503, wire.CodeUnavailable)
		n.do("DELETE", overridesPath+"/orders/o-1", nil, root).want(204)
		synctest.Wait()
		if in := decode[wire.Instance](n.get("/registry/resolve/orders").want(200)); in.Override != nil {
			t.Errorf("%+v", in.Override)
		}
		n.do("DELETE", overridesPath+"/orders/o-1", nil, root).problem(404, wire.CodeNotFound)
	})
}

// What an administrator removes is kept out for an hour, or as long as was said, or until
// that is lifted.
func TestKeptOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simulate(t, setup{policy: rules, leases: lease.Policy{Default: 2 * time.Hour, Min: time.Second, Max: 3 * time.Hour}})
		body := registration(`serviceName:"orders"`, `instanceId:"o-1"`)
		out := func() {
			t.Helper()
			if p := n.do("POST", "/registry/register", body).problem(410, wire.CodeLeaseLost); p.Reason != "forced" {
				t.Errorf("%+v", p)
			}
		}
		n.register("orders", "o-1")
		n.do("DELETE", orders+"/o-1?reason=stuck", nil, root).want(204)
		out()
		time.Sleep(59 * time.Minute)
		out()
		time.Sleep(2 * time.Minute)
		n.register("orders", "o-1")

		n.do("DELETE", orders+"/o-1?keepOut=10m", nil, root).want(204)
		out()
		n.do("DELETE", overridesPath+"/orders/o-1", nil, root).want(204)
		n.register("orders", "o-1")

		n.do("DELETE", orders+"/o-1?keepOut=0s", nil, root).want(204)
		n.register("orders", "o-1")

		// By an override: it removes what is there.
		n.do("PUT", overridesPath+"/orders/o-1", `{"keepOut":true,"for":60000}`, root).want(200)
		synctest.Wait()
		n.get(orders+"/o-1").problem(404, wire.CodeNotFound)
		out()
		// A holder's own word is no exclusion.
		token := n.register("orders", "o-2").Token
		n.do("DELETE", orders+"/o-2", nil, withToken(token)).want(204)
		n.register("orders", "o-2")
		n.do("DELETE", orders+"/never", nil, root).problem(404, wire.CodeNotFound)
		if list := decode[wire.Overrides](n.get(overridesPath, root).want(200)); len(list.Overrides) != 1 {
			t.Errorf("one that is nowhere is kept out: %+v", list)
		}
	})
}

// A registration that races an override ends as the override has it.
func TestOverrideRacesRegistration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &faulty{}
		n := simulate(t, setup{policy: rules, wrap: f.wrap})
		synctest.Wait() // or the node may list the overrides only when they are there
		f.lags(time.Second)
		// Another node's override: this one hears of it late.
		until := store.At(time.Now().Add(time.Hour))
		for id, o := range map[string]store.Override{"o-1": {KeptOut: true, By: "root", Until: until}, "o-2": {Status: "draining", By: "root", Until: until}} {
			_, err := n.store.Register(t.Context(), store.Record{Key: store.Key{Kind: store.KindOverride, Service: "orders", ID: id},
				Instance: store.Instance{Override: &o}}, store.Grant{TTL: time.Hour})
			if err != nil {
				t.Fatal(err)
			}
			n.register("orders", id)
		}
		time.Sleep(6 * time.Second)
		synctest.Wait()
		list := decode[wire.Service](n.get(orders).want(200)).Instances
		if len(list) != 1 || list[0].InstanceID != "o-2" || list[0].Override == nil || list[0].Override.Status != "draining" {
			t.Errorf("%+v", list)
		}
	})
}

// What is wrong with a call about overrides is told, to administrators.
func TestBadOverrides(t *testing.T) {
	n := start(t, setup{policy: rules})
	token := n.register("orders", "o-1").Token
	const path = overridesPath + "/orders/o-1"
	for body, fields := range map[string]string{
		`{}`: "status", `{"status":"gone"}`: "status", `{"keepOut":1}`: "keepOut status", `{"status":"up","for":999}`: "for",
		`{"status":"up","for":2592000001}`: "for", `{"status":"up","for":"1h"}`: "for", `{"status":"up","mood":1}`: "mood",
		`{"status":"up","reason":"\u0000"}`: "reason", `{"status":1,"reason":2,"keepOut":3,"for":0}`: "for keepOut reason status",
	} {
		n.refuse(fault{name: body, method: "PUT", path: path, body: body, opts: []option{root}, want: "400 invalid_request: " + fields})
	}
	n.refuse(
		fault{name: "bad names", method: "PUT", path: overridesPath + "/-/" + "a%20b", body: `{"status":"up"}`, opts: []option{root}, want: "400 invalid_request: instanceId serviceName"},
		fault{name: "bad names to lift", method: "DELETE", path: overridesPath + "/-/" + "a%20b", opts: []option{root}, want: "400 invalid_request: instanceId serviceName"},
		fault{name: "compressed", method: "PUT", path: path, body: `{"status":"up"}`, opts: []option{root, header("Content-Encoding", "gzip")}, want: "415 unsupported_media_type"},
		fault{name: "too large", method: "PUT", path: path, body: string(make([]byte, 64<<10+1)), opts: []option{root}, want: "413 too_large"},
		fault{name: "keepOut", method: "DELETE", path: orders + "/o-1?keepOut=soon", opts: []option{withToken(token)}, want: "400 invalid_request: keepOut"},
		fault{name: "keepOut too long", method: "DELETE", path: orders + "/o-1?keepOut=721h", opts: []option{root}, want: "400 invalid_request: keepOut"},
	)
	for _, identity := range []string{"orders", spiffeShop, "nobody"} {
		n.refuse(
			fault{name: "list", method: "GET", path: overridesPath, opts: []option{as(identity)}, want: "403 forbidden"},
			fault{name: "set", method: "PUT", path: path, body: `{"status":"up"}`, opts: []option{as(identity)}, want: "403 forbidden"},
			fault{name: "rubbish", method: "PUT", path: path, body: `{`, opts: []option{as(identity)}, want: "403 forbidden"},
			fault{name: "lift", method: "DELETE", path: path, opts: []option{as(identity)}, want: "403 forbidden"},
		)
	}
}

// While the store is out of reach, overrides are not taken.
func TestOverridesInAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &faulty{}
		n := simulate(t, setup{policy: rules, wrap: f.wrap})
		f.breaks()
		n.do("PUT", overridesPath+"/orders/o-1", `{"status":"up"}`, root).problem(503, wire.CodeUnavailable)
		n.do("DELETE", overridesPath+"/orders/o-1", nil, root).problem(503, wire.CodeUnavailable)
	})
}
