package bench

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http/httputil"
	"strings"
	"time"

	"github.com/roster-sd/roster/internal/bench/rawclient"
	"github.com/roster-sd/roster/wire"
)

// watcher follows one service over a connection of its own.
type watcher struct {
	*line
	events  *rawclient.Events
	service int
	shard   *shard
}

// eventBuffer is the buffer for one line of a stream, in bytes: an event of this fleet fits.
const eventBuffer = 2 << 10

// open opens the stream of its service.
func (w *watcher) open(ctx context.Context, f *fleet) error {
	return w.ask(ctx, rawclient.Get(f.host, "/registry/watch?service="+f.service(w.service)))
}

// ask asks for a stream, and reads to the end of the snapshot.
func (w *watcher) ask(ctx context.Context, request []byte) error {
	if err := w.dial(ctx); err != nil {
		return err
	}
	if err := w.conn.SetDeadline(time.Now().Add(2 * patience)); err != nil {
		return err
	}
	if _, err := w.conn.Write(request); err != nil {
		return err
	}
	from := bufio.NewReaderSize(w.conn, eventBuffer)
	if err := passHead(from); err != nil {
		return err
	}
	w.events = rawclient.NewEvents(httputil.NewChunkedReader(from), eventBuffer)
	if err := w.events.PassSnapshot(); err != nil {
		return err
	}
	return w.conn.SetDeadline(time.Time{})
}

// passHead reads the head of an answer that must be a stream.
func passHead(from *bufio.Reader) error {
	first, err := from.ReadSlice('\n')
	if err != nil {
		return fmt.Errorf("watch: %w", err)
	}
	if !bytes.HasPrefix(first, []byte("HTTP/1.1 200")) {
		status := strings.TrimSpace(string(first))
		rest := make([]byte, 1024)
		n, _ := io.ReadAtLeast(from, rest, 1) // it only adds to the error
		if code := text(rest[:n], "code"); code != "" {
			return &refusal{0, code, status}
		}
		return &refusal{0, codeAnswer, "watch: " + status}
	}
	for chunked := false; ; {
		head, err := from.ReadSlice('\n')
		if err != nil {
			return fmt.Errorf("watch: %w", err)
		}
		if len(bytes.TrimSpace(head)) == 0 {
			if !chunked {
				return &refusal{200, codeAnswer, "watch: the answer is no stream"}
			}
			return nil
		}
		name, value, _ := bytes.Cut(head, []byte(":"))
		chunked = chunked || bytes.EqualFold(name, []byte("Transfer-Encoding")) && bytes.EqualFold(bytes.TrimSpace(value), []byte("chunked"))
	}
}

// follow takes events until the stream ends.
func (w *watcher) follow(a *audience) error {
	resyncing := false
	for {
		e, err := w.events.Next()
		if err != nil {
			return err
		}
		switch e.Name {
		case wire.WatchPut:
			if n := changeOf(e.Data); n != 0 {
				a.saw(n, w.shard)
			}
		case wire.WatchResync:
			a.resyncs.Add(1)
			resyncing = true
		case wire.WatchSnapshot:
			if resyncing && rawclient.LastPart(e.Data) {
				resyncing = false
			}
		case wire.WatchDelete:
			if text(e.Data, "reason") == "expired" {
				a.expired.Add(1)
			}
		}
	}
}
