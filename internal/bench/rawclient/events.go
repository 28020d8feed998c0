package rawclient

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/roster-sd/roster/wire"
)

// Events reads a stream of Server-Sent Events as Roster writes it. It is for one goroutine.
type Events struct {
	from *bufio.Reader
	name []byte
	data []byte
	long []byte // a line that did not fit into the buffer
}

// Event is an event of a stream. Of long data only the beginning and the end are there. It is
// valid until the next one is read.
type Event struct {
	Name string
	Data []byte
}

// NewEvents reads events from a body. Of a line longer than size, in bytes, the middle is
// left out.
func NewEvents(from io.Reader, size int) *Events {
	return &Events{from: bufio.NewReaderSize(from, size)}
}

// ErrNoSnapshot says that a stream began with something else.
var ErrNoSnapshot = errors.New("watch: no snapshot first")

// PassSnapshot reads to the end of the snapshot.
func (e *Events) PassSnapshot() error {
	for {
		f, err := e.Next()
		switch {
		case err != nil:
			return err
		case f.Name != wire.WatchSnapshot:
			return fmt.Errorf("%w: %s", ErrNoSnapshot, f.Name)
		}
		if LastPart(f.Data) {
			return nil
		}
	}
}

// LastPart tells whether a part of a snapshot is the last one. Its data may lack instances.
func LastPart(data []byte) bool {
	head, rest, _ := bytes.Cut(data, []byte(`"instances"`))
	tail := rest[bytes.LastIndexByte(rest, ']')+1:]
	return bytes.Contains(head, []byte(`"last":true`)) || bytes.Contains(tail, []byte(`"last":true`))
}

// Next reads an event; comments are passed over.
func (e *Events) Next() (Event, error) {
	e.name, e.data = e.name[:0], e.data[:0]
	for {
		line, err := e.line()
		if err != nil {
			return Event{}, fmt.Errorf("watch: %w", err)
		}
		name, value, _ := bytes.Cut(line, []byte(": "))
		switch {
		case len(line) == 0 && len(e.name) > 0:
			return Event{Name: known(e.name), Data: e.data}, nil
		case string(name) == "event":
			e.name = append(e.name[:0], value...)
		case string(name) == "data":
			e.data = append(e.data, value...)
		}
	}
}

// known gives the name of an event, without an allocation where it is one of Roster's.
func known(name []byte) string {
	switch string(name) {
	case wire.WatchPut:
		return wire.WatchPut
	case wire.WatchDelete:
		return wire.WatchDelete
	case wire.WatchSnapshot:
		return wire.WatchSnapshot
	case wire.WatchResync:
		return wire.WatchResync
	}
	return string(name)
}

// tailSize is how much is kept of the end of a long line, in bytes.
const tailSize = 64

// line reads a line without its end. Of one that is too long its middle is left out.
func (e *Events) line() ([]byte, error) {
	line, err := e.from.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		e.long = append(e.long[:0], line...)
		var tail, more []byte
		for errors.Is(err, bufio.ErrBufferFull) {
			more, err = e.from.ReadSlice('\n')
			tail = append(tail, more[max(0, len(more)-tailSize):]...)
			tail = tail[max(0, len(tail)-tailSize):]
		}
		e.long = append(e.long, tail...)
		line = e.long
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF // a server does not end a stream by itself
	}
	return bytes.TrimRight(line, "\r\n"), err
}
