package admit

import (
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestCounts: each key has its own, what left makes room, and nothing is remembered of who
// has none.
func TestCounts(t *testing.T) {
	c := NewCounts[string](2)
	for _, step := range []struct {
		key  string
		want bool
	}{{"a", true}, {"a", true}, {"a", false}, {"b", true}} {
		if got := c.Enter(step.key); got != step.want {
			t.Fatalf("%s enters: %v", step.key, got)
		}
	}
	c.Leave("a")
	if !c.Enter("a") || c.Enter("a") {
		t.Error("one that left does not make room for one")
	}
	c.Leave("a")
	c.Leave("a")
	c.Leave("b")
	if len(c.n) != 0 {
		t.Errorf("%d keys are remembered, and none has any", len(c.n))
	}
}

// TestCountsWithoutABound: a nil one lets all in.
func TestCountsWithoutABound(t *testing.T) {
	c := NewCounts[string](0)
	if c != nil {
		t.Fatal("no bound is not nil")
	}
	for range 100 {
		if !c.Enter("a") {
			t.Fatal("refused")
		}
	}
	c.Leave("a")
}

// TestCountsConcurrently: the bound is the bound, however many enter at once.
func TestCountsConcurrently(t *testing.T) {
	c := NewCounts[string](7)
	var entered atomic.Int64
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if c.Enter("a") {
				entered.Add(1)
			}
		})
	}
	wg.Wait()
	if n := entered.Load(); n != 7 {
		t.Errorf("%d entered, want 7", n)
	}
}
