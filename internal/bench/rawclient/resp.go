package rawclient

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// ErrWrongAnswer says that a server answered something else than it was asked for.
var ErrWrongAnswer = errors.New("wrong answer")

// Command encodes a command of Redis.
func Command(words ...string) []byte {
	out := fmt.Appendf(nil, "*%d\r\n", len(words))
	for _, w := range words {
		out = fmt.Appendf(out, "$%d\r\n%s\r\n", len(w), w)
	}
	return out
}

// RESPReader reads the answers of Redis (RESP2): a given number for each request, which
// is several commands sent together.
type RESPReader struct {
	Reader
	commands int
}

// NewRESPReader reads answers to requests of that many commands each.
func NewRESPReader(from io.Reader, commands int) *RESPReader {
	return &RESPReader{Reader: *NewReader(from), commands: commands}
}

// Next reads the answers to all commands of the request just sent and gives the last one
// as it stands. An error among them, also within the answer to EXEC, is an error.
func (r *RESPReader) Next() (Reply, error) {
	r.n = 0
	pos, last := 0, 0
	for range r.commands {
		last = pos
		var err error
		if pos, err = r.skip(pos); err != nil {
			return Reply{}, err
		}
	}
	if r.n > pos {
		return Reply{}, errTrailing
	}
	return Reply{Status: http.StatusOK, Body: r.buf[last:pos]}, nil
}

// skip reads the value at pos and gives the position behind it.
func (r *RESPReader) skip(pos int) (int, error) {
	end, err := r.until([]byte("\r\n"), pos)
	if err != nil {
		return 0, err
	}
	kind, text := r.buf[pos], r.buf[pos+1:end-2]
	switch kind {
	case '+', ':':
		return end, nil
	case '-':
		return 0, fmt.Errorf("%w: %s", ErrWrongAnswer, text)
	case '$', '*':
	default:
		return 0, fmt.Errorf("read answer: not RESP: %.40q", r.buf[pos:end])
	}
	n, err := strconv.Atoi(string(text))
	switch {
	case err != nil || n > 64<<20:
		return 0, fmt.Errorf("read answer: length %.40q", text)
	case n < 0:
		return 0, fmt.Errorf("%w: nothing", ErrWrongAnswer) // EXEC that did nothing
	case kind == '$':
		end += n + len("\r\n")
		if err := r.fill(end); err != nil {
			return 0, err
		}
		if !bytes.HasSuffix(r.buf[:end], []byte("\r\n")) {
			return 0, fmt.Errorf("read answer: a text without its end")
		}
		return end, nil
	}
	for range n {
		if end, err = r.skip(end); err != nil {
			return 0, err
		}
	}
	return end, nil
}
