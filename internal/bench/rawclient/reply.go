// Package rawclient speaks HTTP/1.1 and the protocol of Redis with as little work as a
// measurement allows, where load and server share a machine: requests are ready-made bytes,
// and of an answer it looks at the status, the length and what the caller wants of the body.
package rawclient

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

var (
	errNoLength = errors.New("read answer: neither Content-Length nor chunked")
	errTrailing = errors.New("read answer: more bytes than one answer")
)

// Reader reads HTTP/1.1 answers, one for each request, with as little work as the
// measurement allows: it looks at the status and the length and at nothing else.
type Reader struct {
	from   io.Reader
	buf    []byte // buf[:n] is what was read of the present answer
	n      int
	joined []byte // a chunked body, put together
}

// Reply is an answer. The body is valid until the next one is read.
type Reply struct {
	Status int
	Body   []byte
}

// NewReader reads answers from a connection.
func NewReader(from io.Reader) *Reader {
	return &Reader{from: from, buf: make([]byte, 16<<10)}
}

// Next reads the answer to the request just sent. Bytes beyond it are an error: the
// server cannot answer what nobody asked.
func (r *Reader) Next() (Reply, error) {
	r.n = 0
	end, err := r.until([]byte("\r\n\r\n"), 0)
	if err != nil {
		return Reply{}, err
	}
	head := r.buf[:end]
	status, err := parseStatus(head)
	if err != nil {
		return Reply{}, err
	}
	length, chunked, err := bodyLength(head)
	if status == http.StatusNoContent || status == http.StatusNotModified {
		length, chunked, err = 0, false, nil // RFC 9112, 6.3: these have no body, whatever the head says
	}
	if err != nil {
		return Reply{}, err
	}
	if chunked {
		body, err := r.chunks(end)
		return Reply{Status: status, Body: body}, err
	}
	if err := r.fill(end + length); err != nil {
		return Reply{}, err
	}
	if r.n > end+length {
		return Reply{}, errTrailing
	}
	return Reply{Status: status, Body: r.buf[end : end+length]}, nil
}

// chunks puts a chunked body together, of which the first size line starts at pos.
func (r *Reader) chunks(pos int) ([]byte, error) {
	r.joined = r.joined[:0]
	for {
		eol, err := r.until([]byte("\r\n"), pos)
		if err != nil {
			return nil, err
		}
		digits, _, _ := bytes.Cut(r.buf[pos:eol-2], []byte(";"))
		size, err := strconv.ParseUint(string(bytes.TrimSpace(digits)), 16, 31)
		if err != nil {
			return nil, fmt.Errorf("read answer: chunk size: %w", err)
		}
		pos = eol + int(size) + 2
		if err := r.fill(pos); err != nil {
			return nil, err
		}
		if string(r.buf[pos-2:pos]) != "\r\n" {
			return nil, errors.New("read answer: chunk without its end, or trailers")
		}
		if size == 0 {
			if r.n > pos {
				return nil, errTrailing
			}
			return r.joined, nil
		}
		r.joined = append(r.joined, r.buf[eol:pos-2]...)
	}
}

// until reads until mark occurs at or after pos and gives the position behind it.
func (r *Reader) until(mark []byte, pos int) (int, error) {
	for {
		if r.n > pos {
			if i := bytes.Index(r.buf[pos:r.n], mark); i >= 0 {
				return pos + i + len(mark), nil
			}
		}
		if err := r.fill(r.n + 1); err != nil {
			return 0, err
		}
	}
}

// fill reads until at least n bytes of the answer are there.
func (r *Reader) fill(n int) error {
	for r.n < n {
		if r.n == len(r.buf) || n > len(r.buf) {
			r.buf = append(r.buf, make([]byte, max(n-len(r.buf), len(r.buf)))...)
		}
		m, err := r.from.Read(r.buf[r.n:])
		r.n += m
		if err != nil && r.n < n {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return fmt.Errorf("read answer: %w", err)
		}
	}
	return nil
}

// parseStatus reads the status from the first line of head.
func parseStatus(head []byte) (int, error) {
	const at = len("HTTP/1.1 ")
	if !bytes.HasPrefix(head, []byte("HTTP/1.1 ")) || len(head) < at+3 {
		return 0, fmt.Errorf("read answer: not HTTP/1.1: %.40q", head)
	}
	status, err := strconv.Atoi(string(head[at : at+3]))
	if err != nil || status < 100 {
		return 0, fmt.Errorf("read answer: status: %.40q", head)
	}
	return status, nil
}

// bodyLength reads the framing of the body from the lines of head.
func bodyLength(head []byte) (length int, chunked bool, err error) {
	const name = "\r\nContent-Length: "
	if i := bytes.Index(head, []byte(name)); i >= 0 { // as Go servers spell it
		return parseLength(head[i+len(name):])
	}
	for line := range bytes.SplitSeq(head, []byte("\r\n")) {
		key, value, _ := bytes.Cut(line, []byte(":"))
		switch {
		case bytes.EqualFold(key, []byte("Content-Length")):
			return parseLength(bytes.TrimSpace(value))
		case bytes.EqualFold(key, []byte("Transfer-Encoding")):
			if !bytes.EqualFold(bytes.TrimSpace(value), []byte("chunked")) {
				return 0, false, fmt.Errorf("read answer: %q", line)
			}
			return 0, true, nil
		}
	}
	return 0, false, errNoLength
}

// parseLength reads the decimal number that b starts with.
func parseLength(b []byte) (int, bool, error) {
	end := 0
	for end < len(b) && b[end] >= '0' && b[end] <= '9' {
		end++
	}
	n, err := strconv.ParseUint(string(b[:end]), 10, 31)
	if err != nil {
		return 0, false, fmt.Errorf("read answer: content length: %w", err)
	}
	return int(n), false, nil
}
