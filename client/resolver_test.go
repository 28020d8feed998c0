package client

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/auth"
	"github.com/roster-sd/roster/wire"
)

// resolver follows a service until the test ends.
func (g *rig) resolver(c *Client, service string, opts ResolverOptions) *Resolver {
	g.t.Helper()
	r, err := c.Resolver(service, opts)
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(r.Close)
	if err := r.Ready(g.t.Context()); err != nil {
		g.t.Fatal(err)
	}
	return r
}

// put registers an instance by a bare call.
func (g *rig) put(c *Client, in wire.Registration) wire.Registered {
	g.t.Helper()
	got, err := c.RegisterOnce(g.t.Context(), in, "")
	if err != nil {
		g.t.Fatal(err)
	}
	synctest.Wait()
	return got
}

func orderNo(i int) wire.Registration {
	ttl := int64(time.Hour / time.Millisecond)
	return wire.Registration{ServiceName: "orders", InstanceID: fmt.Sprintf("o-%02d", i), Port: 8000 + i, TTL: &ttl, Weight: 1 + i*i}
}

// chosen gives what a resolver chooses, "-" for nothing.
func chosen(t *testing.T, r *Resolver) string {
	t.Helper()
	e, err := r.Resolve()
	if err != nil {
		ends(t, err, ErrNoInstance)
		return "-"
	}
	return e.Instance.InstanceID
}

func TestResolverFollows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, rigOptions{})
		c := g.client("a")
		r := g.resolver(c, "orders", ResolverOptions{})
		if got := chosen(t, r); got != "-" || r.Stale() || r.Age() != 0 || r.Err() != nil {
			t.Errorf("of nobody: %s, stale %v, %v, %v", got, r.Stale(), r.Age(), r.Err())
		}
		_, err := r.Resolve()
		if !strings.Contains(err.Error(), "orders") {
			t.Errorf("%v does not name the service", err)
		}
		<-r.Changes()
		one := g.put(c, orderNo(1))
		if <-r.Changes(); chosen(t, r) != "o-01" {
			t.Errorf("chose %s", chosen(t, r))
		}
		if e, _ := r.Resolve(); e.Address != "192.0.2.7:8001" {
			t.Errorf("at %s", e.Address)
		}
		g.put(c, orderNo(2))
		if first, second := chosen(t, r), chosen(t, r); first == second || len(r.Instances()) != 2 {
			t.Errorf("not in turn, of %d", len(r.Instances()))
		}
		status := "draining"
		if _, err := c.Patch(t.Context(), wire.InstanceRef{ServiceName: "orders", InstanceID: "o-01"}, one.Token, wire.Patch{Status: &status}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if first, second := chosen(t, r), chosen(t, r); first != "o-02" || second != "o-02" || len(r.Instances()) != 2 {
			t.Error("one that drains is chosen, or not listed")
		}
		if err := c.Deregister(t.Context(), wire.InstanceRef{ServiceName: "orders", InstanceID: "o-01"}, one.Token, ""); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if len(r.Instances()) != 1 {
			t.Error("one that left is listed")
		}
		r.Close()
		r.Close()
		if chosen(t, r) != "o-02" {
			t.Error("the view is gone with the watch")
		}
		for range r.Changes() { // it is closed
		}
	})
}

// The view serves on while the registry is away, and says so.
func TestResolverDuringAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, rigOptions{})
		c := g.client("a")
		g.put(c, orderNo(1))
		r := g.resolver(c, "orders", ResolverOptions{})
		g.cut(true, "*")
		pass(10 * time.Minute)
		if chosen(t, r) != "o-01" || !r.Stale() || r.Age() < 9*time.Minute || r.Age() > 10*time.Minute {
			t.Errorf("chose %s, stale %v for %v", chosen(t, r), r.Stale(), r.Age())
		}
		ends(t, r.Err(), ErrUnavailable)
		g.cut(false, "*")
		g.put(c, orderNo(2))
		pass(21 * time.Second)
		if r.Stale() || r.Err() != nil || len(r.Instances()) != 2 {
			t.Errorf("after the outage: stale %v, %v, %d instances", r.Stale(), r.Err(), len(r.Instances()))
		}
	})
}

