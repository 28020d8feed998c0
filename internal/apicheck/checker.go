package apicheck

import (
	"net/http"
	"sync"
	"testing"
)

// Checker compares traffic with api/openapi.yaml and reports differences as errors of
// one test. It may be used by several goroutines at once. After the end of its test it
// reports nothing: wait for the goroutines that read streams.
type Checker struct {
	doc      *document
	coverage *Coverage

	mu sync.Mutex
	t  testing.TB // nil once the test is over
}

// New gives a checker that counts for itself.
func New(t testing.TB) *Checker {
	t.Helper()
	return new(Coverage).New(t)
}

// Covered lists what was exercised, in the order of paths, methods and statuses.
func (c *Checker) Covered() []Exercise { return c.coverage.Covered() }

// Missing lists what the description promises and nothing exercised, in the same order.
func (c *Checker) Missing() []Exercise { return c.coverage.Missing() }

// Unseen lists the operations that nothing exercised, by operationId.
func (c *Checker) Unseen() []string { return c.coverage.Unseen() }

// Transport gives a round tripper that checks what passes through base;
// http.DefaultTransport if base is nil. Bodies are read whole and given on, but for
// event streams, whose events are checked as the caller reads them.
func (c *Checker) Transport(base http.RoundTripper) http.RoundTripper {
	if base == nil {
		base = http.DefaultTransport
	}
	return &transport{checker: c, base: base}
}

func (c *Checker) report(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.t != nil {
		c.t.Errorf("apicheck: "+format, args...)
	}
}

func (c *Checker) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = nil
}
