package bench

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"

	"github.com/roster-sd/roster/internal/bench/rawclient"
)

// Request is a request ready to be sent, and what its answer must hold.
type Request struct {
	Bytes    []byte
	Contains []byte // looked for in the body of every sampleEvery-th answer
	Numbers  []int  // where a number of numberDigits digits stands that no other request has
}

// Load is what the connections send in turn, each starting at another place.
type Load struct {
	Requests []Request
	Status   int // of a right answer; 0: 200
	MinBody  int // bytes; a shorter or longer body is an error
	MaxBody  int

	numbers atomic.Int64                 // given away to requests
	replies func(from io.Reader) replies // nil: those of HTTP
}

// replies reads answers, one for each request that was sent.
type replies interface {
	Next() (rawclient.Reply, error)
}

// numberDigits is how many digits the number in a request has.
const numberDigits = 10

// sampleEvery is how many answers pass between two whose contents are looked at.
const sampleEvery = 16

// errWrongAnswer says that a server answered something else than it was asked for.
var errWrongAnswer = rawclient.ErrWrongAnswer

// check compares an answer with what was expected, its contents only in a sample.
func (l *Load) check(req *Request, a rawclient.Reply, contents bool) error {
	switch {
	case a.Status != cmp.Or(l.Status, http.StatusOK):
		return fmt.Errorf("%w: status %d: %.200q", errWrongAnswer, a.Status, a.Body)
	case len(a.Body) < l.MinBody || len(a.Body) > l.MaxBody:
		return fmt.Errorf("%w: body of %d bytes, want %d to %d: %.200q", errWrongAnswer, len(a.Body), l.MinBody, l.MaxBody, a.Body)
	case contents && !bytes.Contains(a.Body, req.Contains):
		return fmt.Errorf("%w: body without %q: %.200q", errWrongAnswer, req.Contains, a.Body)
	}
	return nil
}

// number writes the next number into a request and gives its bytes. Those of requests
// with numbers are in buf, which is the caller's.
func (l *Load) number(req *Request, buf []byte) []byte {
	if len(req.Numbers) == 0 {
		return req.Bytes
	}
	buf = append(buf[:0], req.Bytes...)
	n := l.numbers.Add(1)
	var digits [numberDigits]byte
	for i := len(digits) - 1; i >= 0; i-- {
		digits[i] = '0' + byte(n%10)
		n /= 10
	}
	for _, at := range req.Numbers {
		copy(buf[at:], digits[:])
	}
	return buf
}

// conversation is a connection over which the requests of a load are sent.
type conversation struct {
	conn    net.Conn
	replies replies
	load    *Load
	next    int // index of the request to send
	stride  int
	sent    int    // of all phases
	buf     []byte // of a request with a number
}

// open opens the nth of several connections.
func (l *Load) open(ctx context.Context, target Target, n, of int) (line, error) {
	return l.converse(ctx, target, n, of)
}

func (l *Load) converse(ctx context.Context, target Target, n, of int) (*conversation, error) {
	conn, err := rawclient.Dial(ctx, target.Address, target.TLS)
	if err != nil {
		return nil, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			conn.Close()
			return nil, err
		}
	}
	c := &conversation{conn: conn, load: l, next: n % len(l.Requests), stride: of}
	if c.replies = rawclient.NewReader(conn); l.replies != nil {
		c.replies = l.replies(conn)
	}
	return c, nil
}

// exchange sends the next request and reads and checks its answer.
func (c *conversation) exchange() error {
	req := &c.load.Requests[c.next]
	if c.next += c.stride; c.next >= len(c.load.Requests) {
		c.next %= len(c.load.Requests)
	}
	c.sent++
	_, err := c.ask(req, c.sent%sampleEvery == 1)
	return err
}

// ask sends a request and gives the body of a checked answer.
func (c *conversation) ask(req *Request, contents bool) ([]byte, error) {
	raw := c.load.number(req, c.buf)
	if len(req.Numbers) > 0 {
		c.buf = raw
	}
	if _, err := c.conn.Write(raw); err != nil {
		return nil, fmt.Errorf("send request: %w", err)
	}
	answer, err := c.replies.Next()
	if err != nil {
		return nil, err
	}
	return answer.Body, c.load.check(req, answer, contents)
}

// hangUp closes the connection; nothing is under way on it.
func (c *conversation) hangUp() { c.conn.Close() }
