package api_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/registry"
	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/wire"
)

// held is a route that the holder of a token may use.
type held struct {
	name, method, path string
	body               any
}

// heldRoutes are all of those, for one instance.
func heldRoutes(service, id string) []held {
	at := "/registry/services/" + service + "/" + id
	return []held{
		{"heartbeat", "POST", "/registry/heartbeat", ref(service, id)},
		{"rotate", "POST", "/registry/token/rotate", ref(service, id)},
		{"patch", "PATCH", at, `{"status":"draining"}`},
		{"deregister", "DELETE", at, nil},
	}
}

// noToken has the form of a token and is nobody's.
const noToken = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

func TestTokensThatOpenNothing(t *testing.T) {
	w := inhabit(start(t, setup{}))
	old := w.orders.Token
	fresh := decode[wire.Token](w.do("POST", "/registry/token/rotate", ref("orders", "o-1"), withToken(old)).want(200)).Token
	w.do("POST", "/registry/heartbeat", ref("orders", "o-1"), withToken(fresh)).want(200)
	for _, r := range heldRoutes("orders", "o-1") {
		for _, c := range []struct {
			name string
			opts []option
		}{
			{"none", nil},
			{"an empty one", []option{withToken("")}},
			{"an empty one before a good one", []option{withToken(""), header("Authorization", "Bearer "+fresh)}},
			{"a short one", []option{withToken("abc")}},
			{"a long one", []option{withToken(fresh + "A")}},
			{"a very long one", []option{withToken(strings.Repeat("A", 8000))}},
			{"one of other characters", []option{withToken(strings.Repeat("+", 43))}},
			{"a padded one", []option{withToken(fresh + "=")}},
			{"one with a space behind a quote", []option{withToken(`"` + fresh + `"`)}},
			{"one that is nobody's", []option{withToken(noToken)}},
			{"one in the wrong case", []option{withToken(swapCase(fresh))}},
			{"the one before", []option{withToken(old)}},
			{"another instance's", []option{withToken(w.other.Token)}},
			{"another service's", []option{withToken(w.shop.Token)}},
			{"the right one in wrong hands", []option{withToken(fresh), as("shop")}},
			{"the wrong one before the right one", []option{withToken(noToken), header("Authorization", "Bearer "+fresh)}},
			{"another scheme", []option{header("Authorization", "Basic "+fresh)}},
			{"a scheme without a token", []option{header("Authorization", "Bearer ")}},
			{"no scheme", []option{header("Authorization", fresh)}},
		} {
			f := fault{name: r.name + " " + c.name, method: r.method, path: r.path, body: r.body, opts: c.opts, want: "401 unauthenticated"}
			t.Run(f.name, func(t *testing.T) {
				n := w.in(t)
				n.unchanged(func() {
					res, _ := n.refused(f)
					if got := res.header.Get("WWW-Authenticate"); got != `Bearer realm="roster"` {
						t.Errorf("WWW-Authenticate: %q", got)
					}
					for _, token := range []string{fresh, old, w.other.Token, w.shop.Token} {
						if strings.Contains(string(res.body), token) {
							t.Errorf("the answer holds a token: %s", res.body)
						}
					}
				})
			})
		}
	}
}

func swapCase(s string) string {
	return strings.Map(func(r rune) rune {
		if up := strings.ToUpper(string(r)); up != string(r) {
			return rune(up[0])
		}
		return rune(strings.ToLower(string(r))[0])
	}, s)
}

// What nobody registered is 404 to a token, whoever's it is.
func TestUnknownInstances(t *testing.T) {
	w := inhabit(start(t, setup{}))
	for _, key := range [][2]string{{"orders", "nobody"}, {"nothing", "o-1"}, {"shop", "o-1"}} {
		for _, r := range heldRoutes(key[0], key[1]) {
			for _, token := range []string{w.orders.Token, noToken} {
				w.refuse(fault{name: r.name + " " + key[0] + " " + key[1], method: r.method, path: r.path, body: r.body,
					opts: []option{withToken(token)}, want: "404 not_found"})
			}
		}
	}
}

