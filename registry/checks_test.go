package registry

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/auth"
	"github.com/roster-sd/roster/catalog"
	"github.com/roster-sd/roster/store"
)

// withCheck gives a registration with a check of defaults.
func withCheck(id string) Registration {
	reg := registration("orders", id)
	reg.Instance.Check = &store.Check{Type: store.CheckTCP}
	SetCheckDefaults(reg.Instance.Check)
	return reg
}

// finds writes what a check found, as the nodes do.
func (n *node) finds(id, why string) *store.Record {
	n.Helper()
	rec, err := n.store.Update(n.Context(), store.Ref{Key: store.InstanceKey("orders", id)}, store.Reason{}, func(x *store.Record) error {
		x.Instance.Health = store.HealthPassing
		if why != "" {
			x.Instance.Health = store.HealthFailing
		}
		x.Instance.Verdict = &store.Verdict{Why: why, Node: "n1", Since: store.Now()}
		return nil
	})
	if err != nil {
		n.Fatal(err)
	}
	if err := n.Catalog().Wait(n.Context(), rec.Revision); err != nil {
		n.Fatal(err)
	}
	return rec
}

func TestCheckRules(t *testing.T) {
	n := one(t, setup{checks: CheckPolicy{MinInterval: 5 * time.Second}})
	off := one(t, setup{checks: CheckPolicy{Off: true}})
	change := func(f func(*store.Check)) *store.Check {
		ck := &store.Check{Type: store.CheckHTTP, Path: "/healthz?deep=1&x=%20"}
		SetCheckDefaults(ck)
		f(ck)
		return ck
	}
	path := func(kind, path string) *store.Check {
		return change(func(ck *store.Check) { ck.Type, ck.Path = kind, path })
	}
	for _, tt := range []struct {
		name  string
		check *store.Check
		want  string // the fields
	}{
		{"none", nil, ""},
		{"defaults", change(func(*store.Check) {}), ""},
		{"no type", change(func(ck *store.Check) { ck.Type = "" }), "check.type"},
		{"a script", change(func(ck *store.Check) { ck.Type = "script" }), "check.type"},
		{"tcp with a path", path(store.CheckTCP, "/x"), "check.path"},
		{"tcp", path(store.CheckTCP, ""), ""},
		{"grpc", path(store.CheckGRPC, ""), ""},
		{"grpc of a service", path(store.CheckGRPC, "example.v1.Orders"), ""},
		{"grpc of no name", path(store.CheckGRPC, "a b"), "check.path"},
		{"grpc of too long a name", path(store.CheckGRPC, strings.Repeat("a", 129)), "check.path"},
		{"no slash", path(store.CheckHTTP, "healthz"), "check.path"},
		{"another host", path(store.CheckHTTP, "//evil.example/"), "check.path"},
		{"a whole URL", path(store.CheckHTTP, "http://evil.example/"), "check.path"},
		{"a line end", path(store.CheckHTTP, "/ HTTP/1.1\r\nHost: x"), "check.path"},
		{"a space", path(store.CheckHTTP, "/a b"), "check.path"},
		{"a fragment", path(store.CheckHTTP, "/a#b"), "check.path"},
		{"half an escape", path(store.CheckHTTP, "/a%2"), "check.path"},
		{"a backslash", path(store.CheckHTTP, `/\evil.example`), "check.path"},
		{"not ASCII", path(store.CheckHTTP, "/ü"), "check.path"},
		{"the longest path", path(store.CheckHTTP, "/"+strings.Repeat("a", 511)), ""},
		{"a longer path", path(store.CheckHTTP, "/"+strings.Repeat("a", 512)), "check.path"},
		{"often", change(func(ck *store.Check) { ck.Interval = 4999 * time.Millisecond }), "check.interval"},
		{"too often for its default timeout", func() *store.Check {
			ck := store.Check{Type: store.CheckTCP, Interval: 50 * time.Millisecond}
			SetCheckDefaults(&ck)
			return &ck
		}(), "check.interval"},
		{"seldom", change(func(ck *store.Check) { ck.Interval = time.Hour + time.Millisecond }), "check.interval"},
		{"the bounds", change(func(ck *store.Check) {
			ck.Interval, ck.Timeout, ck.Failures, ck.Successes = 5*time.Second, 5*time.Second, 10, 10
		}), ""},
		{"longer than its interval", change(func(ck *store.Check) { ck.Timeout = 11 * time.Second }), "check.timeout"},
		{"for ever", change(func(ck *store.Check) { ck.Interval, ck.Timeout = time.Hour, time.Minute+time.Millisecond }), "check.timeout"},
		{"at once", change(func(ck *store.Check) { ck.Timeout = time.Millisecond }), "check.timeout"},
		{"nothing at all", change(func(ck *store.Check) { *ck = store.Check{} }), "check.type check.interval check.timeout check.failures check.successes"},
		{"too many", change(func(ck *store.Check) { ck.Failures, ck.Successes = 11, 11 }), "check.failures check.successes"},
	} {
		reg := registration("orders", "o1")
		reg.Instance.Check = tt.check
		var got []string
		for _, e := range n.Check(&reg) {
			got = append(got, e.Field)
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%s: %v, want %s", tt.name, got, tt.want)
		}
		if errs := off.Check(&reg); (len(errs) == 0) != (tt.check == nil) {
			t.Errorf("%s, where there are no checks: %v", tt.name, errs)
		}
	}
}

