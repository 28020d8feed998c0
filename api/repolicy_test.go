package api_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/auth"
	"github.com/roster-sd/roster/wire"
)

// A policy that changes takes hold of streams that are open: what may not be seen any more
// is not shown any more, what may be is, and who may follow nothing of it is cut off.
func TestPolicyChangesUnderStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simulate(t, setup{policy: auth.Policy{Rules: []auth.Rule{
			{Identity: "orders", Register: []string{"*"}, Discover: []string{"*"}},
			{Identity: "web", Discover: []string{"orders"}},
		}}})
		n.register("orders", "o-1")
		n.register("shop", "s-1")
		all, named, wider := n.watch("/registry/watch"), n.watch("/registry/watch?service=shop"), n.watch("/registry/watch", as("web"))
		for s, want := range map[*stream]string{all: "o-1 s-1", named: "s-1", wider: "o-1"} {
			if list, _, _ := s.snapshot(); ids(list) != want {
				t.Fatalf("the snapshot holds %q, want %q", ids(list), want)
			}
		}
		next, err := auth.Policy{Rules: []auth.Rule{
			{Identity: "orders", Register: []string{"*"}, Discover: []string{"orders"}},
			{Identity: "web", Discover: []string{"*"}},
		}}.Compile()
		if err != nil {
			t.Fatal(err)
		}
		n.reg.SetPolicy(next)
		n.update("shop", "s-1", zone("b")) // which the first two may not hear of
		began := time.Now()
		for s, want := range map[*stream]string{all: "o-1", wider: "o-1 s-1"} {
			s.next(wire.WatchResync)
			if list, _, _ := s.snapshot(); ids(list) != want {
				t.Errorf("the new snapshot holds %q, want %q", ids(list), want)
			}
		}
		named.comment("not allowed any more")
		named.end()
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("it took %s", took)
		}
		n.update("shop", "s-1", zone("c"))
		n.update("orders", "o-1", zone("c"))
		if got := all.told(1); got != "put o-1" {
			t.Errorf("told %s", got)
		}
		if got := wider.told(2); got != "put s-1; put o-1" {
			t.Errorf("told %s", got)
		}
	})
}

// Without a change of what it follows a stream is decided again within seconds.
func TestPolicyChangesUnderQuietStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simulate(t, setup{})
		n.register("orders", "o-1")
		s := n.watch("/registry/watch?service=orders")
		s.snapshot()
		next, err := auth.Policy{Rules: []auth.Rule{{Identity: "nobody", Discover: []string{"*"}}}}.Compile()
		if err != nil {
			t.Fatal(err)
		}
		n.reg.SetPolicy(next)
		began := time.Now()
		s.comment("not allowed any more")
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("it took %s", took)
		}
	})
}
