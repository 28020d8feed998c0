package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/roster-sd/roster/wire"
)

// watcher is an open stream of Server-Sent Events. It is for one goroutine, but for close.
type watcher struct {
	from   *bufio.Reader
	body   io.Closer
	cancel context.CancelFunc
}

// frame is an event of a stream. Of long data only the beginning and the end are there.
type frame struct {
	event string
	data  []byte
	at    time.Time // when it had been read
}

// watch follows all services, from behind the snapshot on. It ends with the context. The
// caller closes it.
func (a *API) watch(ctx context.Context) (*watcher, error) {
	ctx, cancel := context.WithCancel(ctx)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.Base+"/registry/watch", nil)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("watch: %w", err)
	}
	resp, err := (&http.Client{Transport: a.HTTP.Transport}).Do(req) //nolint:bodyclose // the watcher closes it; and no timeout
	if err != nil {
		cancel()
		return nil, fmt.Errorf("watch: %w", err)
	}
	w := &watcher{from: bufio.NewReaderSize(resp.Body, 64<<10), body: resp.Body, cancel: cancel}
	if resp.StatusCode != http.StatusOK {
		w.close()
		return nil, fmt.Errorf("watch: status %d", resp.StatusCode)
	}
	timer := time.AfterFunc(3*patience, w.close)
	defer timer.Stop()
	if err := w.passSnapshot(); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

// close ends the stream, also while it is read.
func (w *watcher) close() {
	w.cancel()
	w.body.Close()
}

// errNoSnapshot says that a stream began with something else.
var errNoSnapshot = errors.New("watch: no snapshot first")

// passSnapshot reads to the end of the snapshot.
func (w *watcher) passSnapshot() error {
	for {
		f, err := w.next()
		switch {
		case err != nil:
			return err
		case f.event != wire.WatchSnapshot:
			return fmt.Errorf("%w: %s", errNoSnapshot, f.event)
		}
		if lastPart(f.data) {
			return nil
		}
	}
}

// lastPart tells whether a part of a snapshot is the last one. Its data may lack instances.
func lastPart(data []byte) bool {
	head, rest, _ := bytes.Cut(data, []byte(`"instances"`))
	tail := rest[bytes.LastIndexByte(rest, ']')+1:]
	return bytes.Contains(head, []byte(`"last":true`)) || bytes.Contains(tail, []byte(`"last":true`))
}

// next reads an event; comments are passed over.
func (w *watcher) next() (frame, error) {
	var f frame
	for {
		line, err := w.line()
		if err != nil {
			return frame{}, fmt.Errorf("watch: %w", err)
		}
		name, value, _ := bytes.Cut(line, []byte(": "))
		switch {
		case len(line) == 0 && f.event != "":
			f.at = time.Now()
			return f, nil
		case string(name) == "event":
			f.event = string(value)
		case string(name) == "data":
			f.data = append(f.data, value...)
		}
	}
}

// tailSize is how much is kept of the end of a long line, in bytes.
const tailSize = 64

// line reads a line without its end. Of one that is too long its middle is left out.
func (w *watcher) line() ([]byte, error) {
	line, err := w.from.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		line = bytes.Clone(line)
		var tail, more []byte
		for errors.Is(err, bufio.ErrBufferFull) {
			more, err = w.from.ReadSlice('\n')
			tail = append(tail, more[max(0, len(more)-tailSize):]...)
			tail = tail[max(0, len(tail)-tailSize):]
		}
		line = append(line, tail...)
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF // a server does not end a stream by itself
	}
	return bytes.TrimRight(line, "\r\n"), err
}
