package bench

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Request is a request ready to be sent, and what its answer must hold.
type Request struct {
	Bytes    []byte
	Contains []byte // looked for in the body of every sampleEvery-th answer
}

// Load is what the connections send in turn, each starting at another place.
type Load struct {
	Requests []Request
	MinBody  int // bytes; a shorter or longer body is an error
	MaxBody  int
}

// sampleEvery is how many answers pass between two whose contents are looked at.
const sampleEvery = 16

// The phases of a slice. A worker counts the answers that arrive while measuring.
const (
	warming int32 = iota
	measuring
	stopping
)

// worker is one connection of the load and its loop. Its figures are its own until
// the loop has ended.
type worker struct {
	conn    net.Conn
	replies *replyReader
	load    *Load
	next    int // index of the request to send
	stride  int
	latency *hdrhistogram.Histogram // nanoseconds
	sent    int                     // of all phases
	counted int64                   // answers that came while measuring
}

// dial opens the connections of a load. On error none is left open.
func dial(ctx context.Context, target Target, load *Load, connections int) ([]*worker, error) {
	workers := make([]*worker, 0, connections)
	for i := range connections {
		conn, err := target.dial(ctx)
		if err != nil {
			hangUp(workers)
			return nil, fmt.Errorf("dial connection %d of %d: %w", i+1, connections, err)
		}
		workers = append(workers, &worker{
			conn: conn, replies: newReplyReader(conn), load: load,
			next:    i % len(load.Requests),
			stride:  connections,
			latency: hdrhistogram.New(1000, int64(time.Minute), 2),
		})
	}
	return workers, nil
}

func hangUp(workers []*worker) {
	for _, w := range workers {
		w.conn.Close() // nothing is under way on it
	}
}

// dial opens one connection, with its handshake done.
func (t Target) dial(ctx context.Context) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", t.Address)
	if err != nil || t.TLS == nil {
		return conn, err
	}
	secured := tls.Client(conn, t.TLS)
	if err := secured.HandshakeContext(ctx); err != nil {
		conn.Close() // the handshake's error says more
		return nil, err
	}
	return secured, nil
}

// drive runs all workers until the phase is stopping. Each ends with the answer then
// under way, or at its first error. The caller waits for done.
func drive(workers []*worker, phase *atomic.Int32, done *sync.WaitGroup, failed func(error)) {
	for _, w := range workers {
		done.Go(func() {
			if err := w.loop(phase); err != nil {
				failed(err)
			}
		})
	}
}

func (w *worker) loop(phase *atomic.Int32) error {
	begun := time.Now()
	for phase.Load() != stopping {
		if err := w.exchange(); err != nil {
			return err
		}
		ended := time.Now()
		if phase.Load() == measuring {
			w.counted++
			if err := w.latency.RecordValue(int64(ended.Sub(begun))); err != nil {
				return fmt.Errorf("record latency: %w", err)
			}
		}
		begun = ended
	}
	return nil
}

// exchange sends the next request and reads and checks its answer.
func (w *worker) exchange() error {
	req := &w.load.Requests[w.next]
	if w.next += w.stride; w.next >= len(w.load.Requests) {
		w.next %= len(w.load.Requests)
	}
	if _, err := w.conn.Write(req.Bytes); err != nil {
		return fmt.Errorf("send request: %w", err)
	}
	answer, err := w.replies.next()
	if err != nil {
		return err
	}
	w.sent++
	return w.load.check(req, answer, w.sent%sampleEvery == 1)
}

var errWrongAnswer = errors.New("wrong answer")

// check compares an answer with what was expected, its contents only in a sample.
func (l *Load) check(req *Request, a reply, contents bool) error {
	switch {
	case a.status != 200:
		return fmt.Errorf("%w: status %d: %.200q", errWrongAnswer, a.status, a.body)
	case len(a.body) < l.MinBody || len(a.body) > l.MaxBody:
		return fmt.Errorf("%w: body of %d bytes, want %d to %d: %.200q", errWrongAnswer, len(a.body), l.MinBody, l.MaxBody, a.body)
	case contents && !bytes.Contains(a.body, req.Contains):
		return fmt.Errorf("%w: body without %q: %.200q", errWrongAnswer, req.Contains, a.body)
	}
	return nil
}
