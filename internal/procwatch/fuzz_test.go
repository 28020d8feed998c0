package procwatch

import (
	"strings"
	"testing"
)

// An identity that is read names a process that a signal could reach, and is spelt in one way.
func FuzzIdentity(f *testing.F) {
	for _, s := range []string{"", "1/2/3/4", "1/2//", "0/1//", "-1/1//", "01/1//", "2147483648/1//", "1//b/s", "1/2/3", "1/2/3/4/5", "+1/2/3/4", "1 /2/3/4"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := parse(s)
		if err != nil {
			if PID(s) != 0 {
				t.Fatalf("%q is no identity, and has the pid %d", s, PID(s))
			}
			return
		}
		if n.pid < 1 || n.pid > maxPID || n.start == "" || n.identity() != s || strings.Count(s, "/") != 3 {
			t.Fatalf("%q is %+v", s, n)
		}
	})
}
