package registry

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/auth"
	"github.com/roster-sd/roster/store"
)

func TestRegister(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := one(t, setup{tokens: TokenPolicy{TTL: time.Hour}})
		reg := registration("orders", "o1")
		reg.Instance.Health = store.HealthFailing // not the caller's to say
		reg.Instance.Metadata = []store.Pair{{Key: "b", Value: "2"}, {Key: "a", Value: "1"}}
		given := reg.Instance.Metadata[0]
		out, err := n.Register(t.Context(), orders, reg)
		if err != nil {
			t.Fatal(err)
		}
		rec := out.Record
		if !out.Created || out.TokenExpires != store.At(time.Now().Add(time.Hour)) || len(out.Token) != auth.TokenLength {
			t.Errorf("%+v", out)
		}
		if rec.TTL != 30*time.Second || rec.Owner != "orders" || rec.Generation != 1 || rec.Lease == 0 ||
			rec.Instance.Health != store.HealthPassing {
			t.Errorf("%+v", rec)
		}
		if got := fmt.Sprint(rec.Instance.Metadata); got != "[{a 1} {b 2}]" || reg.Instance.Metadata[0] != given {
			t.Errorf("metadata %s; the caller's slice has %v first", got, reg.Instance.Metadata[0])
		}
		if item, _, err := n.Instance(t.Context(), orders, "orders", "o1", false); err != nil || item.Packed() != store.Pack(rec) {
			t.Errorf("read at once: %v, %v", item.Record(), err)
		}
		wantErr(t, "its token", n.beat(orders, "o1", out.Token), "ok")
		digest, _ := auth.Digest(out.Token)
		if rec.Tokens.Used != digest || rec.Tokens.HasNewest {
			t.Error("the record does not hold the digest of the token")
		}
		if strings.Contains(n.logs.String(), out.Token) {
			t.Error("the token is in the log")
		}
		events, err := n.Events(t.Context(), orders, "orders", "o1", 10)
		if err != nil {
			t.Fatal(err)
		}
		for ev := range events {
			if want := (store.Reason{Code: store.Registered, Actor: "orders", Node: "n1", From: "192.0.2.1"}); ev.Reason != want {
				t.Errorf("reason %+v", ev.Reason)
			}
		}
	})
}

func TestRegisterDefaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := one(t, setup{})
		reg := registration("auth-service", "")
		reg.Instance.Address = ""
		reg.TTL, reg.HasTTL = time.Millisecond, true
		form := regexp.MustCompile(`^auth-service-[2-9a-hjkmnp-z]{8}$`)
		seen := make(map[string]bool)
		for range 50 {
			out, err := n.Register(t.Context(), orders, reg)
			if err != nil {
				t.Fatal(err)
			}
			id := out.Record.Key.ID
			if !form.MatchString(id) || !ValidInstanceID(id) || seen[id] || !out.Created {
				t.Fatalf("made ID %q", id)
			}
			seen[id] = true
			if in := out.Record.Instance; in.Address != orders.From || out.Record.TTL != 2*time.Second || out.TokenExpires != 0 {
				t.Fatalf("%+v, ttl %v, token until %d", in, out.Record.TTL, out.TokenExpires)
			}
		}
		for _, from := range []string{"", "fe80::1%eth0", "192.0.2.1:4711", "@"} {
			_, err := n.Register(t.Context(), Caller{Identity: "orders", From: from}, reg)
			wantErr(t, "from "+from, err, "invalid_request")
		}
	})
}

// TestMadeIDsTakeNothingOver: where an ID that was made is someone's by chance, another is
// made, although the caller might take that one over.
func TestMadeIDsTakeNothingOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := one(t, setup{})
		chance := 0
		conflict := &store.Error{Op: "register", Backend: "test", Kind: store.ErrConflict}
		n.store.fails(conflict, "register")
		n.store.meanwhile("register", func() {
			if chance++; chance == 3 {
				n.store.fails(nil, "register")
			}
		})
		out, err := n.Register(t.Context(), orders, registration("orders", ""))
		if err != nil || !out.Created || n.listed() != out.Record.Key.ID {
			t.Fatalf("%+v, %v", out, err)
		}
		if n.store.calls("get") != 0 || chance != 3 {
			t.Errorf("%d attempts, %d reads", chance, n.store.calls("get"))
		}
	})
}

