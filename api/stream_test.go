package api_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/roster-sd/roster/wire"
)

// stream is an event stream as a client reads it.
type stream struct {
	t      *testing.T
	header http.Header
	lines  *bufio.Reader
	leave  func() // the client goes away
}

// frame is what stands between two blank lines.
type frame struct {
	event, data, id string
	hasID           bool
	comment         string
}

// watch opens a stream, which is closed at the end of the test at the latest.
func (n *node) watch(path string, opts ...option) *stream {
	n.t.Helper()
	ctx, leave := context.WithCancel(context.Background())
	res, err := n.send(n.request("GET", path, nil, opts...).WithContext(ctx))
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() {
		leave()
		res.Body.Close()
	})
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/event-stream" || res.Header.Get("Cache-Control") != "no-store" {
		text, _ := io.ReadAll(io.LimitReader(res.Body, 1000))
		n.t.Fatalf("watch: %s, %v: %s", res.Status, res.Header, text)
	}
	return &stream{t: n.t, header: res.Header, lines: bufio.NewReaderSize(res.Body, 1<<16), leave: leave}
}

// frame reads the next frame; io.EOF where the server has ended the stream.
func (s *stream) frame() (frame, error) {
	var f frame
	for {
		line, err := s.lines.ReadString('\n')
		if err != nil {
			return f, err
		}
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case line == "\n":
			return f, nil
		case name == "":
			f.comment = value
		case name == "event":
			f.event = value
		case name == "data":
			f.data = value
		case name == "id":
			f.id, f.hasID = value, true
		}
	}
}

// next reads an event of the name.
func (s *stream) next(event string) frame {
	s.t.Helper()
	f, err := s.frame()
	if err != nil || f.event != event {
		s.t.Fatalf("%+.300v, %v, want %s", f, err, event)
	}
	return f
}

// comment reads a comment that holds the text.
func (s *stream) comment(text string) frame {
	s.t.Helper()
	f, err := s.frame()
	if err != nil || f.event != "" || f.data != "" || !strings.Contains(f.comment, text) {
		s.t.Fatalf("%+.300v, %v, want the comment %s", f, err, text)
	}
	return f
}

// end reads the end of the stream.
func (s *stream) end() {
	s.t.Helper()
	if f, err := s.frame(); err != io.EOF {
		s.t.Fatalf("%+.300v, %v, want the end", f, err)
	}
}

// snapshot reads a snapshot to its end. It gives its instances, how many stand in each
// part, and its position.
func (s *stream) snapshot() (list []wire.Instance, parts []int, position string) {
	s.t.Helper()
	for {
		f := s.next(wire.WatchSnapshot)
		var part wire.SnapshotPart
		s.decode(f, &part)
		list, parts = append(list, part.Instances...), append(parts, len(part.Instances))
		if part.Part != len(parts) || part.Last != f.hasID {
			s.t.Fatalf("part %d after %d, last %t, id %q", part.Part, len(parts)-1, part.Last, f.id)
		}
		if part.Last {
			return list, parts, f.id
		}
	}
}

func (s *stream) decode(f frame, into any) {
	s.t.Helper()
	if err := json.Unmarshal([]byte(f.data), into); err != nil {
		s.t.Fatalf("%s: %v: %s", f.event, err, f.data)
	}
}

func (s *stream) put() (wire.Instance, frame) {
	s.t.Helper()
	var in wire.Instance
	f := s.next(wire.WatchPut)
	s.decode(f, &in)
	return in, f
}

func (s *stream) deleted() (wire.Deleted, frame) {
	s.t.Helper()
	var d wire.Deleted
	f := s.next(wire.WatchDelete)
	s.decode(f, &d)
	return d, f
}

// told reads so many events, and says what they tell.
func (s *stream) told(count int) string {
	s.t.Helper()
	var out []string
	for range count {
		f, err := s.frame()
		if err != nil {
			s.t.Fatal(err)
		}
		var d wire.Deleted
		s.decode(f, &d)
		out = append(out, strings.TrimSuffix(fmt.Sprintf("%s %s %s", f.event, d.InstanceID, d.Reason), " "))
	}
	return strings.Join(out, "; ")
}
