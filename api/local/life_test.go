package local_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/wire"
)

// An instance lives for its TTL after it was last heard of, and not longer.
func TestExpiry(t *testing.T) {
	for ttl, want := range map[time.Duration]time.Duration{0: 15 * time.Second, time.Second: time.Second, 50 * time.Millisecond: 50 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			d := start(t, setup{ttl: ttl})
			d.register(`{"name":"auth","port":1,"id":"a-1"}`)
			d.register(`{"name":"auth","port":2,"id":"a-2"}`)
			time.Sleep(want - time.Millisecond)
			beat := d.do("POST", "/heartbeat", `{"name":"auth","id":"a-2"}`).instance()
			if beat == nil || beat.LastSeen != time.Now().UnixMilli() {
				t.Fatalf("%+v", beat)
			}
			time.Sleep(2 * time.Millisecond)
			synctest.Wait()
			d.do("POST", "/heartbeat", `{"name":"auth","id":"a-1"}`).is(`{"ok":true,"instance":null}`)
			if got := d.do("GET", "/resolve/auth", "").instance(); got.ID != "a-2" {
				t.Errorf("%+v", got)
			}
			time.Sleep(want)
			synctest.Wait()
			d.do("GET", "/resolve/auth", "").want(404)
			d.do("GET", "/list", "").is(`{"ok":true,"services":{}}`)
			d.do("POST", "/unregister", `{"name":"auth","id":"a-2"}`).is(`{"ok":false}`)
			d.register(`{"name":"auth","port":1,"id":"a-1"}`) // and again
			d.do("GET", "/resolve/auth", "").want(200)
		})
	}
}

// A resolve gives the instance that was heard of last, by registration or heartbeat.
func TestResolveGivesTheMostRecent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := start(t, setup{})
		resolved := func(want string) {
			t.Helper()
			for range 3 {
				if got := d.do("GET", "/resolve/auth", "").instance(); got.ID != want {
					t.Fatalf("resolved %s, want %s", got.ID, want)
				}
			}
			time.Sleep(time.Millisecond)
		}
		d.register(`{"name":"auth","port":1,"id":"a-1"}`)
		resolved("a-1")
		d.register(`{"name":"auth","port":2,"id":"a-2"}`)
		resolved("a-2")
		d.do("POST", "/heartbeat", `{"name":"auth","id":"a-1"}`)
		resolved("a-1")
		d.do("POST", "/heartbeat", `{"name":"auth","id":"a-2"}`)
		resolved("a-2")
		d.do("POST", "/unregister", `{"name":"auth","id":"a-2"}`)
		resolved("a-1")
	})
}

