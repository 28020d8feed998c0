package cli

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// key is one key that was pressed: a printable character, or one of the keys below.
type key rune

const (
	keyNone  key = -iota
	keyLeave     // Ctrl-C, Ctrl-D, or the end of input
	keyEscape
	keyEnter
	keyErase
	keyUp
	keyDown
	keyPageUp
	keyPageDown
	keyHome
	keyEnd
	keyRedraw
	keySuspend
)

// sequences are what terminals send for keys that have no character, behind the escape.
var sequences = map[string]key{
	"[A": keyUp, "OA": keyUp, "[B": keyDown, "OB": keyDown, "[5~": keyPageUp, "[6~": keyPageDown,
	"[H": keyHome, "OH": keyHome, "[1~": keyHome, "[7~": keyHome,
	"[F": keyEnd, "OF": keyEnd, "[4~": keyEnd, "[8~": keyEnd,
}

var controls = map[byte]key{
	0x03: keyLeave, 0x04: keyLeave, '\r': keyEnter, '\n': keyEnter, 0x7f: keyErase, 0x08: keyErase,
	0x0c: keyRedraw, 0x1a: keySuspend, 0x10: keyUp, 0x0e: keyDown,
}

// parseKeys gives the keys of what a terminal sent, and what of it is the beginning of a
// sequence that is to be continued.
func parseKeys(in []byte) (keys []key, rest []byte) {
	for len(in) > 0 {
		if in[0] == 0x1b {
			k, n := escape(in)
			if n == 0 {
				return keys, in
			}
			if in = in[n:]; k != keyNone {
				keys = append(keys, k)
			}
			continue
		}
		if k, ok := controls[in[0]]; ok {
			keys, in = append(keys, k), in[1:]
			continue
		}
		if !utf8.FullRune(in) {
			return keys, in
		}
		r, n := utf8.DecodeRune(in)
		in = in[n:]
		if unicode.IsPrint(r) && r != utf8.RuneError {
			keys = append(keys, key(r))
		}
	}
	return keys, nil
}

// escape reads one sequence and gives its length; 0 if it is not complete.
func escape(in []byte) (key, int) {
	switch {
	case len(in) == 1:
		return keyEscape, 1 // sequences come in one piece; this is the key
	case in[1] != '[' && in[1] != 'O':
		return keyEscape, 1
	}
	for i := 2; i < len(in); i++ {
		if in[i] >= 0x40 && in[i] <= 0x7e {
			return sequences[string(in[1:i+1])], i + 1
		}
		if in[i] < 0x20 || i > 16 {
			return keyNone, i // no sequence after all
		}
	}
	return keyNone, 0
}

// press does what a key asks for, on a terminal of so many lines. It tells whether the
// table is to be left.
func (b *board) press(k key, page int) (leave bool) {
	if k == keyLeave {
		return true
	}
	if b.typing {
		b.edit(k)
		return false
	}
	switch k {
	case 'q', 'Q':
		return true
	case '/':
		b.typing = true
	case keyEscape:
		b.query, b.top = "", 0
	case keyUp, 'k':
		b.top--
	case keyDown, 'j':
		b.top++
	case keyPageUp, 'b':
		b.top -= page
	case keyPageDown, ' ':
		b.top += page
	case keyHome, 'g':
		b.top = 0
	case keyEnd, 'G':
		b.top = len(b.roll.rows)
	}
	b.top = max(b.top, 0)
	return false
}

// maxQuery is how many bytes of a search are kept: more than any cell holds.
const maxQuery = 256

func (b *board) edit(k key) {
	switch {
	case k == keyEnter:
		b.typing = false
	case k == keyEscape:
		b.typing, b.query = false, ""
	case k == keyErase && b.query == "":
		b.typing = false
	case k == keyErase:
		_, n := utf8.DecodeLastRuneInString(b.query)
		b.query = strings.TrimSuffix(b.query, b.query[len(b.query)-n:])
	case k > 0 && len(b.query) < maxQuery:
		b.query += string(rune(k))
	}
	b.top = 0
}
