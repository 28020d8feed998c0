package cli

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

func TestParseKeys(t *testing.T) {
	for _, c := range []struct {
		in   string
		want []key
		rest string
	}{
		{"q", []key{'q'}, ""},
		{"\x1b[A\x1bOB\x1b[5~\x1b[6~", []key{keyUp, keyDown, keyPageUp, keyPageDown}, ""},
		{"\x1b[H\x1b[F\x1b[1~\x1b[4~", []key{keyHome, keyEnd, keyHome, keyEnd}, ""},
		{"\x1b", []key{keyEscape}, ""},
		{"\x1b\x1b[A", []key{keyEscape, keyUp}, ""},
		{"\x1bq", []key{keyEscape, 'q'}, ""},
		{"a\x1b[", []key{'a'}, "\x1b["},
		{"\x1b[1;5A\x1b[200~x", []key{keyNone, 'x'}[1:], ""}, // not known: left out
		{"\x1b[\x01", nil, ""},
		{"é生\xc3", []key{'é', '生'}, "\xc3"},
		{"\xff\x00\x07", nil, ""},
		{"\r\x7f\x08\x0c\x1a", []key{keyEnter, keyErase, keyErase, keyRedraw, keySuspend}, ""},
		{"\x03", []key{keyLeave}, ""},
	} {
		keys, rest := parseKeys([]byte(c.in))
		if !slices.Equal(keys, c.want) || string(rest) != c.rest {
			t.Errorf("%q: %v and %q, want %v and %q", c.in, keys, rest, c.want, c.rest)
		}
	}
}

// Any input comes to an end, and what is left over is a sequence that has only begun.
func FuzzKeys(f *testing.F) {
	for _, seed := range []string{"q", "\x1b[A", "\x1b[1;5", "\x1b[\x01", "生\xe7", "\x1bO", "\x1b[111111111111111111111"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		_, rest := parseKeys([]byte(in))
		if len(rest) > 32 {
			t.Errorf("%q leaves %q", in, rest)
		}
		b := street(false)
		for keys, _ := parseKeys([]byte(in)); len(keys) > 0; keys = keys[1:] {
			b.press(keys[0], 10)
		}
		check(t, b.lines(80, 10, clock()), 80, 10)
	})
}

func TestKeysMoveTheTable(t *testing.T) {
	b := &board{}
	b.roll.apply(snapshot(), clock())
	for i := range 50 {
		b.roll.apply(put(member("web", fmt.Sprintf("w-%02d", i), time.Hour, 0)), clock())
	}
	const height = 14 // 10 rows
	press := func(top int, query string, keys ...key) {
		t.Helper()
		for _, k := range keys {
			if b.press(k, 9) {
				t.Errorf("key %d leaves", k)
			}
		}
		b.lines(80, height, clock())
		if b.top != top || b.query != query {
			t.Errorf("after %v: top %d, query %q; want %d, %q", keys, b.top, b.query, top, query)
		}
	}
	press(1, "", keyDown)
	press(0, "", keyUp, keyUp)
	press(18, "", keyPageDown, ' ')
	press(9, "", keyPageUp)
	press(40, "", keyEnd)
	press(0, "", keyHome)
	press(40, "", 'G')
	press(0, "w-1q", '/', 'w', '-', '1', 'q') // letters are letters while one types
	press(0, "w-1", keyErase, keyEnter)
	press(0, "", keyEscape)
	press(0, "", '/', keyErase)
	press(1, "", 'j') // typing has ended
	press(0, "", '/', 'é', keyErase, 'x', keyEscape)
	for _, k := range []key{'q', 'Q', keyLeave} {
		if !b.press(k, 9) {
			t.Errorf("key %d does not leave", k)
		}
	}
	b.typing = true
	if b.press('q', 9) || !b.press(keyLeave, 9) {
		t.Error("while one types, Ctrl-C leaves and q does not")
	}
}