func TestCheckDefaults(t *testing.T) {
	for _, tt := range []struct{ in, want store.Check }{
		{store.Check{Type: "tcp"}, store.Check{Type: "tcp", Interval: 10 * time.Second, Timeout: 2 * time.Second, Failures: 3, Successes: 2}},
		{store.Check{Type: "http", Interval: time.Second}, store.Check{Type: "http", Path: "/", Interval: time.Second, Timeout: time.Second, Failures: 3, Successes: 2}},
		{store.Check{Type: "tcp", Interval: 50 * time.Millisecond}, store.Check{Type: "tcp", Interval: 50 * time.Millisecond, Timeout: MinCheckTimeout, Failures: 3, Successes: 2}},
		{store.Check{Type: "tcp", Interval: -1}, store.Check{Type: "tcp", Interval: -1, Timeout: MinCheckTimeout, Failures: 3, Successes: 2}},
		{store.Check{Type: "grpc", Failures: 1, Successes: 1, Timeout: 5 * time.Second, Evict: true},
			store.Check{Type: "grpc", Interval: 10 * time.Second, Timeout: 5 * time.Second, Failures: 1, Successes: 1, Evict: true}},
	} {
		got := tt.in
		if SetCheckDefaults(&got); got != tt.want {
			t.Errorf("%+v: %+v", tt.in, got)
		}
	}
}

// TestReserved: nobody registers the service that stands for the registry itself.
func TestReserved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := one(t, setup{})
		_, err := n.Register(t.Context(), orders, registration("roster", "n1"))
		var use *Error
		if !errors.As(err, &use) || use.Code != Invalid || len(use.Fields) != 1 || use.Fields[0].Field != "serviceName" {
			t.Errorf("%v", err)
		}
		_, err = n.Register(t.Context(), orders, registration("roster-ui", "n1"))
		wantErr(t, "another name", err, "ok")
	})
}

