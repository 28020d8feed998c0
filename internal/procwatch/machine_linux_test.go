package procwatch

import (
	"strings"
	"testing"
)

func TestReadStat(t *testing.T) {
	stat := func(name, state, threads, start string) string {
		return "4711 (" + name + ") " + state + " 1 2 3 0 -1 4194304 4 0 0 0 0 0 0 0 20 0 " + threads + " 0 " + start + " 430080 0 1 2 3\n"
	}
	for _, tt := range []struct {
		stat  string
		start string
		s     sight
	}{
		{stat("node", "S", "11", "225218"), "225218", alive},
		{stat("a) R (b c", "R", "1", "1"), "1", alive},
		{stat("stopped", "T", "1", "1"), "1", alive},
		{stat("node", "Z", "1", "1"), "", gone},
		{stat("node", "X", "0", "1"), "", gone},
		// The thread that began the process has ended, others go on.
		{stat("node", "Z", "3", "9"), "9", alive},
		{"", "", unseen},
		{"4711 (node) S 1 2 3", "", unseen},
	} {
		if start, s := readStat([]byte(tt.stat)); start != tt.start || s != tt.s {
			t.Errorf("%q reads as %q, %d, want %q, %d", tt.stat, start, s, tt.start, tt.s)
		}
	}
}

// The machine knows its boot and its namespace, and neither breaks an identity.
func TestHere(t *testing.T) {
	boot, space := machine().here()
	if boot == "" || space == "" || strings.ContainsAny(boot+space, "/ \n") {
		t.Errorf("boot %q, space %q", boot, space)
	}
}
