package api_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/wire"
)

// polled is the answer to a long poll, and how long it took.
type polled struct {
	reply
	took time.Duration
}

// poll begins a request whose answer may take its time. The request has been read when it
// returns.
func (n *node) poll(path string, opts ...option) <-chan polled {
	n.t.Helper()
	out, began := make(chan polled, 1), time.Now()
	go func() {
		res := n.get(path, opts...)
		out <- polled{res, time.Since(began)}
	}()
	synctest.Wait()
	return out
}

// put registers an instance at the store itself, as another node would.
func (n *node) put(service, id string, shape func(*store.Instance)) *store.Record {
	n.t.Helper()
	in := store.Instance{Address: "10.0.0.1", Port: 80, Weight: 100, Status: store.StatusUp, Health: store.HealthPassing}
	if shape != nil {
		shape(&in)
	}
	rec, err := n.store.Register(context.Background(), store.Record{Key: store.InstanceKey(service, id), Owner: "orders", Instance: in},
		store.Grant{TTL: time.Hour})
	if err != nil {
		n.t.Fatal(err)
	}
	return rec
}

func zone(z string) func(*store.Instance) { return func(in *store.Instance) { in.Zone = z } }

// update changes an instance at the store itself.
func (n *node) update(service, id string, shape func(*store.Instance)) {
	n.t.Helper()
	_, err := n.store.Update(context.Background(), store.Ref{Key: store.InstanceKey(service, id)}, store.Reason{Code: store.Updated},
		func(r *store.Record) error { shape(&r.Instance); return nil })
	if err != nil {
		n.t.Fatal(err)
	}
}

// drop removes an instance at the store itself.
func (n *node) drop(service, id string, why store.Reason) {
	n.t.Helper()
	if _, err := n.store.Deregister(context.Background(), store.Ref{Key: store.InstanceKey(service, id)}, why); err != nil {
		n.t.Fatal(err)
	}
}

// rotateAt changes a token at the store itself, which clients do not see.
func (n *node) rotateAt(service, id string) {
	n.t.Helper()
	_, err := n.store.Update(context.Background(), store.Ref{Key: store.InstanceKey(service, id)}, store.Reason{Code: store.Rotated},
		func(r *store.Record) error { r.Tokens.Used[0]++; return nil })
	if err != nil {
		n.t.Fatal(err)
	}
}

const orders = "/registry/services/orders"

// A long poll is answered at the moment of a change to what it asks for.
func TestLongPollWakes(t *testing.T) {
	for name, c := range map[string]struct {
		path   string
		change func(n *node)
		want   string
	}{
		"a new instance":            {orders, func(n *node) { n.put("orders", "o-2", nil) }, "o-1 o-2"},
		"an update":                 {orders, func(n *node) { n.update("orders", "o-1", zone("b")) }, "o-1"},
		"a deletion":                {orders, func(n *node) { n.drop("orders", "o-1", store.Reason{}) }, ""},
		"an expiry":                 {orders, func(n *node) { time.Sleep(2 * time.Second) }, "o-1"},
		"one that matches":          {orders + "?zone=b", func(n *node) { n.put("orders", "o-2", zone("b")) }, "o-2"},
		"one that comes to match":   {orders + "?zone=b", func(n *node) { n.update("orders", "o-1", zone("b")) }, "o-1"},
		"one that leaves":           {orders + "?zone=a", func(n *node) { n.update("orders", "o-1", zone("b")) }, ""},
		"one that matched and ends": {orders + "?zone=a", func(n *node) { n.drop("orders", "o-1", store.Reason{}) }, ""},
		"a service nobody knew":     {"/registry/services/new", func(n *node) { n.put("new", "n-1", nil) }, "n-1"},
		"the list":                  {"/registry/services", func(n *node) { n.put("new", "n-1", nil) }, ""},
		"the list, by a status":     {"/registry/services", func(n *node) { n.update("orders", "o-1", func(in *store.Instance) { in.Status = "draining" }) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := simulate(t, setup{})
				n.put("orders", "o-1", zone("a"))
				if name == "an expiry" {
					n.do("POST", "/registry/register", `{"serviceName":"orders","instanceId":"o-9","port":1,"ttl":5000}`).want(201)
				}
				synctest.Wait()
				etag := n.etagOf(c.path)
				got := n.poll(withQuery(c.path, "wait=1m"), ifNoneMatch(etag))
				time.Sleep(3 * time.Second)
				c.change(n)
				synctest.Wait()
				want := 3 * time.Second
				if name == "an expiry" {
					want = 5 * time.Second
				}
				res := <-got
				if res.want(200); res.took < want || res.took > want+50*time.Millisecond || res.header.Get("ETag") == etag {
					t.Errorf("it took %v, and the ETag is %s, was %s", res.took, res.header.Get("ETag"), etag)
				}
				if list := ids(decode[wire.Service](res.reply).Instances); list != c.want {
					t.Errorf("%q, want %q", list, c.want)
				}
			})
		})
	}
}

func withQuery(path, more string) string {
	for _, c := range path {
		if c == '?' {
			return path + "&" + more
		}
	}
	return path + "?" + more
}