// Both surfaces show the same registry.
func TestBothSurfaces(t *testing.T) {
	d := start(t, setup{})
	d.register(`{"name":"auth","port":3001,"id":"a-1","pid":7,"meta":{"team":"pay","n":1}}`)
	in := d.native("a-1")
	if in.Address != "127.0.0.1" || in.Port != 3001 || in.PID != 7 || in.Status != "up" || in.Health != "passing" || in.Weight != 100 ||
		in.TTL != 15_000 || in.Metadata["team"] != "pay" || in.Metadata["n"] != "1" {
		t.Errorf("registered here, natively it is %+v", in)
	}
	d.do("GET", "/registry/resolve/auth?meta.team=pay", "").want(200)
	// Natively it needs a token, which nobody was told.
	d.do("POST", "/registry/heartbeat", `{"serviceName":"auth","instanceId":"a-1"}`, unchecked).want(401)
	d.do("DELETE", "/registry/services/auth/a-1", "", unchecked).want(401)

	res := d.do("POST", "/registry/register",
		`{"serviceName":"auth","instanceId":"n-1","address":"10.0.0.9","port":9,"metadata":{"b":"2","a":"\"x\""},"status":"up"}`).want(201)
	var reg wire.Registered
	if err := json.Unmarshal([]byte(res.body), &reg); err != nil {
		t.Fatal(err)
	}
	got := d.do("GET", "/resolve/auth", "").instance() // the last to be heard of
	if got.ID != "n-1" || got.Host != "10.0.0.9" || got.Port != 9 || got.PID != nil || string(got.Meta) != `{"a":"\"x\"","b":"2"}` {
		t.Errorf("registered natively, here it is %+v with %s", got, got.Meta)
	}
	if beat := d.do("POST", "/heartbeat", `{"name":"auth","id":"n-1"}`).instance(); beat == nil || beat.ID != "n-1" {
		t.Errorf("a heartbeat of it: %+v", beat)
	}
	if list := d.do("GET", "/list", "").body; !strings.Contains(list, `"id":"a-1"`) || !strings.Contains(list, `"id":"n-1"`) {
		t.Errorf("listed: %s", list)
	}

	// What is patched natively shows here, also over what was registered as meta.
	token := header("X-Instance-Token", reg.Token)
	d.do("PATCH", "/registry/services/auth/n-1", `{"status":"draining","metadata":{"a":null}}`, token).want(200)
	if got := d.do("GET", "/resolve/auth", "").instance(); got.ID != "a-1" {
		t.Errorf("resolved %s, which drains", got.ID)
	}
	if list := d.do("GET", "/list", "").body; !strings.Contains(list, `"meta":{"b":"2"}`) {
		t.Errorf("listed: %s", list)
	}
	d.do("POST", "/unregister", `{"name":"auth","port":9}`).is(`{"ok":true}`)
	gone := d.do("POST", "/registry/heartbeat", `{"serviceName":"auth","instanceId":"n-1"}`, token).want(410)
	if !strings.Contains(gone.body, `"reason":"deregistered"`) {
		t.Error(gone.body)
	}
	// A service whose instances all drain has none to give.
	d.do("POST", "/registry/register", `{"serviceName":"busy","port":9,"status":"draining"}`).want(201)
	if res := d.do("GET", "/resolve/busy", "").want(404); res.body != `{"ok":false,"error":"not_found"}` {
		t.Error(res.body)
	}
}

// Events say that the user of the machine did it.
func TestEventsNameTheUser(t *testing.T) {
	d := start(t, setup{})
	d.register(`{"name":"auth","port":3001,"id":"a-1"}`)
	d.do("POST", "/unregister", `{"name":"auth","id":"a-1"}`).is(`{"ok":true}`)
	var events wire.Events
	if err := json.Unmarshal([]byte(d.do("GET", "/registry/events", "").want(200).body), &events); err != nil {
		t.Fatal(err)
	}
	if len(events.Events) != 2 {
		t.Fatalf("%+v", events)
	}
	for i, reason := range []string{"registered", "deregistered"} {
		if ev := events.Events[i]; ev.Reason != reason || ev.Actor != "local" || ev.Node != "n1" {
			t.Errorf("%+v, want %s", ev, reason)
		}
	}
}

// broken is a store that takes no writes.
type broken struct{ store.Store }

var errBroken = &store.Error{Op: "test", Backend: "broken", Kind: store.ErrUnavailable}

func (broken) Register(context.Context, store.Record, store.Grant) (*store.Record, error) {
	return nil, errBroken
}

func (broken) Renew(context.Context, []store.Ref) ([]store.Renewal, error) { return nil, errBroken }

func (broken) Get(context.Context, store.Key) (*store.Record, error) { return nil, errBroken }

// cold is a store that cannot be read, either.
type cold struct{ broken }

func (cold) List(context.Context, store.Selector) (store.Snapshot, error) {
	return store.Snapshot{}, errBroken
}

// A daemon that knows nothing yet does not say that nothing is there.
func TestColdReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := start(t, setup{wrap: func(s store.Store) store.Store { return cold{broken{s}} }, cold: true})
		for _, path := range []string{"/resolve/auth", "/list"} {
			if res := d.do("GET", path, "").want(503); !strings.HasPrefix(res.body, `{"ok":false,"error":"`) {
				t.Errorf("%s: %s", path, res.body)
			}
		}
		d.do("GET", "/health", "").want(200)
	})
}

// While the store is out of reach writes say so.
func TestStoreOutOfReach(t *testing.T) {
	d := start(t, setup{wrap: func(s store.Store) store.Store { return broken{s} }})
	for path, body := range writes {
		if res := d.do("POST", path, body).want(503); res.body != `{"ok":false,"error":"the backend is out of reach; ask again"}` {
			t.Errorf("%s: %s", path, res.body)
		}
	}
	d.do("GET", "/resolve/auth", "").want(404)
	d.do("GET", "/list", "").want(200)
}