// TestHealthAtRegistration: with a check an instance is failing until it first passes, also
// when it comes back; what passes keeps that only if its owner says the same of it again.
func TestHealthAtRegistration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := one(t, setup{policy: auth.Policy{Rules: []auth.Rule{
			{Identity: "orders", Register: []string{"*"}, Discover: []string{"*"}},
			{Identity: "root", Register: []string{"*"}, Discover: []string{"*"}, Admin: true},
		}}})
		register := func(c Caller, reg Registration) *store.Record {
			t.Helper()
			out, err := n.Register(t.Context(), c, reg)
			if err != nil {
				t.Fatal(err)
			}
			return out.Record
		}
		unchecked := func(what string, rec *store.Record) {
			t.Helper()
			if in := &rec.Instance; in.Health != store.HealthFailing || !in.Unchecked() || *in.Verdict != (store.Verdict{Why: store.NotChecked}) {
				t.Errorf("%s: %s, %+v", what, in.Health, in.Verdict)
			}
			_, err := n.Resolve(t.Context(), orders, "orders", catalog.Choice{}, false)
			wantErr(t, what+": resolve", err, "unavailable")
		}
		reg := withCheck("o1")
		unchecked("the first time", register(orders, reg))
		if item, _, err := n.Instance(t.Context(), orders, "orders", "o1", false); err != nil || item.Record().Instance.Health != store.HealthFailing {
			t.Errorf("it is not listed: %v", err)
		}
		unchecked("once more", register(orders, reg))

		passed := n.finds("o1", "")
		again := register(orders, reg)
		if in := &again.Instance; in.Health != store.HealthPassing || !store.SameVerdict(in.Verdict, passed.Instance.Verdict) || again.Generation == passed.Generation {
			t.Errorf("registered again: %s, %+v", in.Health, in.Verdict)
		}
		out, err := n.Resolve(t.Context(), orders, "orders", catalog.Choice{}, false)
		if err != nil || out.Record().Generation != again.Generation {
			t.Errorf("resolve: %v", err)
		}

		for name, change := range map[string]func(*Registration){
			"another port":     func(r *Registration) { r.Instance.Port++ },
			"another address":  func(r *Registration) { r.Instance.Address = "10.9.9.9" },
			"another protocol": func(r *Registration) { r.Instance.Protocol = "https" },
			"another check":    func(r *Registration) { ck := *r.Instance.Check; ck.Failures++; r.Instance.Check = &ck },
		} {
			n.finds("o1", "")
			register(orders, reg)
			n.finds("o1", "")
			other := reg
			change(&other)
			unchecked(name, register(orders, other))
		}
		register(orders, reg)
		n.finds("o1", "")
		unchecked("another owner", register(root, reg))
		register(root, reg)
		n.finds("o1", "connection refused")
		unchecked("one that fails", register(root, reg))

		n.finds("o1", "")
		none := reg
		none.Instance.Check = nil
		if in := &register(root, none).Instance; in.Health != store.HealthPassing || in.Verdict != nil {
			t.Errorf("without a check: %s, %+v", in.Health, in.Verdict)
		}
		unchecked("with one from then on", register(root, reg))

		n.finds("o1", "")
		if _, err := n.store.Deregister(t.Context(), store.Ref{Key: store.InstanceKey("orders", "o1")}, store.Reason{Code: store.Unreachable}); err != nil {
			t.Fatal(err)
		}
		unchecked("after it was unreachable", register(root, reg))
	})
}

// TestRenewalKeepsHealth: a heartbeat proves that a process can talk to the registry, and nothing
// of what a check found.
func TestRenewalKeepsHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := one(t, setup{})
		out, err := n.Register(t.Context(), orders, withCheck("o1"))
		if err != nil {
			t.Fatal(err)
		}
		is := func(what, health string) {
			t.Helper()
			wantErr(t, what, n.beat(orders, "o1", out.Token), "ok")
			up := store.StatusUp
			_, err := n.Update(t.Context(), orders, "orders", "o1", out.Token, Patch{Status: &up})
			wantErr(t, what, err, "ok")
			rec, err := n.store.Get(t.Context(), store.InstanceKey("orders", "o1"))
			if err != nil || rec.Instance.Health != health || rec.Instance.Verdict == nil {
				t.Errorf("%s: %s, %+v, %v", what, rec.Instance.Health, rec.Instance.Verdict, err)
			}
		}
		is("not checked yet", store.HealthFailing)
		n.finds("o1", "timed out after 2 s")
		is("failing", store.HealthFailing)
		n.finds("o1", "")
		is("passing", store.HealthPassing)
	})
}

