package client

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strconv"
	"time"
)

// message is one event of a stream.
type message struct {
	event string // "message" where the stream names none
	data  []byte // good until the next call
	id    string // that this event itself set
	hasID bool
}

// decoder reads the event stream format as the HTML standard describes it ("Interpreting
// an event stream"): lines end in CR, LF or CRLF, data lines are joined by LF, an event
// that the stream cuts off is dropped.
type decoder struct {
	src *bufio.Reader
	max int // bytes of a line, and of an event's data
	// retry is the delay that the stream asked for last; 0 if it did not.
	retry time.Duration

	begun  bool // past the place of a byte order mark
	skipLF bool // a CR ended the last line; an LF right after it belongs to that
	line   []byte
	data   []byte
	event  string
	id     string
	hasID  bool
}

var errEventTooLarge = errors.New("an event of the stream is too large")

func newDecoder(r io.Reader, limit int) *decoder {
	return &decoder{src: bufio.NewReaderSize(r, 16<<10), max: limit}
}

// next gives the next event. An event is given as soon as its last line has ended, also
// where that ends in a CR whose LF has not arrived.
func (d *decoder) next() (message, error) {
	d.reset()
	for {
		line, err := d.readLine()
		if err != nil {
			return message{}, err
		}
		if len(line) > 0 {
			if err := d.field(line); err != nil {
				return message{}, err
			}
			continue
		}
		if len(d.data) == 0 {
			if d.hasID { // an id without data still moves the position
				m := message{id: d.id, hasID: true}
				return m, nil
			}
			d.reset()
			continue
		}
		m := message{event: d.event, data: d.data[:len(d.data)-1], id: d.id, hasID: d.hasID}
		if m.event == "" {
			m.event = "message"
		}
		return m, nil
	}
}

func (d *decoder) reset() {
	d.data, d.event, d.id, d.hasID = d.data[:0], "", "", false
}

func (d *decoder) field(line []byte) error {
	name, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.TrimPrefix(value, []byte(" "))
	switch string(name) {
	case "event":
		d.event = string(value)
	case "data":
		if len(d.data)+len(value)+1 > d.max {
			return errEventTooLarge
		}
		d.data = append(append(d.data, value...), '\n')
	case "id":
		if !bytes.Contains(value, []byte{0}) {
			d.id, d.hasID = string(value), true
		}
	case "retry":
		if ms, err := strconv.ParseUint(string(value), 10, 31); err == nil {
			d.retry = time.Duration(ms) * time.Millisecond
		}
	}
	return nil // a comment, or a field to ignore
}

// readLine gives a line without its end, good until the next call.
func (d *decoder) readLine() ([]byte, error) {
	d.line = d.line[:0]
	for {
		if _, err := d.src.Peek(1); err != nil {
			return nil, err
		}
		chunk, _ := d.src.Peek(d.src.Buffered())
		if d.skipLF {
			d.skipLF = false
			if chunk[0] == '\n' {
				d.discard(1)
				continue
			}
		}
		end := bytes.IndexAny(chunk, "\r\n")
		part := chunk
		if end >= 0 {
			part = chunk[:end]
		}
		if len(d.line)+len(part) > d.max {
			return nil, errEventTooLarge
		}
		d.line = append(d.line, part...)
		if end < 0 {
			d.discard(len(chunk))
			continue
		}
		d.skipLF = chunk[end] == '\r'
		d.discard(end + 1)
		if !d.begun {
			d.begun = true
			d.line = bytes.TrimPrefix(d.line, []byte("\xef\xbb\xbf"))
		}
		return d.line, nil
	}
}

// more tells whether a whole event is buffered, which next would give without reading.
// It knows the line ends that Roster writes; of others it says no, which is safe.
func (d *decoder) more() bool {
	chunk, _ := d.src.Peek(d.src.Buffered())
	return bytes.Contains(chunk, []byte("\n\n"))
}

func (d *decoder) discard(n int) { _, _ = d.src.Discard(n) } // n bytes are buffered: it cannot fail
