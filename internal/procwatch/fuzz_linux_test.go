package procwatch

import "testing"

// Whatever /proc says, a process that is said to live has a start, by which it is told apart
// from the next one of its number.
func FuzzStat(f *testing.F) {
	for _, s := range []string{"", ")", "1 (a) S 0", "1 (a b) c) S 1 1 1 0 -1 4194560 1 1 1 1 1 1 1 1 20 0 1 0 12345 1 1",
		"1 (a) Z 1 1 1 0 -1 4194560 1 1 1 1 1 1 1 1 20 0 1 0 12345 1 1", "1 (a) Z 1 1 1 0 -1 4194560 1 1 1 1 1 1 1 1 20 0 7 0 12345 1 1",
		"1 (a) X 1 1 1 0 -1 4194560 1 1 1 1 1 1 1 1 20 0 1 0 12345 1 1", "1 (a) S 1 1 1 0 -1 4194560 1 1 1 1 1 1 1 1 20 0 1 0"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, stat []byte) {
		start, s := readStat(stat)
		if (start != "") != (s == alive) {
			t.Fatalf("%q: start %q, %d", stat, start, s)
		}
	})
}
