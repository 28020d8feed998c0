package server

import (
	"net/url"

	"github.com/roster-sd/roster/wire"
)

// cell is one call of the matrix.
type cell struct {
	who    string // an identity, without its trust domain
	target *target
	token  tokenKind
}

// row is a well-formed request to a route, and what the rules say of it.
type row struct {
	route    string // method and path, as in the table of routes
	variant  string // where a route has several rows
	targeted bool   // the request names an instance, or its service
	tokened  bool   // the route reads the token of an instance
	batch    bool   // the verdict is that of the one item
	stream   bool   // the answer has no end
	reveals  bool   // to administrators, whatever they may discover

	path func(c *cell) string                 // nil: that of the route
	body func(c *cell, n int, tok string) any // nil: none; n counts the calls
	want func(m model, c *cell) verdict

	// What the answer must hold where it is 200: the marks of these instances, or the names
	// of these services, and no others. Nil: nothing of either.
	marks, names func(m model, w *world, c *cell) []string
}

func reference(c *cell, _ int, _ string) any {
	return wire.InstanceRef{ServiceName: c.target.service, InstanceID: c.target.id}
}

func below(path string) func(*cell) string {
	return func(c *cell) string { return path + c.target.service + "/" + c.target.id }
}

func ofService(path string) func(*cell) string {
	return func(c *cell) string { return path + c.target.service }
}

// anyone is answered whatever its rights.
func anyone(model, *cell) verdict { return ok(200, nothing) }

func held(yes verdict) func(model, *cell) verdict {
	return func(m model, c *cell) verdict { return m.holder(c, yes) }
}

func everyMark(m model, w *world, c *cell) []string { return m.shows(c, w.targets, "") }

func marksOfService(m model, w *world, c *cell) []string {
	return m.shows(c, w.targets, c.target.service)
}

func markOfTarget(m model, w *world, c *cell) []string {
	return m.shows(c, []*target{c.target}, "")
}

// dumped gives every instance that is there.
func dumped(_ model, w *world, _ *cell) (marks []string) {
	for _, x := range w.targets {
		if x.live() {
			marks = append(marks, x.mark())
		}
	}
	return marks
}

