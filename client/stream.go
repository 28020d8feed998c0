package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"time"
)

const (
	// maxSilence is how long a stream may say nothing. The registry sends a comment
	// every 15 s at least.
	maxSilence = 45 * time.Second
	// maxEvent bounds an event: a part of a snapshot with a thousand instances that use
	// their limits stays under it.
	maxEvent = 32 << 20
)

var errSilent = errors.New("the stream fell silent")

// stream is one connection of a watcher.
type stream struct {
	body   io.ReadCloser
	dec    *decoder
	ctx    context.Context
	cancel context.CancelCauseFunc
	silent *time.Timer // runs only while somebody waits for an event
}

// open connects to the first address that answers.
func (w *Watcher) open(ctx context.Context) error {
	err := w.c.failover(ctx, true, func(base string) (bool, error) {
		s, err := w.dial(ctx, base)
		w.stream = s
		return true, err
	})
	if err == nil && w.opened != nil {
		w.opened(w.lastID != "")
	}
	return err
}

func (w *Watcher) dial(ctx context.Context, base string) (*stream, error) {
	s := &stream{}
	s.ctx, s.cancel = context.WithCancelCause(w.ctx)
	stop := context.AfterFunc(ctx, func() { s.cancel(ctx.Err()) })
	defer stop()
	s.silent = time.AfterFunc(w.c.timeout, func() { s.cancel(errSilent) })

	fail := func(err error) (*stream, error) {
		s.close()
		return nil, err
	}
	req, err := w.c.request(s.ctx, base, call{method: http.MethodGet, path: "/registry/watch", query: w.query}, nil)
	if err != nil {
		return fail(err)
	}
	req.Header.Set("Accept", "text/event-stream")
	req.Header.Set("Cache-Control", "no-store")
	if w.lastID != "" {
		req.Header.Set("Last-Event-ID", w.lastID)
	}
	resp, err := w.c.http.Do(req) //nolint:bodyclose // the stream closes it
	if err != nil {
		if errors.Is(context.Cause(s.ctx), errSilent) {
			err = fmt.Errorf("nothing within %s", w.c.timeout)
		}
		return fail(w.c.networkError(s.ctx, base, w.c.timeout, err))
	}
	s.body = resp.Body
	media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if resp.StatusCode != http.StatusOK || media != "text/event-stream" {
		data, err := w.c.read(resp.Body)
		if err != nil {
			return fail(w.c.networkError(s.ctx, base, w.c.timeout, err))
		}
		return fail(answerError(base, resp, data, time.Now()))
	}
	s.silent.Stop()
	s.dec = newDecoder(&alive{s}, maxEvent)
	return s, nil
}

// next waits for a message. When ctx ends, or nothing arrives for too long, the stream
// is cut, for a read can be interrupted in no other way.
func (s *stream) next(ctx context.Context) (message, error) {
	stop := context.AfterFunc(ctx, func() { s.cancel(ctx.Err()) })
	defer stop()
	s.silent = time.AfterFunc(maxSilence, func() { s.cancel(errSilent) })
	defer s.silent.Stop()
	m, err := s.dec.next()
	if err == nil {
		return m, nil
	}
	if cause := context.Cause(s.ctx); cause != nil {
		err = cause
	}
	return message{}, fmt.Errorf("the connection was lost: %w", err)
}

func (s *stream) retry() time.Duration { return s.dec.retry }

func (s *stream) close() {
	s.silent.Stop()
	s.cancel(nil)
	if s.body != nil {
		_ = s.body.Close() // it was read only
	}
}

// alive reads a stream's body and puts off its end of silence.
type alive struct{ s *stream }

func (a *alive) Read(p []byte) (int, error) {
	n, err := a.s.body.Read(p)
	if n > 0 {
		a.s.silent.Reset(maxSilence)
	}
	return n, err
}

// more tells whether a whole event has arrived that next has not given yet.
func (s *stream) more() bool { return s.dec.more() }