// A long poll sleeps through all else, and says 304 when its time is up.
func TestLongPollSleeps(t *testing.T) {
	for name, c := range map[string]struct {
		path   string
		change func(n *node, token string)
		status int
	}{
		"nothing":                      {orders, func(*node, string) {}, 304},
		"nothing, listed":              {"/registry/services", func(*node, string) {}, 304},
		"nothing, read from the store": {orders + "?consistent=true", func(*node, string) {}, 304},
		"a heartbeat": {orders, func(n *node, token string) {
			n.do("POST", "/registry/heartbeat", ref("orders", "o-1"), withToken(token)).want(200)
		}, 304},
		"a rotation":                     {orders, func(n *node, _ string) { n.rotateAt("orders", "o-1") }, 304},
		"another service":                {orders, func(n *node, _ string) { n.put("shop", "s-1", nil) }, 304},
		"a weight, for the list":         {"/registry/services", func(n *node, _ string) { n.update("orders", "o-1", func(in *store.Instance) { in.Weight = 1 }) }, 304},
		"another service, for a filter":  {orders + "?zone=b", func(n *node, _ string) { n.put("shop", "s-1", zone("b")) }, 304},
		"one that does not match":        {orders + "?zone=b", func(n *node, _ string) { n.put("orders", "o-2", zone("c")) }, 200}, // with another ETag
		"an update that does not match":  {orders + "?zone=b", func(n *node, _ string) { n.update("orders", "o-1", zone("c")) }, 200},
		"a deletion that does not match": {orders + "?zone=b", func(n *node, _ string) { n.drop("orders", "o-1", store.Reason{}) }, 200},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := simulate(t, setup{})
				token := n.register("orders", "o-1").Token
				got := n.poll(withQuery(c.path, "wait=10s"), ifNoneMatch(n.etagOf(c.path)))
				time.Sleep(2 * time.Second)
				c.change(n, token)
				res := <-got
				res.want(c.status)
				// The jitter is up to a sixteenth.
				if res.took < 10*time.Second || res.took > 10*time.Second+625*time.Millisecond+time.Millisecond {
					t.Errorf("it took %v", res.took)
				}
			})
		})
	}
}

// Who does not hold the present state is not made to wait for another.
func TestLongPollAnswersAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simulate(t, setup{})
		n.register("orders", "o-1")
		old := n.etagOf(orders)
		n.put("orders", "o-2", nil)
		synctest.Wait()
		for name, opts := range map[string][]option{
			"no condition":  nil,
			"an old one":    {ifNoneMatch(old)},
			"another epoch": {ifNoneMatch(`W/"zzz.1"`)},
			"garbage":       {ifNoneMatch("?")},
		} {
			if res := <-n.poll(orders+"?wait=5m", opts...); res.status != 200 || res.took != 0 {
				t.Errorf("%s: %d after %v", name, res.status, res.took)
			}
		}
		if res := <-n.poll(orders+"?wait=0s", ifNoneMatch(n.etagOf(orders))); res.status != 304 || res.took != 0 {
			t.Errorf("a wait of 0s: %d after %v", res.status, res.took)
		}
	})
}

// What changes between the reading and the waiting is not slept through, filter or not.
func TestLongPollMissesNoChange(t *testing.T) {
	for _, path := range []string{orders + "?consistent=true", orders + "?consistent=true&zone=b"} {
		synctest.Test(t, func(t *testing.T) {
			f := &faulty{}
			n := simulate(t, setup{wrap: f.wrap})
			n.put("orders", "o-1", nil)
			synctest.Wait()
			etag := n.etagOf(path)
			f.onList(func() { // after the poll has read and before it waits
				rec := n.put("orders", "o-2", zone("b"))
				if err := n.catalog.Wait(context.Background(), rec.Revision); err != nil {
					t.Error(err)
				}
			})
			if res := <-n.poll(path+"&wait=1m", ifNoneMatch(etag)); res.status != 200 || res.took != 0 {
				t.Errorf("%s: %d after %v", path, res.status, res.took)
			}
		})
	}
}

// A caller that leaves, and a server that stops, end the wait.
func TestLongPollEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simulate(t, setup{})
		n.register("orders", "o-1")
		etag := n.etagOf(orders)
		ctx, leave := context.WithCancel(t.Context())
		req := n.request("GET", orders+"?wait=5m", nil, ifNoneMatch(etag)).WithContext(ctx)
		left := make(chan error, 1)
		go func() {
			_, err := n.send(req)
			left <- err
		}()
		synctest.Wait()
		if got := n.catalog.Stats().Subscribers; got != 1 {
			t.Fatalf("%d wait", got)
		}
		leave()
		if err := <-left; err == nil {
			t.Error("the poll was answered")
		}
		synctest.Wait()
		if got := n.catalog.Stats().Subscribers; got != 0 {
			t.Errorf("%d wait after the caller left", got)
		}

		got := n.poll(orders+"?wait=5m", ifNoneMatch(etag))
		list := n.poll("/registry/services?wait=5m", ifNoneMatch(n.etagOf("/registry/services")))
		time.Sleep(time.Second)
		n.api.Drain()
		for _, ch := range []<-chan polled{got, list} {
			if res := <-ch; res.status != http.StatusNotModified || res.took != time.Second {
				t.Errorf("drained: %d after %v", res.status, res.took)
			}
		}
		n.api.Drain() // again
		if res := <-n.poll(orders+"?wait=5m", ifNoneMatch(etag)); res.status != http.StatusNotModified || res.took != 0 {
			t.Errorf("after the drain: %d after %v", res.status, res.took)
		}
	})
}
