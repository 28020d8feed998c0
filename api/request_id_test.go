package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/roster-sd/roster/wire"
)

// A request's own name comes back with whatever answer; without one there is a name where
// something is told of the request, and none where nothing is.
func TestRequestID(t *testing.T) {
	n := start(t, setup{policy: rules})
	reg := n.register("orders", "o-1")
	beat := ref("orders", "o-1")
	named := func(id string) option { return header(wire.HeaderRequestID, id) }
	for name, c := range map[string]struct {
		ask   func(...option) reply
		quiet bool // nothing is told of it
	}{
		"a read":    {func(o ...option) reply { return n.get(orders, o...).want(200) }, true},
		"a resolve": {func(o ...option) reply { return n.get("/registry/resolve/orders", o...).want(200) }, true},
		"a heartbeat": {func(o ...option) reply {
			return n.do("POST", "/registry/heartbeat", beat, append(o, withToken(reg.Token))...).want(200)
		}, true},
		"health": {func(o ...option) reply { return n.get("/health", o...).want(200) }, true},
		"a registration": {func(o ...option) reply {
			return n.do("POST", "/registry/register", registration(`instanceId:"o-2"`), o...)
		}, false},
		"a denied write": {func(o ...option) reply {
			return n.do("POST", "/registry/register", registration(), append(o, as("vault"))...).want(403)
		}, false},
		"a bad token": {func(o ...option) reply {
			return n.do("POST", "/registry/heartbeat", beat, append(o, withToken(noToken))...).want(401)
		}, false},
		"a bad request":    {func(o ...option) reply { return n.get(orders+"?limit=x", append(o, bad)...).want(400) }, false},
		"what is nowhere":  {func(o ...option) reply { return n.get(orders+"/nobody", o...).want(404) }, false},
		"another's dump":   {func(o ...option) reply { return n.get("/registry/admin/dump", o...).want(403) }, false},
		"one not modified": {func(o ...option) reply { return n.get(orders, append(o, ifNoneMatch(n.etagOf(orders)))...).want(304) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.ask(named("my-own/1.2")).header[wire.HeaderRequestID]; len(got) != 1 || got[0] != "my-own/1.2" {
				t.Errorf("named my-own/1.2 and answered as %q", got)
			}
			for _, unfit := range []option{func(*http.Request) {}, named(strings.Repeat("x", 65)), named("a b"), named("<script>")} {
				got := c.ask(unfit).header[wire.HeaderRequestID]
				if c.quiet && got != nil || !c.quiet && (len(got) != 1 || len(got[0]) != 26) {
					t.Errorf("without a good name it is answered as %q", got)
				}
			}
		})
	}
}
