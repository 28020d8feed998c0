package api_test

import (
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/api"
	"github.com/roster-sd/roster/registry"
	"github.com/roster-sd/roster/wire"
)

const denialsPath = "/registry/admin/denials"

// An administrator reads what was refused to whom, by which rule; nobody else does.
func TestDenials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simulate(t, setup{policy: rules})
		began := time.Now().UnixMilli()
		if got := decode[wire.Denials](n.get(denialsPath, root).want(200)); got.Node != "n1" || got.Since != began || got.Total != 0 || got.Denials == nil || len(got.Denials) != 0 {
			t.Errorf("%+v", got)
		}
		n.get(denialsPath).problem(403, wire.CodeForbidden)
		n.register("orders", "o-1")
		n.do("POST", "/registry/register", registration(), as("vault")).problem(403, wire.CodeForbidden)
		time.Sleep(time.Second)
		n.do("POST", "/registry/register", registration(), as("vault"), header(wire.HeaderRequestID, "the-last")).problem(403, wire.CodeForbidden)
		refused := n.do("POST", "/registry/heartbeat", ref("orders", "o-1"), withToken(noToken))
		refused.problem(401, wire.CodeUnauthenticated)
		got := decode[wire.Denials](n.get(denialsPath, root).want(200))
		if got.Total != 4 || len(got.Denials) != 3 {
			t.Fatalf("%+v", got)
		}
		const none = "none of auth.policies allows it"
		for i, want := range []wire.Denial{
			{Time: began, First: began, Count: 1, Kind: "denied", Identity: "orders", From: "192.0.2.7", Action: "admin", Rule: none},
			{Time: began + 1000, First: began, Count: 2, Kind: "denied", Identity: "vault", From: "192.0.2.7", Action: "register", ServiceName: "orders", Rule: none},
			{Time: began + 1000, First: began + 1000, Count: 1, Kind: "token_refused", Identity: "orders", From: "192.0.2.7", Action: "register",
				ServiceName: "orders", InstanceID: "o-1", Why: "dead, or never of this instance"},
		} {
			want.RequestID = []string{got.Denials[0].RequestID, "the-last", refused.header.Get(wire.HeaderRequestID)}[i]
			if got.Denials[i] != want || want.RequestID == "" {
				t.Errorf("%d: %+v, want %+v", i, got.Denials[i], want)
			}
		}
	})
}

// What the surface refuses by itself is told of too.
func TestDenialsOfTheSurface(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var limited, revoked atomic.Bool
		n := simulate(t, setup{policy: rules, api: func(o *api.Options) {
			o.Limiter = limits(func() time.Duration {
				if limited.Load() {
					return time.Second
				}
				return 0
			})
			o.Guard = func(r *http.Request) (string, string) {
				if r.Header.Get("Origin") != "" {
					return wire.CodeForbidden, "no"
				}
				return "", ""
			}
			identify := o.Identify
			o.Identify = func(r *http.Request) (registry.Caller, error) {
				who, err := identify(r)
				if revoked.Load() && who.Identity == "orders" {
					err = errors.New("its certificate is revoked")
				}
				return who, err
			}
		}})
		w := n.watch("/registry/watch?service=orders")
		w.snapshot()
		limited.Store(true)
		n.get(orders, header(wire.HeaderRequestID, "one-too-many")).problem(429, wire.CodeRateLimited)
		limited.Store(false)
		revoked.Store(true)
		n.get(orders).problem(401, wire.CodeUnauthenticated)
		n.get(orders, header("Origin", "http://evil.example"), header(wire.HeaderRequestID, "of-a-page"), bad).problem(403, wire.CodeForbidden)
		time.Sleep(10 * time.Second) // the stream looks
		synctest.Wait()
		list := decode[wire.Denials](n.get(denialsPath, root).want(200)).Denials
		told := map[string]wire.Denial{}
		for _, d := range list {
			d.Time, d.First = 0, 0
			told[d.Kind] = d
		}
		const from = "pipe"
		for kind, want := range map[string]wire.Denial{
			"rate_limited":        {Count: 1, RequestID: "one-too-many", Identity: "orders", From: "192.0.2.7", Why: "too many requests from this identity"},
			"certificate_refused": {Count: 2, RequestID: w.header.Get(wire.HeaderRequestID), Identity: "orders", From: from, Why: "its certificate is revoked"},
			"origin_refused":      {Count: 1, RequestID: "of-a-page", From: from, Why: "forbidden"},
		} {
			want.Kind = kind
			if told[kind] != want {
				t.Errorf("%+v, want %+v", told[kind], want)
			}
		}
		if len(list) != 3 {
			t.Errorf("%+v", list)
		}
	})
}

// limits is a limiter of the same word for everyone.
type limits func() time.Duration

func (f limits) Allow(string) time.Duration { return f() }