// TestTakeover is the rule of who may register the ID of an instance that lives.
func TestTakeover(t *testing.T) {
	unverified := Caller{Identity: "orders", Unverified: true, From: "192.0.2.3"}
	admin := Caller{Identity: "root", From: "192.0.2.4"}
	holder := Caller{Identity: "local", Holder: true, From: "127.0.0.1"}
	policy := auth.Policy{Rules: []auth.Rule{
		{Identity: "*", Register: []string{"*"}, Discover: []string{"*"}},
		{Identity: "root", Admin: true},
	}}
	for _, tc := range []struct {
		name   string
		caller Caller
		token  string // "its": the instance's; "old": one that was superseded
		before func(n *node, first Registered)
		want   string // "replaced", "created" or a code
	}{
		{"the same identity", orders, "", nil, "replaced"},
		{"the same identity with a wrong token", orders, "wrong", nil, "replaced"},
		{"another identity", billing, "", nil, "conflict"},
		{"another identity with the token", billing, "its", nil, "conflict"},
		{"an identity that nothing proves", unverified, "", nil, "conflict"},
		{"the same with the token", unverified, "its", nil, "replaced"},
		{"the same with a wrong token", unverified, "wrong", nil, "conflict"},
		{"the same with what is no token", unverified, "x", nil, "conflict"},
		{"the same with an expired token", unverified, "its", func(n *node, first Registered) {
			for range 8 { // it lives on, and its token ends after a minute
				pass(9 * time.Second)
				_ = n.beat(orders, "o1", first.Token)
			}
		}, "conflict"},
		{"the same with a superseded token", unverified, "its", func(n *node, first Registered) {
			out, err := n.Rotate(n.Context(), orders, "orders", "o1", first.Token)
			if err != nil {
				n.Fatal(err)
			}
			if err := n.beat(orders, "o1", out.Token); err != nil {
				n.Fatal(err)
			}
		}, "conflict"},
		{"the same with a token not superseded yet", unverified, "its", func(n *node, first Registered) {
			if _, err := n.Rotate(n.Context(), orders, "orders", "o1", first.Token); err != nil {
				n.Fatal(err)
			}
		}, "replaced"},
		{"an administrator", admin, "", nil, "replaced"},
		{"the holder of all tokens", holder, "", nil, "replaced"},
		{"anyone, after it expired", billing, "", func(*node, Registered) { pass(31 * time.Second) }, "created"},
		{"anyone, after it left", unverified, "", func(n *node, first Registered) {
			if _, err := n.Deregister(n.Context(), orders, "orders", "o1", first.Token, Removal{}); err != nil {
				n.Fatal(err)
			}
		}, "created"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := one(t, setup{policy: policy, tokens: TokenPolicy{TTL: time.Minute, Grace: time.Second}})
				first := n.register(orders, "o1")
				if tc.before != nil {
					tc.before(n, first)
				}
				other := n.register(orders, "o2")
				reg := registration("orders", "o1")
				reg.Token = map[string]string{"its": first.Token, "wrong": other.Token}[tc.token]
				if reg.Token == "" {
					reg.Token = tc.token
				}
				before := n.revision()
				out, err := n.Register(t.Context(), tc.caller, reg)
				got := outcome(err)
				if err == nil {
					got = map[bool]string{true: "created", false: "replaced"}[out.Created]
				}
				if got != tc.want {
					t.Fatalf("%s (%v), want %s", got, err, tc.want)
				}
				if err != nil {
					if n.revision() != before || n.logs.count("WARN takeover refused") != 1 {
						t.Errorf("the store moved from %v to %v; log:\n%v", before, n.revision(), n.logs)
					}
					return
				}
				if out.Record.Owner != tc.caller.Identity || out.Token == first.Token {
					t.Errorf("now of %s, generation %d", out.Record.Owner, out.Record.Generation)
				}
				wantErr(t, "the new token", n.beat(tc.caller, "o1", out.Token), "ok")
			})
		})
	}
}

