package rawclient

import (
	"strings"
	"testing"
)

func TestLastPart(t *testing.T) {
	for data, want := range map[string]bool{
		`{"part":1,"instances":[{"metadata":{"x":"\"last\":true"}}],"last":false}`: false,
		`{"part":1,"instances":[],"last":true}`:                                    true,
		`{"part":1,"last":true,"instances":[{}]}`:                                  true,
		`{"part":1,"last":false,"instances":[{"metadata":{"last":"true"}}]}`:       false,
	} {
		if LastPart([]byte(data)) != want {
			t.Errorf("%s: %v", data, !want)
		}
	}
}

// A line longer than the buffer keeps its beginning and its end.
func TestLongLines(t *testing.T) {
	for _, n := range []int{10, 70 << 10, 64<<10 - 7, 64<<10 - 6, 3 * 64 << 10} {
		text := "data: " + strings.Repeat("x", n) + "]tail"
		w := NewEvents(strings.NewReader(text+"\r\nnext\n"), 64<<10)
		line, err := w.line()
		if err != nil || !strings.HasPrefix(string(line), "data: xxx") || !strings.HasSuffix(string(line), "]tail") || len(line) > len(text) {
			t.Errorf("%d: %d bytes, %v", n, len(line), err)
		}
		if line, err := w.line(); err != nil || string(line) != "next" {
			t.Errorf("%d: then %q, %v", n, line, err)
		}
	}
}