// A registry without its past knows nobody at first. What it was known of is chosen on,
// for want of better, and for no longer than its TTL.
func TestResolverAfterAnotherEpoch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, rigOptions{})
		c := g.client("a")
		kept := g.keep(c, wire.Registration{ServiceName: "orders", InstanceID: "keeps", Port: 1})
		g.put(c, wire.Registration{ServiceName: "orders", InstanceID: "silent", Port: 2})
		r := g.resolver(c, "orders", ResolverOptions{})
		pass(10 * time.Second)
		g.halt()
		g.start()
		for range 50 {
			pass(100 * time.Millisecond)
			if chosen(t, r) == "-" {
				t.Fatal("nobody is chosen while the registry gathers who lives")
			}
		}
		pass(16 * time.Second)
		g.state(kept, Registered)
		if first, second := chosen(t, r), chosen(t, r); len(r.Instances()) != 2 || first != "keeps" || second != "keeps" {
			t.Errorf("of %d, %s is chosen before one that the registry knows", len(r.Instances()), chosen(t, r))
		}
		pass(30 * time.Second)
		if len(r.Instances()) != 1 {
			t.Errorf("%d instances after the TTL", len(r.Instances()))
		}
		// The same again, and now nobody is left to come back.
		if err := kept.Close(); err != nil {
			t.Error(err)
		}
		g.put(c, wire.Registration{ServiceName: "orders", InstanceID: "silent", Port: 2})
		g.halt()
		g.start()
		pass(10 * time.Second)
		if chosen(t, r) != "silent" {
			t.Errorf("chose %s", chosen(t, r))
		}
		pass(30 * time.Second)
		if chosen(t, r) != "-" {
			t.Errorf("chose %s after its TTL", chosen(t, r))
		}
	})
}

func TestResolverRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, rigOptions{policy: auth.Policy{Rules: []auth.Rule{{Identity: "a", Discover: []string{"orders"}}}}})
		c := g.client("a")
		_, err := c.Resolver("orders", ResolverOptions{Strategy: Recent})
		ends(t, err, ErrInvalid)
		_, err = c.Resolver("", ResolverOptions{})
		ends(t, err, ErrInvalid)
		r, err := c.Resolver("shop", ResolverOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if err := r.Ready(t.Context()); err == nil || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Ready: %v", err)
		}
		_, err = r.Resolve()
		ends(t, err, ErrNoInstance)

		g.cut(true, "*")
		away, err := c.Resolver("orders", ResolverOptions{})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err = away.Ready(ctx)
		ends(t, err, context.DeadlineExceeded)
		ends(t, err, ErrUnavailable)
		go func() { time.Sleep(time.Minute); away.Close() }()
		ends(t, away.Ready(t.Context()), ErrClosed)
	})
}

// By hash a resolver chooses as the registry does, through filters too.
func TestResolverHashesAsTheRegistry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, rigOptions{})
		c := g.client("a")
		for i := range 40 {
			in := orderNo(i)
			in.Zone = []string{"x", "y", "x"}[i%3]
			g.put(c, in)
		}
		for _, f := range []Filter{{}, {Zone: "y"}, {Zone: "x"}, {Status: "up"}} {
			r := g.resolver(c, "orders", ResolverOptions{Strategy: Hash, Filter: f})
			for k := range 200 {
				key := fmt.Sprint("user ", k%150) // some twice
				want, err := c.Resolve(t.Context(), "orders", ResolveOptions{Strategy: Hash, Key: key, Filter: f})
				if err != nil {
					t.Fatal(err)
				}
				if e, err := r.Pick(key); err != nil || e.Instance.InstanceID != want.InstanceID {
					t.Fatalf("%+v, %s: %v, %v; the registry chooses %s", f, key, e, err, want.InstanceID)
				}
			}
			r.Close()
		}
	})
}

// TestResolverTiers: conditions count as they do for the registry, whatever the strategy.
func TestResolverTiers(t *testing.T) {
	in := func(id, status, health string) wire.Instance {
		return wire.Instance{InstanceID: id, Status: status, Health: health, Weight: 1}
	}
	for _, test := range []struct {
		status, want string
		all          []wire.Instance
	}{
		{"", "", nil},
		{"", "", []wire.Instance{in("a", "up", "failing"), in("b", "draining", "passing"), in("c", "starting", "passing")}},
		{"", "a", []wire.Instance{in("a", "up", "suspect"), in("b", "up", "failing")}},
		{"", "bc", []wire.Instance{in("a", "up", "suspect"), in("b", "up", "passing"), in("c", "up", "passing")}},
		{"draining", "b", []wire.Instance{in("a", "up", "passing"), in("b", "draining", "suspect")}},
	} {
		for _, s := range []strategy{roundRobin, random, weighted, hash} {
			got := ""
			for _, e := range newView("x", s, test.status, test.all).pool {
				got += e.Instance.InstanceID
			}
			if got != test.want {
				t.Errorf("%+v: strategy %d chooses from %q", test, s, got)
			}
		}
	}
}

