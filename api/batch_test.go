package api_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/auth"
	"github.com/roster-sd/roster/lease"
	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/wire"
)

func item(service, id, token string) wire.HeartbeatItem {
	return wire.HeartbeatItem{ServiceName: service, InstanceID: id, Token: token}
}

func (n *node) beat(items []wire.HeartbeatItem, opts ...option) []wire.HeartbeatResult {
	n.t.Helper()
	return decode[wire.HeartbeatResults](n.do("POST", "/registry/heartbeats", wire.Heartbeats{Items: items}, opts...).want(200)).Results
}

// Each item has its own outcome, in its own place; what is wrong with one spoils no other.
func TestBatchOutcomes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simulate(t, setup{policy: auth.Policy{Rules: []auth.Rule{
			{Identity: "orders", Register: []string{"orders"}, Discover: []string{"*"}},
			{Identity: "shop", Register: []string{"shop", "orders"}, Discover: []string{"*"}},
		}}})
		one, two := n.register("orders", "o-1").Token, n.register("orders", "o-2").Token
		replaced := n.register("orders", "o-3").Token
		n.register("orders", "o-3")
		gone := n.register("orders", "o-4").Token
		n.do("DELETE", orders+"/o-4", nil, withToken(gone)).want(204)
		expired := decode[wire.Registered](n.do("POST", "/registry/register", registration(`instanceId:"o-5"`, "ttl:2000"))).Token
		forced := n.register("orders", "o-6").Token
		n.drop("orders", "o-6", store.Reason{Code: store.Forced})
		shop := n.register("shop", "s-1", as("shop")).Token
		time.Sleep(3 * time.Second)

		cases := []struct {
			item wire.HeartbeatItem
			want string
		}{
			{item("orders", "o-1", one), "200"},
			{item("orders", "o-1", two), "401 unauthenticated"},
			{item("orders", "o-1", ""), "401 unauthenticated"},
			{item("orders", "o-1", "short"), "401 unauthenticated"},
			{item("orders", "never", one), "404 not_found"},
			{item("orders", "o-3", replaced), "410 lease_lost replaced"},
			{item("orders", "o-4", gone), "410 lease_lost deregistered"},
			{item("orders", "o-5", expired), "410 lease_lost expired"},
			{item("orders", "o-6", forced), "410 lease_lost forced"},
			{item("shop", "s-1", shop), "403 forbidden"},
			{item("shop", "never", shop), "403 forbidden"},
			{item("", "", ""), "400 invalid_request"},
			{item("-", "o-1", one), "400 invalid_request"},
			{item("orders", "..", one), "400 invalid_request"},
			{item("orders", "o-2", two), "200"},
			{item("orders", "o-2", two), "200"}, // again: renewing twice is no fault
		}
		var items []wire.HeartbeatItem
		for _, c := range cases {
			items = append(items, c.item)
		}
		for range 2 {
			for i, r := range n.beat(items) {
				got := strings.TrimRight(fmt.Sprintf("%d %s %s", r.Status, r.Code, r.Reason), " ")
				if got != cases[i].want || (r.TTL == 30000) != (r.Status == 200) || (r.Detail == "") != (r.Status == 200) {
					t.Errorf("item %d: %q, want %q: %+v", i, got, cases[i].want, r)
				}
				if strings.Contains(r.Detail, cases[i].item.Token) && cases[i].item.Token != "" {
					t.Errorf("item %d: the token is told: %s", i, r.Detail)
				}
			}
			slices.Reverse(items)
			slices.Reverse(cases)
		}
	})
}

// Items that are wrong as JSON goes are 400 in their place.
func TestBatchItemsThatAreNone(t *testing.T) {
	n := start(t, setup{})
	reg := n.register("orders", "o-1")
	good := fmt.Sprintf(`{"serviceName":"orders","instanceId":"o-1","token":%q}`, reg.Token)
	for text, want := range map[string]string{
		`null`:                           "item must be an object",
		`1`:                              "item must be an object",
		`[{}]`:                           "item must be an object",
		`{}`:                             "serviceName must be",
		`{"serviceName":1}`:              "serviceName must be a string",
		`{"instanceId":null}`:            "instanceId must be a string",
		`{"token":["a"]}`:                "token must be a string",
		`{"a":1,"b":2}`:                  "a is not known",
		good[:len(good)-1] + `,"ttl":5}`: "ttl is not known",
		`{"serviceName":"orders","instanceId":"o-1","token":"\u0000"}`: "401",
	} {
		body := `{"items":[` + good + `,` + text + `,` + good + `]}`
		got := decode[wire.HeartbeatResults](n.do("POST", "/registry/heartbeats", body, unchecked).want(200)).Results
		if len(got) != 3 || got[0].Status != 200 || got[2].Status != 200 {
			t.Fatalf("%s: %+v", text, got)
		}
		if want == "401" && got[1].Status == 401 {
			continue
		}
		if r := got[1]; r.Status != 400 || r.Code != wire.CodeInvalid || !strings.HasPrefix(r.Detail, want) {
			t.Errorf("%s: %+v, want %s", text, r, want)
		}
	}
	if got := n.beat([]wire.HeartbeatItem{}); got == nil || len(got) != 0 {
		t.Errorf("an empty batch: %+v", got)
	}
}

// A batch of 10,000 renews every one of them, and in order.
func TestBatchOfTenThousand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simulate(t, setup{leases: lease.Policy{Default: 10 * time.Second, Min: time.Second, Max: time.Hour}})
		const instances = 100
		tokens := make([]string, instances)
		for i := range tokens {
			tokens[i] = n.register("orders", fmt.Sprintf("o-%d", i)).Token
		}
		items := make([]wire.HeartbeatItem, wire.MaxBatch)
		for i := range items {
			items[i] = item("orders", fmt.Sprintf("o-%d", i%instances), tokens[i%instances])
			if i%10 == 7 {
				items[i].Token = noToken
			}
		}
		time.Sleep(9 * time.Second)
		for i, r := range n.beat(items) {
			want := 200
			if i%10 == 7 {
				want = 401
			}
			if r.Status != want {
				t.Fatalf("item %d: %+v", i, r)
			}
		}
		time.Sleep(9 * time.Second) // beyond the first deadline
		if got := decode[wire.Services](n.get("/registry/services").want(200)).Services[0]; got.Instances != instances-instances/10 {
			t.Errorf("%d live on, want those with a good token", got.Instances)
		}
	})
}

// A batch of faults changes nothing.
func TestBatchOfFaults(t *testing.T) {
	w := inhabit(start(t, setup{}))
	w.unchanged(func() {
		w.beat([]wire.HeartbeatItem{item("orders", "o-1", w.other.Token), item("orders", "o-2", ""), item("shop", "s-1", w.shop.Token),
			item("orders", "o-3", w.orders.Token)})
	})
}

// While the store is out of reach every item is told to come again, and none is renewed.
func TestBatchWithoutAStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &faulty{}
		n := simulate(t, setup{wrap: f.wrap})
		token := n.register("orders", "o-1").Token
		f.breaks()
		for i, r := range n.beat([]wire.HeartbeatItem{item("orders", "o-1", token), item("orders", "never", token), item("-", "-", "")}) {
			if want := []int{503, 503, 400}[i]; r.Status != want {
				t.Errorf("item %d: %+v, want %d", i, r, want)
			}
		}
		f.heals()
	})
}
