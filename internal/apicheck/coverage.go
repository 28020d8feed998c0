package apicheck

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"testing"
)

// Exercise is an operation answering with a status.
type Exercise struct {
	Operation string // operationId
	Method    string
	Path      string // as in the description, with {parameters}
	Status    int
}

// String gives the exercise for a list: "GET /list 200 (localList)".
func (e Exercise) String() string {
	return fmt.Sprintf("%s %s %d (%s)", e.Method, e.Path, e.Status, e.Operation)
}

// Coverage counts which operations answered with which statuses. Checkers of several
// tests may share one, so that TestMain can ask it once all have run. The zero value is
// ready; it may be used by several goroutines at once.
type Coverage struct {
	mu   sync.Mutex
	seen map[Exercise]int
}

// New gives a checker for one test that counts here.
func (c *Coverage) New(t testing.TB) *Checker {
	t.Helper()
	doc, err := strictDocument()
	if err != nil {
		t.Fatalf("apicheck: load openapi.yaml: %v", err)
	}
	checker := &Checker{doc: doc, coverage: c, t: t}
	t.Cleanup(checker.end)
	return checker
}

func (c *Coverage) add(op *operation, status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seen == nil {
		c.seen = make(map[Exercise]int)
	}
	c.seen[op.exercise(status)]++
}

// Covered lists what was exercised, in the order of paths, methods and statuses.
func (c *Coverage) Covered() []Exercise {
	return c.filter(func(times int) bool { return times > 0 })
}

// Missing lists what the description promises and nothing exercised, in the same order.
func (c *Coverage) Missing() []Exercise {
	return c.filter(func(times int) bool { return times == 0 })
}

// Unseen lists the operations that nothing exercised, by operationId.
func (c *Coverage) Unseen() []string {
	seen := make(map[string]bool)
	for _, e := range c.Covered() {
		seen[e.Operation] = true
	}
	var unseen []string
	for _, e := range c.Missing() {
		if !seen[e.Operation] {
			seen[e.Operation] = true
			unseen = append(unseen, e.Operation)
		}
	}
	return unseen
}

func (c *Coverage) filter(want func(times int) bool) []Exercise {
	doc, err := strictDocument()
	if err != nil {
		panic("apicheck: load openapi.yaml: " + err.Error())
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var list []Exercise
	for _, op := range doc.operations {
		for status := range op.responses {
			if e := op.exercise(status); want(c.seen[e]) {
				list = append(list, e)
			}
		}
	}
	slices.SortFunc(list, func(a, b Exercise) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Method, b.Method), cmp.Compare(a.Status, b.Status))
	})
	return list
}
