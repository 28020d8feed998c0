package rawclient

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestRESPReader(t *testing.T) {
	const exec = "*4\r\n+OK\r\n:1\r\n$5\r\nab\r\nc\r\n*1\r\n$-1\r\n"
	for name, tc := range map[string]struct {
		text     string
		commands int
		last     string // empty: an error
		want     error
	}{
		"one":                    {"+OK\r\n", 1, "+OK\r\n", nil},
		"a transaction":          {"+OK\r\n+QUEUED\r\n*2\r\n:1\r\n$5\r\nab\r\nc\r\n", 3, "*2\r\n:1\r\n$5\r\nab\r\nc\r\n", nil},
		"nothing in one":         {exec, 1, "", ErrWrongAnswer},
		"refused":                {"+OK\r\n-ERR no\r\n", 2, "", ErrWrongAnswer},
		"refused in the end":     {"+OK\r\n*2\r\n+OK\r\n-WRONGTYPE x\r\n", 2, "", ErrWrongAnswer},
		"a transaction undone":   {"+OK\r\n*-1\r\n", 2, "", ErrWrongAnswer},
		"more than was asked":    {"+OK\r\n+OK\r\n", 1, "", errTrailing},
		"cut":                    {"*2\r\n+OK\r\n", 1, "", io.ErrUnexpectedEOF},
		"cut in a text":          {"$10\r\nabc", 1, "", io.ErrUnexpectedEOF},
		"not RESP":               {"HTTP/1.1 400\r\n", 1, "", nil},
		"a length that is none":  {"$x\r\n", 1, "", nil},
		"a text of wrong length": {"$2\r\nabc\r\n", 1, "", nil},
	} {
		for how, from := range map[string]io.Reader{
			"at once": strings.NewReader(tc.text), "byte by byte": iotest.OneByteReader(strings.NewReader(tc.text)),
		} {
			got, err := NewRESPReader(from, tc.commands).Next()
			switch {
			case tc.last != "" && (err != nil || string(got.Body) != tc.last || got.Status != 200):
				t.Errorf("%s, %s: %q, %v", name, how, got.Body, err)
			case tc.last == "" && err == nil && how == "byte by byte" && tc.want == errTrailing:
				// What is behind the answer has not come yet.
			case tc.last == "" && (err == nil || tc.want != nil && !errors.Is(err, tc.want)):
				t.Errorf("%s, %s: error %v, want %v", name, how, err, tc.want)
			}
		}
	}
}

func TestCommand(t *testing.T) {
	if got := string(Command("SET", "k", "")); got != "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n" {
		t.Errorf("%q", got)
	}
}