// TestTakeoverFromBehind: a node that lags decides on what the store has.
func TestTakeoverFromBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := one(t, setup{})
		behind := n.sibling()
		first := n.register(orders, "o1")
		synctest.Wait()
		defer behind.store.hold()()
		if _, err := n.Deregister(t.Context(), orders, "orders", "o1", first.Token, Removal{}); err != nil {
			t.Fatal(err)
		}
		wantOwner := func(who string) {
			t.Helper()
			rec, err := n.store.Get(t.Context(), store.InstanceKey("orders", "o1"))
			if err != nil || rec.Owner != who {
				t.Errorf("of %v, %v", rec, err)
			}
		}
		// Its view says that orders may take its own o1 over; o1 is billing's by now.
		n.register(billing, "o1")
		_, err := behind.Register(t.Context(), orders, registration("orders", "o1"))
		wantErr(t, "orders", err, "conflict")
		wantOwner("billing")
		// And that billing may not, though it may.
		out, err := behind.Register(t.Context(), billing, registration("orders", "o1"))
		wantErr(t, "billing", err, "ok")
		if out.Created || out.Record.Generation != 3 {
			t.Errorf("created %v, generation %d", out.Created, out.Record.Generation)
		}
		// It is gone, and that the view does not know.
		if _, err := n.Deregister(t.Context(), billing, "orders", "o1", out.Token, Removal{}); err != nil {
			t.Fatal(err)
		}
		out, err = behind.Register(t.Context(), Caller{Identity: "third", From: "192.0.2.9"}, registration("orders", "o1"))
		if err != nil || !out.Created {
			t.Errorf("created %v, %v", out.Created, err)
		}
		wantOwner("third")
	})
}

// TestRegisterRace: of many who register one ID at once, one wins, and the others are told.
func TestRegisterRace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := one(t, setup{})
		nodes := []*node{n, n.sibling(), n.sibling()}
		var wg sync.WaitGroup
		results := make([]error, 30)
		for i := range results {
			wg.Go(func() {
				_, results[i] = nodes[i%3].Register(t.Context(), Caller{Identity: fmt.Sprint("id", i), From: "192.0.2.1"}, registration("orders", "o1"))
			})
		}
		wg.Wait()
		won := 0
		for _, err := range results {
			if outcome(err) == "ok" {
				won++
			} else {
				wantErr(t, "a loser", err, "conflict")
			}
		}
		if won != 1 {
			t.Errorf("%d won", won)
		}
	})
}

func TestRegisterFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := one(t, setup{})
		n.register(orders, "o1")
		for _, tc := range []struct{ name, method, id, want string }{
			{"the store away", "register", "o2", "unavailable"},
			{"the store away, for a replacement", "register", "o1", "unavailable"},
		} {
			n.store.fails(down("register"), tc.method)
			_, err := n.Register(t.Context(), orders, registration("orders", tc.id))
			wantErr(t, tc.name, err, tc.want)
			var e *Error
			if reflect.TypeOf(err) != reflect.TypeOf(e) || err.(*Error).RetryAfter <= 0 || strings.Contains(err.(*Error).Detail, "test") {
				t.Errorf("%s: %#v", tc.name, err)
			}
			n.store.fails(nil, tc.method)
		}
		// The other's o1: whether it may be taken must be asked.
		n.store.fails(down("get"), "get")
		_, err := n.Register(t.Context(), billing, registration("orders", "o1"))
		wantErr(t, "nobody to ask", err, "unavailable")
		n.store.fails(nil, "get")
		// Someone is always faster.
		n.store.fails(&store.Error{Op: "register", Backend: "test", Kind: store.ErrConflict}, "register")
		_, err = n.Register(t.Context(), orders, registration("orders", "o1"))
		wantErr(t, "no end of conflicts", err, "unavailable")
		if got := n.store.calls("register"); got != 1+2+attempts {
			t.Errorf("%d attempts in all", got)
		}
		if n.listed() != "o1" {
			t.Errorf("the store has %q", n.listed())
		}
	})
}