// What was the caller's and is gone is told with the reason, whatever the caller wants of it.
func TestWhatIsGone(t *testing.T) {
	n := start(t, setup{})
	for _, c := range []struct {
		reason string
		end    func(token string)
	}{
		{"deregistered", func(token string) { n.do("DELETE", orders+"/o-1", nil, withToken(token)).want(204) }},
		{"forced", func(string) { n.drop("orders", "o-1", store.Reason{Code: store.Forced}) }},
		{"unreachable", func(string) { n.drop("orders", "o-1", store.Reason{Code: store.Unreachable}) }},
		{"process_exited", func(string) { n.drop("orders", "o-1", store.Reason{Code: store.ProcessExited}) }},
		{"replaced", func(string) { n.register("orders", "o-1") }},
	} {
		token := n.register("orders", "o-1").Token
		c.end(token)
		for _, r := range heldRoutes("orders", "o-1") {
			n.unchanged(func() {
				p := n.do(r.method, r.path, r.body, withToken(token)).problem(410, wire.CodeLeaseLost)
				if p.Reason != c.reason {
					t.Errorf("%s: gone because it was %s, want %s", r.name, p.Reason, c.reason)
				}
			})
		}
	}
}

// An instance ID that lives is taken over by its holder only.
func TestTakeoverIsRefused(t *testing.T) {
	w := inhabit(start(t, setup{}))
	for name, opts := range map[string][]option{
		"without a token":     {as("shop")},
		"with a token of its": {as("shop"), withToken(w.shop.Token)},
		"with the right one":  {as("shop"), withToken(w.orders.Token)}, // it is bound to the identity
		"with rubbish":        {as("shop"), withToken("x")},
	} {
		w.refuse(fault{name: name, method: "POST", path: "/registry/register", body: registration(), opts: opts, want: "409 conflict"})
	}
	w.do("POST", "/registry/register", registration()).want(200)
}

// An expired token does nothing but rotate, and that only for the grace.
func TestExpiredTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simulate(t, setup{tokens: registry.TokenPolicy{TTL: time.Minute, Grace: 30 * time.Second}})
		reg := decode[wire.Registered](n.do("POST", "/registry/register", registration("ttl:3600000")).want(201))
		if want := time.Now().Add(time.Minute).UnixMilli(); reg.TokenExpiresAt != want {
			t.Errorf("the token expires at %d, want %d", reg.TokenExpiresAt, want)
		}
		other := n.register("orders", "o-2")
		time.Sleep(59 * time.Second)
		n.do("POST", "/registry/heartbeat", ref("orders", "o-1"), withToken(reg.Token)).want(200)
		refused := func(skip string) {
			for _, r := range heldRoutes("orders", "o-1") {
				if r.name != skip {
					n.unchanged(func() {
						n.refused(fault{method: r.method, path: r.path, body: r.body, opts: []option{withToken(reg.Token)}, want: "401 unauthenticated"})
					})
				}
			}
		}
		time.Sleep(2 * time.Second)
		refused("rotate")
		fresh := decode[wire.Token](n.do("POST", "/registry/token/rotate", ref("orders", "o-1"), withToken(reg.Token)).want(200))
		n.do("POST", "/registry/heartbeat", ref("orders", "o-1"), withToken(fresh.Token)).want(200)
		refused("")
		reg = decode[wire.Registered](n.do("POST", "/registry/register", registration("ttl:3600000")).want(200)) // the same identity
		n.do("POST", "/registry/heartbeat", ref("orders", "o-1"), withToken(reg.Token)).want(200)
		time.Sleep(time.Minute + 31*time.Second)
		refused("")
		gone := n.do("POST", "/registry/heartbeat", ref("orders", "o-2"), withToken(other.Token)).problem(410, wire.CodeLeaseLost)
		if gone.Reason != "expired" {
			t.Errorf("an instance whose lease ran out is gone because it %q", gone.Reason)
		}
	})
}
