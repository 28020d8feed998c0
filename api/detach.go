package api

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/roster-sd/roster/catalog"
)

// An event stream over HTTP/1.1 takes its connection from the server, and then needs neither the
// goroutine of a request with its deep stack, nor the server's buffers: a goroutine that reads
// from the connection is all that it has of its own. What it writes, it writes in its turns. The
// connection ends with the stream, and its answer says so.

// line is the connection of a stream that is detached.
type line struct {
	conn   net.Conn
	head   []byte      // of the answer, until it is sent
	broken bool        // a write failed
	gone   atomic.Bool // the other end left, or broke the rules
	in     [64]byte    // what is read, and not looked at

	// parties is how many have not finished with the stream: its turns, its reader, and the
	// handler of its request where somebody is told of requests.
	parties atomic.Int32
	over    func() // tells of the request; nil: nobody is told
}

// mostInput is how many bytes a client may send after the request of a stream.
const mostInput = 64 << 10

const detachedKey = "roster.detached"

// detached gives the stream that the request became, nil if it is none that has a connection of
// its own.
func detached(c *gin.Context) *stream {
	if len(c.Keys) == 0 {
		return nil
	}
	s, _ := c.Keys[detachedKey].(*stream)
	return s
}

// detach takes the connection from the server, begins the stream on it, and lets it go on by
// itself. It is false, with nothing done, where there is no such connection to take (HTTP/2), or
// the node drains. views is as for begin.
func (s *stream) detach(c *gin.Context, views []catalog.View) bool {
	r := c.Request
	under, ok := c.Writer.(interface{ Unwrap() http.ResponseWriter })
	if !ok || r.ProtoMajor != 1 || r.ProtoMinor < 1 || r.Method != http.MethodGet {
		return false
	}
	if _, ok := under.Unwrap().(http.Hijacker); !ok || !s.api.lines.enter(s) {
		return false
	}
	conn, _, err := c.Writer.Hijack()
	if err != nil {
		s.api.lines.leave(s)
		return false
	}
	parties := int32(2)
	if s.api.opts.Instrument != nil {
		parties = 3
		c.Set(detachedKey, s)
	}
	s.parties.Store(parties)
	// The context of the request has ended; what it knows of the connection has not.
	s.request = r.WithContext(context.WithoutCancel(r.Context()))
	s.request.Body = http.NoBody
	s.head = head(c.Writer.Header())
	s.out, s.told = &s.line, whenBlocked(conn, s.seat.yield)
	s.seat.do = s.work
	s.sub.Notify(s.seat.want)
	s.api.lines.set(s, conn)
	begun := false
	s.guarded(func() bool { begun = s.begin(views); return begun })
	if !begun {
		s.release() // there is no reader
		return true
	}
	go s.listen() // waited for by API.Wait
	s.seat.done()
	return true
}

// head is that of an answer of which the end of its chunks, and then of the connection, is the end.
func head(h http.Header) []byte {
	var b bytes.Buffer
	b.WriteString("HTTP/1.1 200 OK\r\nDate: ")
	b.WriteString(time.Now().UTC().Format(http.TimeFormat))
	b.WriteString("\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n")
	_ = h.Write(&b) // a buffer takes everything
	b.WriteString("\r\n")
	return b.Bytes()
}

// whenBlocked has f called before a write to the connection waits; false: that is not known.
func whenBlocked(c net.Conn, f func()) bool {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	b, ok := c.(interface{ WhenBlocked(f func()) bool })
	return ok && b.WhenBlocked(f)
}

// send writes a chunk (RFC 9112, 7.1).
func (l *line) send(b []byte) error {
	var size [16]byte
	text := strconv.AppendUint(size[:0], uint64(len(b)-room), 16)
	b = append(b, "\r\n"...)
	at := room - len("\r\n")
	copy(b[at:], "\r\n")
	at -= len(text)
	copy(b[at:], text)
	if b = b[at:]; l.head != nil {
		b, l.head = append(l.head, b...), nil
	}
	return l.write(b)
}

func (l *line) write(b []byte) error {
	if err := l.conn.SetWriteDeadline(time.Now().Add(writeWithin)); err != nil {
		return err
	}
	_, err := l.conn.Write(b)
	l.broken = err != nil
	return err
}

// work is a turn of the stream.
func (s *stream) work() {
	s.guarded(func() bool {
		if s.gone.Load() {
			return false
		}
		select {
		case <-s.api.stop:
			s.bye()
		default:
			if s.turn() {
				return true
			}
		}
		if !s.broken {
			_ = s.write([]byte("0\r\n\r\n")) // the stream is over either way
		}
		return false
	})
}

// guarded does a part of the stream, and ends the stream if it gives false, or panics.
func (s *stream) guarded(part func() bool) {
	ok := false
	defer func() {
		if p := recover(); p != nil {
			s.api.log.Error("handler panicked", "route", s.request.URL.Path, "request", s.who.Request.RequestID(), "panic", p, "stack", stack())
		}
		if !ok {
			s.close()
			s.conn.Close() // its reader ends
			s.release()
		}
	}()
	ok = part()
}

// listen reads from the connection, which tells when the other end leaves, to its end, and has
// the stream look around once a tick.
func (s *stream) listen() {
	defer s.release()
	next := time.Now().Add(tick)
	for read := 0; read < mostInput; {
		if s.conn.SetReadDeadline(next) != nil {
			break
		}
		n, err := s.conn.Read(s.in[:])
		read += n
		if errors.Is(err, os.ErrDeadlineExceeded) {
			next = time.Now().Add(tick)
			s.due.Store(true)
			s.seat.want()
		} else if err != nil {
			break
		}
	}
	s.gone.Store(true)
	s.seat.want()
}

// release says that one of the parties has finished.
func (s *stream) release() {
	if s.parties.Add(-1) > 0 {
		return
	}
	if s.over != nil {
		s.over()
	}
	s.api.lines.leave(s)
}
