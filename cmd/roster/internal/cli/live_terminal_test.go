package cli

import (
	"bytes"
	"strings"
	"testing"
)

func TestDifference(t *testing.T) {
	for _, c := range []struct {
		old, lines []string
		want       string
	}{
		{nil, []string{"a", "", "c"}, "\x1b[H\x1b[2J\x1b[1;1H\x1b[2Ka\x1b[3;1H\x1b[2Kc"},
		{[]string{"a", "", "c"}, []string{"a", "", "c"}, ""},
		{[]string{"a", "b", "c"}, []string{"a", "x", "c"}, "\x1b[2;1H\x1b[2Kx"},
		{[]string{"a", "b", "c"}, []string{"a"}, "\x1b[2;1H\x1b[2K\x1b[3;1H\x1b[2K"},
		{[]string{"a"}, []string{"a", "b"}, "\x1b[2;1H\x1b[2Kb"},
	} {
		if got := difference(c.old, c.lines); got != c.want {
			t.Errorf("%q to %q: %q, want %q", c.old, c.lines, got, c.want)
		}
	}
}

// Every picture is one write, and one without a difference is none.
func TestDrawWritesOnce(t *testing.T) {
	w := &writes{}
	term := &terminal{out: w}
	for _, lines := range [][]string{{"a", "b"}, {"a", "b"}, {"a", "c"}} {
		if err := term.draw(lines); err != nil {
			t.Fatal(err)
		}
	}
	if w.n != 2 || strings.Count(w.buf.String(), beginUpdate) != 2 || !strings.HasSuffix(w.buf.String(), "\x1b[2Kc"+endUpdate) {
		t.Errorf("%d writes: %q", w.n, w.buf.String())
	}
	term.forget()
	if _ = term.draw([]string{"a", "c"}); !strings.Contains(w.buf.String()[w.buf.Len()-40:], "\x1b[2Ka") {
		t.Errorf("forgotten, and yet: %q", w.buf.String())
	}
}

type writes struct {
	buf bytes.Buffer
	n   int
}

func (w *writes) Write(p []byte) (int, error) {
	w.n++
	return w.buf.Write(p)
}
