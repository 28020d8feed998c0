package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/roster-sd/roster/internal/bench/rawclient"
)

// patience is how long an answer may take.
const patience = 15 * time.Second

// line is one connection, dialled when it is needed and again after an error. It is for one
// goroutine.
type line struct {
	target  Target
	conn    net.Conn
	replies *rawclient.Reader
	until   time.Time // the deadline that the connection has
}

// newLine gives the nth of several connections, not dialled yet.
func (r *run) newLine(n int) *line { return &line{target: r.o.Targets[n%len(r.o.Targets)]} }

func (l *line) dial(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn, err := rawclient.Dial(ctx, l.target.Address, l.target.TLS)
	if err != nil {
		return fmt.Errorf("dial: %w", err)
	}
	l.conn, l.replies, l.until = conn, rawclient.NewReader(conn), time.Time{}
	return nil
}

// ask sends a request and gives its answer, whatever its status. An error is of the
// connection, which is then closed.
func (l *line) ask(ctx context.Context, request []byte) (rawclient.Reply, error) {
	if l.conn == nil {
		if err := l.dial(ctx); err != nil {
			return rawclient.Reply{}, err
		}
	}
	if now := time.Now(); l.until.Sub(now) < patience {
		l.until = now.Add(2 * patience) // a timer less for each request
		if err := l.conn.SetDeadline(l.until); err != nil {
			l.hangUp()
			return rawclient.Reply{}, err
		}
	}
	_, err := l.conn.Write(request)
	var answer rawclient.Reply
	if err == nil {
		answer, err = l.replies.Next()
	}
	if err != nil {
		l.hangUp()
	}
	return answer, err
}

func (l *line) hangUp() {
	if l.conn != nil {
		l.conn.Close()
		l.conn = nil
	}
}

// The codes of errors that are not the registry's own.
const (
	codeConnection = "connection" // refused, cut or not HTTP
	codeTimeout    = "timeout"
	codeAnswer     = "wrong_answer" // a good status, and not what was asked for
)

// refusal is an answer that is no success, or another one than was asked for.
type refusal struct {
	status int
	code   string // of the registry, or codeAnswer
	text   string // the beginning of the answer
}

func (e *refusal) Error() string {
	return fmt.Sprintf("status %d, %s: %.300s", e.status, e.code, strings.ToValidUTF8(e.text, "?"))
}

// refused makes an error of an answer.
func refused(a rawclient.Reply) error {
	code := text(a.Body, "code")
	if code == "" {
		code = fmt.Sprintf("status_%d", a.Status)
	}
	return &refusal{a.Status, code, string(a.Body[:min(len(a.Body), 300)])}
}

// codeOf gives the code by which an error is counted.
func codeOf(err error) string {
	var no *refusal
	switch {
	case errors.As(err, &no):
		return no.code
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return codeTimeout
	}
	return codeConnection
}

// ok gives an error unless the answer is a success.
func ok(a rawclient.Reply, err error) (rawclient.Reply, error) {
	if err == nil && (a.Status < 200 || a.Status > 299) {
		err = refused(a)
	}
	return a, err
}