// matrixRows has one row or more for every route of the API's listener. To add a route is to
// add its row here: a request that its handler takes, and what the rules answer.
var matrixRows = []row{
	{route: "POST /registry/register", targeted: true, tokened: true,
		body: func(c *cell, n int, _ string) any {
			return wire.Registration{ServiceName: c.target.service, InstanceID: c.target.id, Address: "192.0.2.1", Port: 1 + n%65535}
		},
		want: func(m model, c *cell) verdict { return m.registers(c) }},
	{route: "POST /registry/heartbeat", targeted: true, tokened: true, body: reference, want: held(ok(200, renews))},
	{route: "POST /registry/heartbeats", targeted: true, tokened: true, batch: true,
		body: func(c *cell, _ int, tok string) any {
			return wire.Heartbeats{Items: []wire.HeartbeatItem{{ServiceName: c.target.service, InstanceID: c.target.id, Token: tok}}}
		},
		want: held(ok(200, renews))},
	{route: "POST /registry/token/rotate", targeted: true, tokened: true, body: reference, want: held(ok(200, writes))},
	{route: "PATCH /registry/services/:serviceName/:instanceId", targeted: true, tokened: true, reveals: true,
		path: below("/registry/services/"),
		body: func(_ *cell, n int, _ string) any { return map[string]any{"weight": 101 + n%9000} },
		want: func(m model, c *cell) verdict { return m.holderOrAdmin(c, ok(200, writes)) }},
	{route: "DELETE /registry/services/:serviceName/:instanceId", targeted: true, tokened: true,
		path: below("/registry/services/"),
		want: func(m model, c *cell) verdict { return m.holderOrAdmin(c, ok(204, writes)) }},

	{route: "GET /registry/services", want: anyone,
		names: func(m model, w *world, c *cell) []string { return m.names(c, w.targets, "") }},
	{route: "GET /registry/services", variant: "consistent", want: anyone,
		path:  func(*cell) string { return "/registry/services?consistent=true" },
		names: func(m model, w *world, c *cell) []string { return m.names(c, w.targets, "") }},
	{route: "GET /registry/services/:serviceName", targeted: true, path: ofService("/registry/services/"),
		want: func(m model, c *cell) verdict { return m.reads(c, true) }, marks: marksOfService},
	{route: "GET /registry/services/:serviceName", variant: "consistent, filtered", targeted: true,
		path: func(c *cell) string { return "/registry/services/" + c.target.service + "?consistent=true&status=up" },
		want: func(m model, c *cell) verdict { return m.reads(c, true) }, marks: marksOfService},
	{route: "GET /registry/services/:serviceName/:instanceId", targeted: true, path: below("/registry/services/"),
		want: func(m model, c *cell) verdict { return m.reads(c, c.target.live()) }, marks: markOfTarget},
	{route: "GET /registry/resolve/:serviceName", targeted: true,
		path: func(c *cell) string {
			return "/registry/resolve/" + c.target.service + "?meta.mark=" + url.QueryEscape(c.target.mark())
		},
		want: func(m model, c *cell) verdict {
			if v := m.reads(c, c.target.served()); v.status != 200 || c.target.live() {
				return v
			}
			return verdict{503, "unavailable", nothing} // some live, none of which matches
		}, marks: markOfTarget},
	{route: "GET /registry/watch", variant: "of all", stream: true, want: anyone, marks: everyMark},
	{route: "GET /registry/watch", variant: "of one", stream: true, targeted: true, path: ofService("/registry/watch?service="),
		want: func(m model, c *cell) verdict { return m.reads(c, true) }, marks: marksOfService},
	{route: "GET /registry/events", want: anyone,
		path:  func(*cell) string { return "/registry/events?limit=1000" },
		names: func(m model, w *world, c *cell) []string { return m.names(c, w.targets, "") }},
	{route: "GET /registry/events", variant: "of one", targeted: true, want: anyone,
		path:  func(c *cell) string { return "/registry/events?limit=5&service=" + c.target.service },
		names: func(m model, w *world, c *cell) []string { return m.names(c, w.targets, c.target.service) }},

	{route: "GET /registry/explain/:serviceName", targeted: true, path: ofService("/registry/explain/"),
		want: func(m model, c *cell) verdict { return m.reads(c, c.target.served()) }},
	{route: "GET /registry/explain/:serviceName/:instanceId", targeted: true, path: below("/registry/explain/"),
		want: func(m model, c *cell) verdict { return m.reads(c, c.target.known()) }, marks: markOfTarget},

	{route: "GET /registry/admin/dump", reveals: true, marks: dumped,
		want: func(m model, c *cell) verdict { return m.administers(c, ok(200, nothing)) }},
	{route: "POST /registry/admin/policies/check",
		body: func(*cell, int, string) any {
			return wire.PolicyQuestion{Identity: spiffe("nobody"), Action: "register", ServiceName: "vault"}
		},
		want: func(m model, c *cell) verdict { return m.administers(c, ok(200, nothing)) }},
	{route: "GET /registry/admin/overrides", reveals: true, want: func(m model, c *cell) verdict { return m.administers(c, ok(200, nothing)) }},
	{route: "PUT /registry/admin/overrides/:serviceName/:instanceId", targeted: true, path: below("/registry/admin/overrides/"),
		body: func(*cell, int, string) any { return wire.OverrideRequest{Status: "draining", Reason: "the matrix"} },
		want: func(m model, c *cell) verdict { return m.administers(c, ok(200, writes)) }},
	{route: "DELETE /registry/admin/overrides/:serviceName/:instanceId", targeted: true, path: below("/registry/admin/overrides/"),
		want: func(m model, c *cell) verdict {
			if !c.target.kept {
				return m.administers(c, notFound)
			}
			return m.administers(c, ok(204, writes))
		}},
	{route: "GET /registry/admin/denials", reveals: true, want: func(m model, c *cell) verdict { return m.administers(c, ok(200, nothing)) }},

	// These ask for a good certificate and for no rights. They tell nothing of any service.
	{route: "GET /health", want: anyone},
	{route: "GET /ready", want: anyone},
	{route: "GET /openapi.json", want: anyone},
	{route: "GET /openapi.yaml", want: anyone},
}

// name tells rows apart in messages.
func (r *row) name() string {
	if r.variant == "" {
		return r.route
	}
	return r.route + " (" + r.variant + ")"
}
