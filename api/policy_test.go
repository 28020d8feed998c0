package api_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/auth"
	"github.com/roster-sd/roster/registry"
	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/wire"
)

// rules are of a registry in which each serves its own, and not all see all.
var rules = auth.Policy{
	Services: []string{"orders*", "shop", "vault"},
	Rules: []auth.Rule{
		{Identity: "orders", Register: []string{"orders*", "unlisted"}, Discover: []string{"orders*", "shop"}},
		{Identity: "spiffe://example.org/shop", Register: []string{"shop"}, Discover: []string{"*"}},
		{Identity: "vault", Register: []string{"vault"}, Discover: []string{"vault"}},
		{Identity: "root", Discover: []string{"*"}, Admin: true},
	},
}

const spiffeShop = "spiffe://example.org/shop"

// An identity that may not register a service is told so, and nothing of what is there.
func TestForbiddenWrites(t *testing.T) {
	n := start(t, setup{policy: rules})
	token := n.register("shop", "s-1", as(spiffeShop)).Token
	n.register("orders", "o-1")
	for _, id := range []string{"s-1", "never"} {
		for _, tok := range []string{"", "short", noToken, token} {
			for _, r := range append(heldRoutes("shop", id),
				held{"register", "POST", "/registry/register", registration(`serviceName:"shop"`, `instanceId:"`+id+`"`)}) {
				n.refuse(fault{name: r.name + " " + id + " " + tok[:min(len(tok), 5)], method: r.method, path: r.path, body: r.body,
					opts: []option{withToken(tok)}, want: "403 forbidden"})
			}
		}
	}
	n.refuse(
		fault{name: "a service of no catalogue", method: "POST", path: "/registry/register", body: registration(`serviceName:"unlisted"`), want: "403 forbidden"},
		fault{name: "a service that is hidden, too", method: "POST", path: "/registry/register", body: registration(`serviceName:"vault"`), want: "403 forbidden"},
		fault{name: "an administrator who is no holder", method: "POST", path: "/registry/heartbeat", body: ref("shop", "s-1"),
			opts: []option{as("root"), withToken(token)}, want: "403 forbidden"},
		fault{name: "bad names come first", method: "POST", path: "/registry/heartbeat", body: ref("-", ".."), want: "400 invalid_request: instanceId serviceName"},
	)
	// The same to the letter, whether it is there or not.
	say := func(id string) string {
		res, _ := n.refused(fault{method: "DELETE", path: "/registry/services/shop/" + id, opts: []option{withToken(noToken)}, want: "403 forbidden"})
		return string(res.body)
	}
	if a, b := say("s-1"), say("never"); a != b {
		t.Errorf("what is there is told %s, and what is not %s", a, b)
	}
}

// What may not be discovered is not there, to reads of every kind.
func TestHiddenServices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simulate(t, setup{policy: rules})
		n.register("vault", "v-1", as("vault"))
		n.register("orders", "o-1")
		n.register("shop", "s-1", as(spiffeShop))
		for _, path := range []string{
			"/registry/services/vault", "/registry/services/vault?consistent=true", "/registry/services/vault?wait=1m", "/registry/services/vault/v-1",
			"/registry/services/vault/v-1?consistent=true", "/registry/resolve/vault", "/registry/resolve/vault?consistent=true",
			"/registry/watch?service=vault", "/registry/watch?service=orders&service=vault",
			"/registry/explain/vault", "/registry/explain/vault/v-1",
		} {
			res := n.get(path)
			res.problem(404, wire.CodeNotFound)
			// "crypt" has as many letters, and is nowhere.
			other := n.get(strings.ReplaceAll(path, "vault", "crypt"))
			if got, want := strings.ReplaceAll(string(other.body), "crypt", "vault"), string(res.body); got != want {
				t.Errorf("%s: what is hidden is told %s, and what is nowhere %s", path, want, got)
			}
			if !strings.Contains(path, "watch") {
				n.get(path, as(spiffeShop)).want(200)
			}
		}
	})
}