// TestResolverDegraded: while nearly all fail their checks all are chosen from, but for those
// that nobody has looked at.
func TestResolverDegraded(t *testing.T) {
	in := func(id, health, node string) wire.Instance {
		return wire.Instance{InstanceID: id, Status: "up", Health: health, Weight: 1, Verdict: &wire.Verdict{Node: node}}
	}
	refuted := func(ids ...string) (all []wire.Instance) {
		for _, id := range ids {
			all = append(all, in(id, "failing", "n1"))
		}
		return all
	}
	for _, test := range []struct {
		want     string
		degraded bool
		all      []wire.Instance
	}{
		{"", false, refuted("a", "b")},
		{"abc", true, refuted("a", "b", "c")},
		{"abc", true, append(refuted("a", "b", "c"), in("new", "failing", ""))},
		{"", false, []wire.Instance{in("a", "failing", ""), in("b", "failing", ""), in("c", "failing", "")}},
		{"e", false, append(refuted("a", "b", "c", "d"), in("e", "passing", "n1"))},
		{"abcdef", true, append(refuted("a", "b", "c", "d", "e"), in("f", "passing", "n1"))},
		{"abcdef", true, append(refuted("a", "b", "c", "d", "e"), in("f", "suspect", "n1"))},
	} {
		for _, s := range []strategy{roundRobin, random, weighted, hash} {
			v, got := newView("x", s, "", test.all), ""
			for _, e := range v.pool {
				got += e.Instance.InstanceID
			}
			if got != test.want || v.degraded != test.degraded {
				t.Errorf("%+v: strategy %d chooses from %q, degraded %v", test, s, got, v.degraded)
			}
		}
	}
}

// TestShares: random gives to each the same share, weighted the share of its weight. The
// bound is that of chi-square with 9 degrees of freedom at one in a hundred million.
func TestShares(t *testing.T) {
	const n, bound = 20_000, 59.8
	weights := []int{1, 2, 3, 5, 8, 13, 21, 34, 55, 10_000 - 142}
	var all []wire.Instance
	for i, w := range weights {
		all = append(all, wire.Instance{InstanceID: fmt.Sprint(i), Status: "up", Health: "passing", Weight: w})
	}
	for s, share := range map[strategy]func(i int) float64{
		random: func(int) float64 { return 0.1 }, weighted: func(i int) float64 { return float64(weights[i]) / 10_000 },
	} {
		v := newView("x", s, "", all)
		var got [10]int
		for range n {
			got[v.pick(s, "")]++
		}
		chi := 0.0
		for i, c := range got {
			chi += math.Pow(float64(c)-share(i)*n, 2) / (share(i) * n)
		}
		if chi > bound {
			t.Errorf("strategy %d: chi-square %.1f, %v", s, chi, got)
		}
	}
}

// A choice allocates nothing, from any number of instances.
func TestResolveAllocatesNothing(t *testing.T) {
	for _, s := range []strategy{roundRobin, random, weighted, hash} {
		for _, n := range []int{1, 10, 1000} {
			r := viewed(s, n)
			keys := [4]string{"a", "user-17", "user-18", strings.Repeat("k", 64)}
			i := 0
			if got := testing.AllocsPerRun(1000, func() {
				i++
				if _, err := r.Pick(keys[i%4]); err != nil {
					t.Error(err)
				}
			}); got != 0 {
				t.Errorf("strategy %d of %d: %v allocations", s, n, got)
			}
		}
	}
}

// viewed gives a resolver that has a view and follows nothing.
func viewed(s strategy, n int) *Resolver {
	var all []wire.Instance
	for i := range n {
		all = append(all, wire.Instance{ServiceName: "orders", InstanceID: fmt.Sprintf("orders-%04d", i), Address: "10.0.0.1",
			Port: 1 + i, Status: "up", Health: "passing", Weight: 1 + i%100})
	}
	r := &Resolver{strategy: s}
	r.view.Store(newView("orders", s, "", all))
	return r
}

// BenchmarkResolve: the goal is 100 ns and no allocation.
func BenchmarkResolve(b *testing.B) {
	names := map[strategy]string{roundRobin: RoundRobin, random: Random, weighted: Weighted, hash: Hash}
	keys := make([]string, 1024)
	for i := range keys {
		keys[i] = fmt.Sprintf("user-%06d", i)
	}
	for _, s := range []strategy{roundRobin, random, weighted, hash} {
		for _, n := range []int{1, 10, 1000} {
			r := viewed(s, n)
			b.Run(fmt.Sprintf("%s/%d", names[s], n), func(b *testing.B) {
				b.ReportAllocs()
				i := 0
				for b.Loop() {
					if _, err := r.Pick(keys[i&1023]); err != nil {
						b.Fatal(err)
					}
					i++
				}
			})
			b.Run(fmt.Sprintf("%s/%d/parallel", names[s], n), func(b *testing.B) {
				b.ReportAllocs()
				b.RunParallel(func(p *testing.PB) {
					for i := 0; p.Next(); i++ {
						if _, err := r.Pick(keys[i&1023]); err != nil {
							b.Error(err)
						}
					}
				})
			})
		}
	}
	// A key that is new since the view changed: every instance has to be looked at.
	r := viewed(hash, 1000)
	v := r.view.Load()
	b.Run("hash/1000/new keys", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			v.winner(mix(uint64(i)), nil)
		}
	})
}