// TestMayCheck: an address that no node would dial is refused when it is registered, if it is
// an address and not a name; one that asks for no check may be anywhere.
func TestMayCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked string
		n := one(t, setup{
			policy: auth.Policy{Rules: []auth.Rule{
				{Identity: "orders", Register: []string{"orders"}, CheckNetworks: []string{"10.0.0.0/8"}},
				{Identity: "billing", Register: []string{"*"}},
			}},
			checks: CheckPolicy{Judge: func(addr netip.Addr, networks []netip.Prefix) error {
				asked = fmt.Sprint(addr, networks, networks == nil)
				for _, p := range networks {
					if !p.Contains(addr) {
						return fmt.Errorf("address %s is not allowed", addr)
					}
				}
				return nil
			}},
		})
		for _, tt := range []struct {
			who           Caller
			address, from string
			check         bool
			want, asked   string
		}{
			{orders, "10.1.2.3", "", true, "ok", "10.1.2.3 [10.0.0.0/8] false"},
			{orders, "192.0.2.1", "", true, "address", "192.0.2.1 [10.0.0.0/8] false"},
			{orders, "192.0.2.1", "", false, "ok", ""},
			{orders, "", "192.0.2.7", true, "address", "192.0.2.7 [10.0.0.0/8] false"},
			{orders, "somewhere.example", "", true, "ok", ""},
			{billing, "192.0.2.1", "", true, "ok", "192.0.2.1 [] true"},
		} {
			asked = ""
			reg := withCheck("")
			reg.Instance.Address = tt.address
			if !tt.check {
				reg.Instance.Check = nil
			}
			who := tt.who
			who.From = tt.from
			_, err := n.Register(t.Context(), who, reg)
			got := "ok"
			var use *Error
			if errors.As(err, &use) {
				if got = outcome(err); len(use.Fields) == 1 && strings.HasPrefix(use.Fields[0].Message, "cannot be checked: ") {
					got = use.Fields[0].Field
				}
			}
			if got != tt.want || asked != tt.asked {
				t.Errorf("%+v: %s, asked of %q; %v", tt, got, asked, err)
			}
		}
	})
}

func TestChecksOverTLS(t *testing.T) {
	for _, tt := range []struct {
		protocol, check string
		want            bool
	}{
		{"", "http", false}, {"http", "http", false}, {"https", "http", true}, {"HTTPS", "http", true}, {"https", "tcp", false},
		{"https", "grpc", true}, {"grpcs", "grpc", true}, {"grpc", "grpc", false}, {"grpcs", "http", false}, {"https", "", false},
	} {
		in := store.Instance{Protocol: tt.protocol}
		if tt.check != "" {
			in.Check = &store.Check{Type: tt.check}
		}
		if got := ChecksOverTLS(&in); got != tt.want {
			t.Errorf("%+v: %v", tt, got)
		}
	}
}

// TestDegradedIsTold: a resolve of a service of which nearly all fail says so, and is counted.
func TestDegradedIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := one(t, setup{})
		for i := range 3 {
			id := fmt.Sprint("o", i)
			if _, err := n.Register(t.Context(), orders, withCheck(id)); err != nil {
				t.Fatal(err)
			}
		}
		_, err := n.Resolve(t.Context(), orders, "orders", catalog.Choice{}, false)
		wantErr(t, "nobody has looked yet", err, "unavailable")
		for i := range 3 {
			n.finds(fmt.Sprint("o", i), "connection refused")
		}
		for _, consistent := range []bool{false, true} {
			if out, err := n.Resolve(t.Context(), orders, "orders", catalog.Choice{}, consistent); err != nil || !out.Degraded {
				t.Errorf("all fail: %+v, %v", out, err)
			}
		}
		if got := n.Stats().Degraded.Load(); got != 2 {
			t.Errorf("%d resolves are counted as degraded", got)
		}
		n.finds("o1", "")
		if out, err := n.Resolve(t.Context(), orders, "orders", catalog.Choice{}, false); err != nil || out.Degraded || out.Record().Key.ID != "o1" {
			t.Errorf("one is back: %+v, %v", out, err)
		}
	})
}
