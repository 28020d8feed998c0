package apicheck

import (
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
)

const (
	snapshot = "event: snapshot\nid: a.1\ndata: {\"part\":1,\"last\":true,\"instances\":[]}\n\n"
	put      = "event: put\nid: a.2\ndata: " + good + "\n\n"
	deleted  = "event: delete\nid: a.3\ndata: {\"serviceName\":\"auth\",\"instanceId\":\"a-1\",\"revision\":\"a.3\",\"reason\":\"expired\"}\n\n"
	resync   = "event: resync\ndata: {}\n\n"
	firstOf2 = "event: snapshot\ndata: {\"part\":1,\"last\":false,\"instances\":[" + good + "]}\n\n"
	lastOf2  = "event: snapshot\nid: a.1\ndata: {\"part\":2,\"last\":true,\"instances\":[]}\n\n"
)

func TestStreams(t *testing.T) {
	for _, c := range []struct {
		name    string
		stream  string
		resumes bool
		want    string
	}{
		{"as described", snapshot + put + ": quiet\n\n: quiet\nid: a.2\n\n" + deleted, false, ""},
		{"a snapshot in parts", firstOf2 + lastOf2 + put, false, ""},
		{"several events a revision", snapshot + strings.Replace(put, "id: a.2\n", "", 1) + put, false, ""},
		{"resumed", put + deleted, true, ""},
		{"resynchronised", snapshot + put + resync + snapshot + deleted, false, ""},
		{"resynchronised between parts", firstOf2 + resync + firstOf2 + lastOf2, false, ""},
		{"line ends of Windows, and a retry", strings.ReplaceAll("retry: 100\n\n"+snapshot, "\n", "\r\n"), false, ""},
		{"data on two lines", strings.Replace(snapshot, `,"last"`, "\ndata: ,\"last\"", 1), false, ""},
		{"nothing", "", false, ""},

		{"unknown field of the data", snapshot + strings.Replace(put, `"port"`, `"extra":1,"port"`, 1), false, "event put: /extra: is not in the description"},
		{"wrong type in the data", snapshot + strings.Replace(deleted, `"expired"`, `7`, 1), false, "event delete: /reason"},
		{"data of another event", snapshot + strings.Replace(put, "event: put", "event: delete", 1), false, "event delete: "},
		{"data that is not JSON", "event: snapshot\nid: a.1\ndata: {\n\n", false, "not JSON"},
		{"no data", snapshot + "event: resync\n\n", false, "event: resync, without data"},
		{"data of a resync", snapshot + "event: resync\ndata: {\"why\":1}\n\n", false, "/why: is not in the description"},
		{"unknown event", snapshot + "event: boom\ndata: {}\n\n", false, `event "boom" is not in the description`},
		{"event without a name", snapshot + "data: {}\n\n", false, `event "" is not in the description`},
		{"bad id", strings.Replace(snapshot, "id: a.1", "id: a 1", 1), false, "stream: id: "},
		{"bad id alone", snapshot + ": quiet\nid: a 1\n\n", false, "stream: id: "},
		{"unknown field", "evnt: put\n\n", false, `malformed: "evnt: put"`},
		{"cut within an event", snapshot + "event: put\n", false, "ended within an event"},
		{"cut within a line", snapshot + "event: pu", false, "ended within an event"},
		{"no snapshot", put, false, "event put before the snapshot is complete"},
		{"a change between parts", firstOf2 + put + lastOf2, false, "event put before the snapshot is complete"},
		{"a change after a resync", snapshot + resync + put, false, "event put before the snapshot is complete"},
		{"a part is missing", lastOf2, false, "part 2 of a snapshot after part 0"},
		{"an id before the last part", strings.Replace(firstOf2, "data:", "id: a.1\ndata:", 1) + lastOf2, false, "last is false, but an id is given: true"},
		{"no id on the last part", strings.Replace(snapshot, "id: a.1\n", "", 1), false, "last is true, but an id is given: false"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := request("GET", "/registry/watch?service=auth&service=orders&zone=x", "")
			if c.resumes {
				r.Header.Set("Last-Event-ID", "a.1")
			}
			wants(t, send(t, r, answer(200, "text/event-stream", c.stream)), c.want)
		})
	}
}

func TestEventsAreCheckedAsTheyCome(t *testing.T) {
	reader, writer := io.Pipe()
	rec := &recorder{TB: t}
	base := roundTripper(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Request: r, Body: reader, Header: http.Header{
			"Content-Type": {"text/event-stream"}, "Registry-Revision": {"a.1"},
		}}, nil
	})
	resp, err := New(rec).Transport(base).RoundTrip(request("GET", "/registry/watch", ""))
	if err != nil {
		t.Fatal(err)
	}
	written := make(chan error, 1)
	go func() {
		_, err := io.WriteString(writer, snapshot+"event: boom\ndata: {}\n\n")
		written <- err
	}()
	got := make([]byte, len(snapshot)+len("event: boom\ndata: {}\n\n"))
	if _, err := io.ReadFull(resp.Body, got); err != nil {
		t.Fatal(err)
	}
	if err := <-written; err != nil {
		t.Fatal(err)
	}
	wants(t, rec.errors, `event "boom"`) // and the stream is still open
	if !strings.HasPrefix(string(got), snapshot) {
		t.Errorf("the reader got %q", got)
	}
	if err := resp.Body.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := writer.Write([]byte("x")); err != io.ErrClosedPipe {
		t.Errorf("the body was not closed: %v", err)
	}
}

func TestNothingIsReportedAfterTheTest(t *testing.T) {
	rec := &recorder{TB: t}
	resp, err := New(rec).Transport(handler(answer(200, "text/event-stream", "event: boom\ndata: {}\n\n"))).
		RoundTrip(request("GET", "/registry/watch", ""))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range rec.after {
		f()
	}
	if _, err := io.ReadAll(resp.Body); err != nil {
		t.Fatal(err)
	}
	wants(t, rec.errors, "")
}

// What is observed must not depend on how a stream was cut into reads.
func TestEventsAreTheSameByteForByte(t *testing.T) {
	text := snapshot + ": comment\n\nevent: put\ndata: {\ndata: }\n\nid\n\n"
	want := []event{
		{name: "snapshot", id: "a.1", hasID: true, hasData: true, data: `{"part":1,"last":true,"instances":[]}`},
		{name: "put", hasData: true, data: "{\n}"},
	}
	for name, r := range map[string]io.Reader{
		"at once":       strings.NewReader(text),
		"byte by byte":  iotest.OneByteReader(strings.NewReader(text)),
		"end with data": iotest.DataErrReader(strings.NewReader(text)),
	} {
		var got collected
		read, err := io.ReadAll(newEventStream(io.NopCloser(r), &got))
		if err != nil || string(read) != text {
			t.Errorf("%s: read %q, %v", name, read, err)
		}
		if !reflect.DeepEqual(got.events, want) || !reflect.DeepEqual(got.ids, []string{""}) {
			t.Errorf("%s: got %+v, %q", name, got.events, got.ids)
		}
	}
}

type collected struct {
	events []event
	ids    []string
}

func (c *collected) event(e event)      { c.events = append(c.events, e) }
func (c *collected) position(id string) { c.ids = append(c.ids, id) }
func (c *collected) malformed(string)   {}
func (c *collected) cut()               {}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
