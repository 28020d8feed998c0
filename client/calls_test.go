package client

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"testing"
	"time"

	"github.com/roster-sd/roster/wire"
)

// TestCalls checks what each method sends, and that its answer arrives.
func TestCalls(t *testing.T) {
	ref := wire.InstanceRef{ServiceName: "orders", InstanceID: "orders-1@eu+west:1"}
	ttl := int64(5000)
	up := wire.Instance{ServiceName: "orders", InstanceID: "i", Status: "up", Tags: []string{"a"}}
	filter := Filter{
		Version: "1", Env: "prod", Zone: "z", Role: "r", Status: "up",
		Tags: []string{"a", "b"}, Metadata: map[string]string{"team": "red & blue"},
	}
	const filterQuery = "env=prod&meta.team=red+%26+blue&role=r&status=up&tag=a&tag=b&version=1&zone=z"
	draining := "draining"

	for name, test := range map[string]struct {
		do                                func(context.Context, *Client) (any, error)
		method, target, token, body, sent string // sent: the answer
		want                              any
	}{
		"register": {
			func(ctx context.Context, c *Client) (any, error) {
				return c.RegisterOnce(ctx, wire.Registration{ServiceName: "orders", Port: 80, TTL: &ttl}, "old")
			},
			"POST", "/registry/register", "old",
			`{"serviceName":"orders","port":80,"ttl":5000}`,
			`{"instance":{"instanceId":"i"},"token":"t","tokenExpiresAt":9,"ttl":5000}`,
			wire.Registered{Instance: wire.Instance{InstanceID: "i"}, Token: "t", TokenExpiresAt: 9, TTL: 5000},
		},
		"heartbeat": {
			func(ctx context.Context, c *Client) (any, error) { return c.Heartbeat(ctx, ref, "tok") },
			"POST", "/registry/heartbeat", "tok",
			`{"serviceName":"orders","instanceId":"orders-1@eu+west:1"}`,
			`{"ttl":30000,"tokenExpiresAt":7,"new":"members are passed over"}`,
			wire.Heartbeat{TTL: 30000, TokenExpiresAt: 7},
		},
		"heartbeats": {
			func(ctx context.Context, c *Client) (any, error) {
				return c.Heartbeats(ctx, []wire.HeartbeatItem{{ServiceName: "a", InstanceID: "b", Token: "c"}})
			},
			"POST", "/registry/heartbeats", "",
			`{"items":[{"serviceName":"a","instanceId":"b","token":"c"}]}`,
			`{"results":[{"status":410,"code":"lease_lost","reason":"expired"}]}`,
			[]wire.HeartbeatResult{{Status: 410, Code: "lease_lost", Reason: "expired"}},
		},
		"rotate": {
			func(ctx context.Context, c *Client) (any, error) { return c.RotateToken(ctx, ref, "tok") },
			"POST", "/registry/token/rotate", "tok",
			`{"serviceName":"orders","instanceId":"orders-1@eu+west:1"}`,
			`{"token":"next","tokenExpiresAt":8}`,
			wire.Token{Token: "next", TokenExpiresAt: 8},
		},
		"services": {
			func(ctx context.Context, c *Client) (any, error) { return c.Services(ctx, ReadOptions{}) },
			"GET", "/registry/services", "", "",
			`{"revision":"e.1","services":[{"serviceName":"orders","instances":2,"up":1}]}`,
			wire.Services{Revision: "e.1", Services: []wire.ServiceSummary{{ServiceName: "orders", Instances: 2, Up: 1}}},
		},
		"service": {
			func(ctx context.Context, c *Client) (any, error) {
				return c.Service(ctx, "orders", ServiceOptions{Filter: filter, Limit: 2, After: "x", ReadOptions: ReadOptions{Consistent: true}})
			},
			"GET", "/registry/services/orders?after=x&consistent=true&env=prod&limit=2&" + filterQuery[len("env=prod&"):], "", "",
			`{"revision":"e.1","serviceName":"orders","instances":[{"serviceName":"orders","instanceId":"i","status":"up","tags":["a"]}],"next":"n"}`,
			wire.Service{Revision: "e.1", ServiceName: "orders", Instances: []wire.Instance{up}, Next: "n"},
		},
		"instance": {
			func(ctx context.Context, c *Client) (any, error) { return c.Instance(ctx, ref, ReadOptions{}) },
			"GET", "/registry/services/orders/orders-1@eu+west:1", "", "",
			`{"serviceName":"orders","instanceId":"i","status":"up","tags":["a"]}`, up,
		},
		"patch": {
			func(ctx context.Context, c *Client) (any, error) {
				return c.Patch(ctx, ref, "tok", wire.Patch{Status: &draining, Metadata: map[string]*string{"gone": nil}})
			},
			"PATCH", "/registry/services/orders/orders-1@eu+west:1", "tok",
			`{"status":"draining","metadata":{"gone":null}}`,
			`{"serviceName":"orders","instanceId":"i","status":"up","tags":["a"]}`, up,
		},
		"deregister": {
			func(ctx context.Context, c *Client) (any, error) {
				return nil, c.Deregister(ctx, ref, "tok", "end of day")
			},
			"DELETE", "/registry/services/orders/orders-1@eu+west:1?reason=end+of+day", "tok", "", "", nil,
		},
		"resolve": {
			func(ctx context.Context, c *Client) (any, error) {
				return c.Resolve(ctx, "orders", ResolveOptions{Strategy: Hash, Key: "user 7", Filter: Filter{Zone: "z"}})
			},
			"GET", "/registry/resolve/orders?key=user+7&strategy=hash&zone=z", "", "",
			`{"serviceName":"orders","instanceId":"i","status":"up","tags":["a"]}`, up,
		},
		"events": {
			func(ctx context.Context, c *Client) (any, error) {
				return c.Events(ctx, EventsOptions{Service: "orders", Instance: "i", Limit: 3})
			},
			"GET", "/registry/events?instance=i&limit=3&service=orders", "", "",
			`{"revision":"e.1","events":[{"type":"delete","reason":"expired"}]}`,
			wire.Events{Revision: "e.1", Events: []wire.Event{{Type: "delete", Reason: "expired"}}},
		},
		"ready": {
			func(ctx context.Context, c *Client) (any, error) { return c.Ready(ctx, true) },
			"GET", "/ready?strict=true", "", "",
			`{"status":"ok","node":"n"}`,
			Health{Health: wire.Health{Status: "ok", Node: "n"}},
		},
		"health of a development registry": {
			func(ctx context.Context, c *Client) (any, error) { return c.Health(ctx) },
			"GET", "/health", "", "",
			`{"ok":true,"pid":42}`,
			Health{Health: wire.Health{Status: "ok"}, PID: 42},
		},
	} {
		t.Run(name, func(t *testing.T) {
			url := serve(t, func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				if r.Method != test.method || r.URL.RequestURI() != test.target {
					t.Errorf("sent %s %s, want %s %s", r.Method, r.URL.RequestURI(), test.method, test.target)
				}
				if got := r.Header.Get(wire.HeaderToken); got != test.token {
					t.Errorf("sent the token %q, want %q", got, test.token)
				}
				if test.body == "" && len(body) > 0 || test.body != "" && !sameJSON(t, body, test.body) {
					t.Errorf("sent the body %s, want %s", body, test.body)
				}
				if want := map[bool]string{true: "application/json"}[test.body != ""]; r.Header.Get("Content-Type") != want {
					t.Errorf("sent the content type %q", r.Header.Get("Content-Type"))
				}
				if r.Header.Get("User-Agent") != DefaultUserAgent {
					t.Errorf("sent the user agent %q", r.Header.Get("User-Agent"))
				}
				if test.sent == "" {
					w.WriteHeader(http.StatusNoContent)
					return
				}
				_, _ = io.WriteString(w, test.sent)
			})
			got, err := test.do(limited(t), reach(t, url))
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func sameJSON(t *testing.T, got []byte, want string) bool {
	t.Helper()
	var a, b any
	return json.Unmarshal(got, &a) == nil && json.Unmarshal([]byte(want), &b) == nil && reflect.DeepEqual(a, b)
}

func TestFreshness(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set(wire.HeaderRevision, "e.7")
		w.Header().Set(wire.HeaderStale, "true")
		w.Header().Set(wire.HeaderAge, "12000")
		_, _ = io.WriteString(w, `{}`)
	})
	var f Freshness
	if _, err := reach(t, url).Services(limited(t), ReadOptions{Freshness: &f}); err != nil {
		t.Fatal(err)
	}
	if want := (Freshness{Revision: "e.7", Stale: true, Age: 12 * time.Second}); f != want {
		t.Errorf("freshness %+v, want %+v", f, want)
	}
}
