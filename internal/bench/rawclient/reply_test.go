package rawclient

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestReplies(t *testing.T) {
	large := strings.Repeat("0123456789", 10_000)
	for name, tc := range map[string]struct {
		text   string
		status int
		body   string
		err    error // errAny: some error
	}{
		"as Go writes it":   {text: "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\r\nhello", status: 200, body: "hello"},
		"lower case":        {text: "HTTP/1.1 404 Not Found\r\ncontent-length:  2 \r\n\r\n{}", status: 404, body: "{}"},
		"no content":        {text: "HTTP/1.1 204 No Content\r\nDate: x\r\n\r\n", status: 204},
		"not modified":      {text: "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", status: 304},
		"empty body":        {text: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", status: 200},
		"larger than a buf": {text: fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(large), large), status: 200, body: large},
		"chunked":           {text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;a=b\r\n world\r\n0\r\n\r\n", status: 200, body: "hello world"},
		"large chunk":       {text: fmt.Sprintf("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(large), large), status: 200, body: large},

		"no length":            {text: "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n", err: errNoLength},
		"bad length":           {text: "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", err: errAny},
		"negative length":      {text: "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", err: errAny},
		"huge length":          {text: "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", err: errAny},
		"bytes behind":         {text: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 200 OK", err: errTrailing},
		"bytes behind chunks":  {text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nHTTP", err: errTrailing},
		"bad chunk size":       {text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", err: errAny},
		"chunk without end":    {text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabcd\r\n0\r\n\r\n", err: errAny},
		"cut in head":          {text: "HTTP/1.1 200 OK\r\nContent-", err: io.ErrUnexpectedEOF},
		"cut in body":          {text: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", err: io.ErrUnexpectedEOF},
		"cut in chunk":         {text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe", err: io.ErrUnexpectedEOF},
		"nothing":              {text: "", err: io.ErrUnexpectedEOF},
		"another protocol":     {text: "HTTP/2.0 200 OK\r\n\r\n", err: errAny},
		"status not a number":  {text: "HTTP/1.1 2x0 OK\r\nContent-Length: 0\r\n\r\n", err: errAny},
		"status too short":     {text: "HTTP/1.1 2\r\n\r\n", err: errAny},
		"other transfer codes": {text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", err: errAny},
	} {
		for how, from := range map[string]io.Reader{
			"whole":        strings.NewReader(tc.text),
			"byte by byte": iotest.OneByteReader(strings.NewReader(tc.text)),
			"with EOF":     iotest.DataErrReader(strings.NewReader(tc.text)),
		} {
			if how == "byte by byte" && errors.Is(tc.err, errTrailing) {
				continue // what comes later is noticed with the next answer only
			}
			got, err := NewReader(from).Next()
			switch {
			case tc.err == errAny && err != nil:
			case !errors.Is(err, tc.err):
				t.Errorf("%s, %s: error %v, want %v", name, how, err, tc.err)
			case err == nil && (got.Status != tc.status || string(got.Body) != tc.body):
				t.Errorf("%s, %s: status %d, %d bytes, want %d, %d", name, how, got.Status, len(got.Body), tc.status, len(tc.body))
			}
		}
	}
}

var errAny = errors.New("some error")

// turns gives one text for each Read, as a connection in a closed loop does.
type turns struct{ texts []string }

func (s *turns) Read(p []byte) (int, error) {
	if len(s.texts) == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.texts[0])
	if s.texts[0] = s.texts[0][n:]; s.texts[0] == "" {
		s.texts = s.texts[1:]
	}
	return n, nil
}

func TestRepliesInTurn(t *testing.T) {
	r := NewReader(&turns{[]string{
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nsec\r\n3\r\nond\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n3",
	}})
	for _, want := range []string{"first", "second", "3"} {
		if got, err := r.Next(); err != nil || string(got.Body) != want {
			t.Errorf("body %q, %v, want %q", got.Body, err, want)
		}
	}
	if _, err := r.Next(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("after the last: %v", err)
	}
}

func TestReadingAllocatesNothing(t *testing.T) {
	text := []byte("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\r\nhello")
	var from bytes.Reader
	r := NewReader(&from)
	allocs := testing.AllocsPerRun(100, func() {
		from.Reset(text)
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
	})
	if allocs > 0 {
		t.Errorf("%v allocations an answer", allocs)
	}
}
