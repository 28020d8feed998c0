package testlog

import (
	"fmt"
	"strings"
	"testing"
)

func TestLast(t *testing.T) {
	l := New(t)
	for i := range Lines {
		fmt.Fprintf(l, "line %d\n", i)
	}
	if got := l.String(); !strings.HasPrefix(got, "line 0\n") || strings.Count(got, "\n") != Lines {
		t.Errorf("of as many lines as are shown it gives %q", got)
	}
	for i := range 10 * Lines {
		fmt.Fprintf(l, "more %d\n", i)
		if got := l.String(); strings.Count(got, "\n") != Lines+1 || !strings.HasPrefix(got, "...\n") || !strings.HasSuffix(got, fmt.Sprintf("\nmore %d\n", i)) {
			t.Fatalf("after %d lines more it gives %q", i+1, got)
		}
	}
	if got := Last(""); got != "" {
		t.Errorf("the end of nothing is %q", got)
	}
}

// verdict is a test that has ended in one way or the other.
type verdict struct {
	testing.TB
	failed bool
	after  []func()
	said   string
}

func (v *verdict) Cleanup(f func())                { v.after = append(v.after, f) }
func (v *verdict) Failed() bool                    { return v.failed }
func (v *verdict) Logf(format string, args ...any) { v.said += fmt.Sprintf(format, args...) }

func TestShownOnFailure(t *testing.T) {
	for _, failed := range []bool{false, true} {
		v := &verdict{TB: t, failed: failed}
		l := New(v)
		fmt.Fprintln(l, "hello")
		for _, f := range v.after {
			f()
		}
		if strings.Contains(v.said, "hello") != failed {
			t.Errorf("failed %t: it says %q", failed, v.said)
		}
	}
}
