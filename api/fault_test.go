package api_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/roster-sd/roster/wire"
)

// fault is a request that must be refused.
type fault struct {
	name         string // empty: method, path and body
	method, path string
	body         any
	opts         []option
	// want is what is told: status, code, and after a colon the names of all bad fields.
	want string
}

// told gives a problem in the form of fault.want.
func told(p wire.Problem) string {
	s := fmt.Sprintf("%d %s", p.Status, p.Code)
	names := make([]string, 0, len(p.Errors))
	for _, e := range p.Errors {
		names = append(names, e.Field)
	}
	if slices.Sort(names); len(names) > 0 {
		s += ": " + strings.Join(names, " ")
	}
	return s
}

// refuse sends each request, and fails the test unless it is refused as it must be and
// nothing registered is lost, changed or renewed by it.
func (n *node) refuse(faults ...fault) {
	n.t.Helper()
	for _, f := range faults {
		name := f.name
		if name == "" {
			name = fmt.Sprintf("%s %s %.80v", f.method, f.path, f.body)
		}
		n.t.Run(name, func(t *testing.T) {
			n := n.in(t)
			n.unchanged(func() { n.refused(f) })
		})
	}
}

// refused sends one bad request and gives the answer.
func (n *node) refused(f fault) (reply, wire.Problem) {
	n.t.Helper()
	res := n.do(f.method, f.path, f.body, append(slices.Clone(f.opts), bad)...)
	p := decode[wire.Problem](res)
	if got := told(p); got != f.want || p.Status != res.status {
		n.t.Errorf("%d, told %q, want %q\n%.600s", res.status, got, f.want, res.body)
	}
	if p.Detail == "" {
		n.t.Errorf("it does not say what is wrong: %s", res.body)
	}
	return res, p
}

// world is a registry with something in it, to be lost.
type world struct {
	*node
	orders wire.Registered // orders/o-1, of orders
	other  wire.Registered // orders/o-2, of orders
	shop   wire.Registered // shop/s-1, of shop
}

func inhabit(n *node) *world {
	n.t.Helper()
	w := &world{node: n, orders: n.register("orders", "o-1"), other: n.register("orders", "o-2")}
	w.shop = n.register("shop", "s-1", as("shop"))
	return w
}

// endpoint is a route that reads a body, with a request that it takes.
type endpoint struct {
	method, path string
	token        string
	good         string // a body
	field        string // a field of it
}

// endpoints are all routes that read a body.
func (w *world) endpoints() []endpoint {
	in := `{"serviceName":"orders","instanceId":"o-1"}`
	return []endpoint{
		{"POST", "/registry/register", w.orders.Token, `{"serviceName":"orders","instanceId":"o-1","port":1}`, "port"},
		{"POST", "/registry/heartbeat", w.orders.Token, in, "serviceName"},
		{"POST", "/registry/heartbeats", "", `{"items":[]}`, "items"},
		{"POST", "/registry/token/rotate", w.orders.Token, in, "serviceName"},
		{"PATCH", "/registry/services/orders/o-1", w.orders.Token, `{"weight":1}`, "weight"},
	}
}

// The table above is whole, and what it calls good is taken.
func TestEndpointsAreAllThatReadBodies(t *testing.T) {
	w := inhabit(start(t, setup{}))
	var table, routes []string
	for _, e := range w.endpoints() {
		table = append(table, e.method+" "+strings.Replace(e.path, "orders/o-1", ":serviceName/:instanceId", 1))
	}
	for _, r := range w.api.Routes() {
		if r.Body && r.Action != "admin" { // administration refuses whatever it is sent
			routes = append(routes, r.Method+" "+r.Path)
		}
	}
	if !slices.Equal(table, routes) {
		t.Errorf("the table has\n%s\nthe API\n%s", strings.Join(table, "\n"), strings.Join(routes, "\n"))
	}
	for _, e := range w.endpoints()[1:] {
		w.do(e.method, e.path, e.good, withToken(e.token)).want(200)
	}
	w.do("POST", "/registry/register", w.endpoints()[0].good).want(200)
}
