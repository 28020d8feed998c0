package journal

import (
	"bytes"
	"errors"
	"io"
	"testing"
)

func TestAppendEntryRefuses(t *testing.T) {
	for _, n := range []int{0, MaxEntry + 1} {
		if b, err := AppendEntry([]byte("x"), make([]byte, n)); err == nil || string(b) != "x" {
			t.Errorf("a payload of %d bytes: %d bytes, %v", n, len(b), err)
		}
	}
}

// Whatever bytes stand in a file, reading ends, takes no memory for lengths that cannot be,
// and gives what was written before them.
func FuzzReadEntry(f *testing.F) {
	f.Add(entries(f, "one", "two"))
	f.Add([]byte("\xff\xff\xff\x03garbagegarbage"))
	f.Add(make([]byte, 64))
	f.Fuzz(func(t *testing.T, tail []byte) {
		before := entries(t, "before")
		r, left := bytes.NewReader(append(before, tail...)), int64(len(before)+len(tail))
		var buf []byte
		var err error
		for n := 0; ; n++ {
			if buf, err = readEntry(r, left, buf); err != nil {
				break
			}
			if n == 0 && string(buf) != "before" {
				t.Fatalf("the first entry is %q", buf)
			}
			left -= int64(frameLen + len(buf))
		}
		if left < 0 || !errors.Is(err, io.EOF) && !errors.Is(err, errTorn) {
			t.Fatalf("%d left, %v", left, err)
		}
		if errors.Is(err, io.EOF) != (left == 0) {
			t.Fatalf("%d left, %v", left, err)
		}
		wholeWithin(tail)
	})
}
