//go:build unix

package e2e

import (
	"fmt"
	"slices"
	"sync"
	"testing"
)

// attempt runs a scenario. In a short run one that fails is run once more, and the second
// run decides: the bounds are times, a short run shares its machine with whatever else it
// does, and a fault fails twice. What the first run found is told. A long run, which wants a
// machine for itself, has no second.
func attempt(t *testing.T, run func(testing.TB)) {
	t.Helper()
	if !long {
		first := &trial{TB: t}
		if first.run(run); !first.failed {
			return
		}
		fmt.Printf("%s failed, and is run once more; what it found:\n%s", t.Name(), first.said)
	}
	run(t)
}

// trial is a test whose failure is not yet one of the test that it stands for. Fatal ends
// it in the goroutine that runs it.
type trial struct {
	testing.TB
	mu       sync.Mutex
	failed   bool
	said     []byte
	cleanups []func()
}

type ended struct{}

func (tr *trial) run(run func(testing.TB)) {
	defer func() {
		for _, f := range slices.Backward(tr.cleanups) {
			f()
		}
	}()
	defer func() {
		if r := recover(); r != nil && r != (ended{}) {
			panic(r)
		}
	}()
	run(tr)
}

func (tr *trial) note(text string) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.failed = true
	tr.said = fmt.Appendf(tr.said, "    %s\n", text)
	tr.TB.Log(text)
}

func (tr *trial) Cleanup(f func())             { tr.cleanups = append(tr.cleanups, f) }
func (tr *trial) Failed() bool                 { tr.mu.Lock(); defer tr.mu.Unlock(); return tr.failed }
func (tr *trial) Fail()                        { tr.note("failed") }
func (tr *trial) Error(args ...any)            { tr.note(fmt.Sprint(args...)) }
func (tr *trial) Errorf(text string, a ...any) { tr.note(fmt.Sprintf(text, a...)) }
func (tr *trial) FailNow()                     { tr.note("failed"); panic(ended{}) }
func (tr *trial) Fatal(args ...any)            { tr.note(fmt.Sprint(args...)); panic(ended{}) }
func (tr *trial) Fatalf(text string, a ...any) { tr.note(fmt.Sprintf(text, a...)); panic(ended{}) }

func TestTrial(t *testing.T) {
	var order []string
	tr := &trial{TB: t}
	tr.run(func(tb testing.TB) {
		tb.Cleanup(func() { order = append(order, "first") })
		tb.Cleanup(func() { order = append(order, "last") })
		tb.Errorf("wrong: %d", 1)
		tb.Fatal("over")
		order = append(order, "never")
	})
	if !tr.failed || string(tr.said) != "    wrong: 1\n    over\n" || !slices.Equal(order, []string{"last", "first"}) || t.Failed() {
		t.Errorf("failed %v, said %q, order %q", tr.failed, tr.said, order)
	}
	good := &trial{TB: t}
	if good.run(func(testing.TB) {}); good.failed {
		t.Error("nothing failed, and it did")
	}
}
