package apicheck

import (
	"bytes"
	"io"
	"strings"
)

// event is one Server-Sent Event.
type event struct {
	name, id, data string
	hasID, hasData bool
}

// observer is told of the events of a stream as they are read.
type observer interface {
	event(event)
	position(id string) // an id without an event
	malformed(line string)
	cut() // the stream ended within an event
}

// eventStream is the body of an event stream; it passes the bytes on as they come and
// tells an observer what they say.
type eventStream struct {
	body     io.ReadCloser
	observer observer
	line     []byte // what was read of a line without its end
	pending  event
	some     bool // pending has a field
	ended    bool
}

func newEventStream(body io.ReadCloser, o observer) *eventStream {
	return &eventStream{body: body, observer: o}
}

// Read implements io.Reader.
func (s *eventStream) Read(p []byte) (int, error) {
	n, err := s.body.Read(p)
	s.feed(p[:n])
	if err == io.EOF && !s.ended {
		s.ended = true
		if s.some || len(s.line) > 0 {
			s.observer.cut()
		}
	}
	return n, err
}

// Close implements io.Closer. A reader may leave a stream where it likes.
func (s *eventStream) Close() error { return s.body.Close() }

func (s *eventStream) feed(p []byte) {
	s.line = append(s.line, p...)
	for {
		end := bytes.IndexByte(s.line, '\n')
		if end < 0 {
			return
		}
		line := strings.TrimSuffix(string(s.line[:end]), "\r")
		s.line = s.line[end+1:]
		s.take(line)
	}
}

func (s *eventStream) take(line string) {
	if line == "" {
		switch {
		case s.pending.hasData:
			s.observer.event(s.pending)
		case s.pending.name != "":
			// To a client it would be no event at all (WHATWG HTML, 9.2.6).
			s.observer.malformed("event: " + s.pending.name + ", without data")
		case s.pending.hasID:
			s.observer.position(s.pending.id)
		}
		s.pending, s.some = event{}, false
		return
	}
	field, value, _ := strings.Cut(line, ":")
	value = strings.TrimPrefix(value, " ")
	switch field {
	case "": // a comment
		return
	case "retry": // says nothing of an event
		return
	case "event":
		s.pending.name = value
	case "id":
		s.pending.id, s.pending.hasID = value, true
	case "data":
		if s.pending.hasData {
			s.pending.data += "\n"
		}
		s.pending.data += value
		s.pending.hasData = true
	default:
		s.observer.malformed(line)
		return
	}
	s.some = true
}