// Lists, events and streams leave out what may not be discovered.
func TestListsHideServices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simulate(t, setup{policy: rules})
		vault := n.register("vault", "v-1", as("vault")).Token
		n.register("orders", "o-1")
		n.register("shop", "s-1", as(spiffeShop))
		for identity, want := range map[string]string{"orders": "orders shop", spiffeShop: "orders shop vault", "vault": "vault", "nobody": ""} {
			var names []string
			for _, s := range decode[wire.Services](n.get("/registry/services", as(identity)).want(200)).Services {
				names = append(names, s.ServiceName)
			}
			if got := strings.Join(names, " "); got != want {
				t.Errorf("%s lists %q, want %q", identity, got, want)
			}
			names = nil
			for _, ev := range decode[wire.Events](n.get("/registry/events", as(identity)).want(200)).Events {
				names = append(names, ev.ServiceName)
			}
			// In the order in which they were registered.
			wantEvents := map[string]string{"orders": "orders shop", spiffeShop: "vault orders shop", "vault": "vault", "nobody": ""}[identity]
			if got := strings.Join(names, " "); got != wantEvents {
				t.Errorf("%s reads of events of %q, want %q", identity, got, wantEvents)
			}
		}
		if got := decode[wire.Events](n.get("/registry/events?service=vault").want(200)).Events; len(got) != 0 {
			t.Errorf("events of what is hidden: %+v", got)
		}

		mine, theirs := n.watch("/registry/watch"), n.watch("/registry/watch", as("vault"))
		if list, _, _ := mine.snapshot(); ids(list) != "o-1 s-1" {
			t.Errorf("the snapshot holds %s", ids(list))
		}
		_, _, position := theirs.snapshot()
		n.do("PATCH", "/registry/services/vault/v-1", `{"weight":1}`, withToken(vault), as("vault")).want(200)
		n.update("orders", "o-1", zone("b"))
		n.drop("vault", "v-1", store.Reason{})
		n.update("shop", "s-1", zone("b"))
		if got := mine.told(2); got != "put o-1; put s-1" {
			t.Errorf("told %s", got)
		}
		if got := theirs.told(2); got != "put v-1; delete v-1 deregistered" {
			t.Errorf("the holder is told %s", got)
		}
		again := n.watch("/registry/watch", lastEvent(position))
		again.comment("resumed")
		if got := again.told(2); got != "put o-1; put s-1" {
			t.Errorf("resumed with another's position: told %s", got)
		}
	})
}

// Administration is closed to those who are no administrators, whatever they send.
func TestAdministrationIsClosed(t *testing.T) {
	n := start(t, setup{policy: rules})
	for _, identity := range []string{"orders", spiffeShop, "nobody"} {
		n.refuse(
			fault{name: "dump as " + identity, method: "GET", path: "/registry/admin/dump", opts: []option{as(identity)}, want: "403 forbidden"},
			fault{name: "check as " + identity, method: "POST", path: "/registry/admin/policies/check", opts: []option{as(identity)},
				body: `{"identity":"x","action":"register","serviceName":"orders"}`, want: "403 forbidden"},
			fault{name: "rubbish as " + identity, method: "POST", path: "/registry/admin/policies/check?x=%", opts: []option{as(identity)}, body: "{", want: "403 forbidden"},
		)
	}
}

// An administrator is told what would be decided, by the function that decides.
func TestCheckPolicy(t *testing.T) {
	n := start(t, setup{policy: rules})
	ask := func(identity, action, service string) wire.PolicyDecision {
		q := wire.PolicyQuestion{Identity: identity, Action: action, ServiceName: service}
		return decode[wire.PolicyDecision](n.do("POST", "/registry/admin/policies/check", q, as("root")).want(200))
	}
	if d := ask("orders", "register", "orders-eu"); !d.Allowed || d.Rule == nil || d.Rule.Index != 0 || d.Rule.Identity != "orders" {
		t.Errorf("%+v", d)
	}
	if d := ask("orders", "register", "unlisted"); d.Allowed || d.Rule != nil || !strings.Contains(d.Reason, "auth.services") || !strings.Contains(d.Change[0], "auth.services") {
		t.Errorf("%+v", d)
	}
	if d := ask("root", "admin", ""); !d.Allowed || d.Rule.Index != 3 {
		t.Errorf("%+v", d)
	}
	if d := ask("vault", "discover", "orders"); d.Allowed || len(d.Change) != 2 {
		t.Errorf("%+v", d)
	}
	for body, fields := range map[string]string{
		`{}`: "action identity", `{"identity":"","action":"delete","serviceName":"-"}`: "action identity",
		`{"identity":"x","action":"register"}`: "serviceName", `{"identity":"x","action":"admin","serviceName":"-"}`: "serviceName",
		`{"identity":1,"action":"admin","mood":1}`: "identity mood", `{"identity":"` + strings.Repeat("x", 2049) + `","action":"admin"}`: "identity",
	} {
		n.refuse(fault{name: body[:min(len(body), 40)], method: "POST", path: "/registry/admin/policies/check", body: body,
			opts: []option{as("root")}, want: "400 invalid_request: " + fields})
	}

	const check = "/registry/admin/policies/check"
	n.refuse(
		fault{name: "no JSON", method: "POST", path: check, body: "x", opts: []option{as("root"), header("Content-Encoding", "gzip")}, want: "415 unsupported_media_type"},
		fault{name: "too large", method: "POST", path: check, body: strings.Repeat(" ", 64<<10+1), opts: []option{as("root")}, want: "413 too_large"},
	)
}

// A dump holds all that is there, at one position, and no secret.
func TestDump(t *testing.T) {
	n := start(t, setup{policy: rules, tokens: registry.TokenPolicy{TTL: time.Hour}})
	var tokens []string
	tokens = append(tokens, n.register("shop", "s-1", as(spiffeShop)).Token, n.register("orders", "o-1").Token, n.register("orders", "o-2").Token)
	res := n.get("/registry/admin/dump", as("root")).want(200)
	if got := res.header.Get("Content-Type"); got != wire.ContentTypeLines {
		t.Errorf("content type %s", got)
	}
	text := string(res.body)
	for _, token := range tokens {
		digest, _ := auth.Digest(token)
		for _, secret := range []string{token, fmt.Sprintf("%x", digest), base64.StdEncoding.EncodeToString(digest[:])} {
			if strings.Contains(text, secret) {
				t.Errorf("the dump holds %s", secret)
			}
		}
	}
	var kinds []string
	for line := range strings.Lines(text) {
		var l wire.DumpLine
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		switch l.Kind {
		case wire.DumpRegistry:
			if l.Revision != n.catalog.Position().String() || l.Revision != res.header.Get(wire.HeaderRevision) {
				t.Errorf("at %s", l.Revision)
			}
		case wire.DumpInstance:
			l.Kind += " " + l.Instance.ServiceName + "/" + l.Instance.InstanceID + " of " + l.Owner
			if l.Generation != 1 || l.TokenExpiresAt == 0 {
				t.Errorf("%+v", l)
			}
		case wire.DumpEnd:
			if *l.Instances != 3 {
				t.Errorf("%d instances", *l.Instances)
			}
		}
		kinds = append(kinds, l.Kind)
	}
	if got, want := strings.Join(kinds, "; "), "registry; instance orders/o-1 of orders; instance orders/o-2 of orders; instance shop/s-1 of "+spiffeShop+"; end"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// A node that has read nothing yet dumps nothing.
func TestDumpOfAColdNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &faulty{}
		n := simulate(t, setup{policy: rules, wrap: f.wrapBroken, cold: true})
		n.get("/registry/admin/dump", as("root")).problem(503, wire.CodeUnavailable)
	})
}

// An administrator changes and removes what others hold, without their token.
func TestAdministrators(t *testing.T) {
	n := start(t, setup{policy: rules})
	token := n.register("orders", "o-1").Token
	admin := []option{as("root"), unchecked} // the description asks for a token
	if in := decode[wire.Instance](n.do("PATCH", orders+"/o-1", `{"status":"out_of_service"}`, admin...).want(200)); in.Status != "out_of_service" {
		t.Errorf("%+v", in)
	}
	n.do("DELETE", orders+"/o-1?reason=stuck", nil, admin...).want(204)
	if p := n.do("POST", "/registry/heartbeat", ref("orders", "o-1"), withToken(token)).problem(410, wire.CodeLeaseLost); p.Reason != "forced" {
		t.Errorf("it is gone because it was %s", p.Reason)
	}
	events := decode[wire.Events](n.get("/registry/events?service=orders&instance=o-1&limit=1").want(200)).Events
	if len(events) != 1 || events[0].Reason != "forced" || events[0].Note != "stuck" || events[0].Actor != "root" {
		t.Errorf("%+v", events)
	}
	n.do("DELETE", orders+"/o-1", nil, admin...).problem(404, wire.CodeNotFound)
	n.do("PATCH", orders+"/never", `{"weight":1}`, admin...).problem(404, wire.CodeNotFound)
}
