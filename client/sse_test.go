package client

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// collect renders all events of a stream, and the error at its end.
func collect(r io.Reader, limit int) ([]string, error) {
	d := newDecoder(r, limit)
	var got []string
	for {
		m, err := d.next()
		if err != nil {
			return got, err
		}
		text := fmt.Sprintf("%s %q", m.event, m.data)
		if m.hasID {
			text += fmt.Sprintf(" id=%q", m.id)
		}
		got = append(got, text)
	}
}

func TestDecoder(t *testing.T) {
	for name, test := range map[string]struct {
		stream string
		want   []string
	}{
		"one":                  {"data: a\n\n", []string{`message "a"`}},
		"named, with an id":    {"event: put\nid: e.1\ndata: {}\n\n", []string{`put "{}" id="e.1"`}},
		"CR":                   {"data: a\r\rdata: b\r\r", []string{`message "a"`, `message "b"`}},
		"CRLF":                 {"data: a\r\n\r\ndata: b\r\n\r\n", []string{`message "a"`, `message "b"`}},
		"mixed ends":           {"data: a\r\n\ndata: b\n\rdata: c\r\r\n", []string{`message "a"`, `message "b"`, `message "c"`}},
		"several data lines":   {"data: a\ndata\ndata:b\ndata:  c\n\n", []string{`message "a\n\nb\n c"`}},
		"comments":             {": hello\n\n:\ndata: a\n: between\n\n", []string{`message "a"`}},
		"a field without data": {"event: put\n\ndata: a\n\n", []string{`message "a"`}},
		"empty data":           {"data\n\n", []string{`message ""`}},
		"id alone":             {"id: 7\n\n", []string{` "" id="7"`}},
		"empty id":             {"id\ndata: a\n\n", []string{`message "a" id=""`}},
		"id with NUL":          {"id: a\x00b\ndata: a\n\n", []string{`message "a"`}},
		"unknown fields":       {"datax: a\nnonsense\nDATA: a\ndata: b\n\n", []string{`message "b"`}},
		"byte order mark":      {"\xef\xbb\xbfdata: a\n\n\xef\xbb\xbfdata: b\n\n", []string{`message "a"`}},
		"cut off":              {"data: a\n\ndata: b\n", []string{`message "a"`}},
		"cut in a line":        {"data: a\n\ndata", []string{`message "a"`}},
		"colon in the value":   {"data: {\"a\":1}\n\n", []string{`message "{\"a\":1}"`}},
		"the id is not kept":   {"id: 1\ndata: a\n\ndata: b\n\n", []string{`message "a" id="1"`, `message "b"`}},
	} {
		for kind, r := range map[string]io.Reader{
			"at once":      strings.NewReader(test.stream),
			"byte by byte": iotest.OneByteReader(strings.NewReader(test.stream)),
		} {
			got, err := collect(r, 1<<20)
			if !errors.Is(err, io.EOF) || fmt.Sprint(got) != fmt.Sprint(test.want) {
				t.Errorf("%s, %s: %v, %v; want %v", name, kind, got, err, test.want)
			}
		}
	}
}

func TestDecoderRetry(t *testing.T) {
	for stream, want := range map[string]time.Duration{
		"retry: 1500\n\n": 1500 * time.Millisecond, "retry: 1.5\n\n": 0, "retry: -1\n\n": 0,
		"retry: 99999999999999999999\n\n": 0, "retry: +5\n\n": 0, "retry\n\n": 0,
	} {
		d := newDecoder(strings.NewReader(stream), 100)
		if _, err := d.next(); !errors.Is(err, io.EOF) || d.retry != want {
			t.Errorf("%q: retry %v, %v; want %v", stream, d.retry, err, want)
		}
	}
}

func TestDecoderBounds(t *testing.T) {
	for name, stream := range map[string]string{
		"a line":     "data: " + strings.Repeat("x", 200),
		"a comment":  ":" + strings.Repeat("x", 200),
		"many lines": strings.Repeat("data: 0123456789\n", 20) + "\n",
	} {
		if _, err := collect(strings.NewReader(stream), 100); !errors.Is(err, errEventTooLarge) {
			t.Errorf("%s: error %v, want too large", name, err)
		}
	}
	// The bound is for one event, not for the stream.
	if got, err := collect(strings.NewReader(strings.Repeat("data: 0123456789\n\n", 20)), 100); len(got) != 20 {
		t.Errorf("%d events, %v; want 20", len(got), err)
	}
}

// An event must not wait for the LF after a CR, or for the next event.
func TestDecoderDoesNotWait(t *testing.T) {
	for _, stream := range []string{"data: a\n\n", "data: a\r\r", "data: a\r\n\r"} {
		r, w := io.Pipe()
		go func() { _, _ = io.WriteString(w, stream) }() // ends once the decoder has read all
		if m, err := newDecoder(r, 100).next(); err != nil || string(m.data) != "a" {
			t.Errorf("%q: %+v, %v", stream, m, err)
		}
		_ = r.Close()
	}
}

// plain reads a whole stream in the most obvious way.
func plain(stream string) []string {
	stream = strings.TrimPrefix(stream, "\xef\xbb\xbf")
	stream = strings.ReplaceAll(strings.ReplaceAll(stream, "\r\n", "\n"), "\r", "\n")
	lines := strings.Split(stream, "\n")
	var got []string
	var event, id string
	var data []string
	hasID := false
	for _, line := range lines[:len(lines)-1] {
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case line == "":
			if data != nil || hasID {
				text := strings.Join(data, "\n")
				switch {
				case data == nil:
					event = ""
				case event == "":
					event = "message"
				}
				line := fmt.Sprintf("%s %q", event, text)
				if hasID {
					line += fmt.Sprintf(" id=%q", id)
				}
				got = append(got, line)
			}
			event, id, data, hasID = "", "", nil, false
		case name == "event":
			event = value
		case name == "data":
			data = append(data, value)
		case name == "id" && !strings.Contains(value, "\x00"):
			id, hasID = value, true
		}
	}
	return got
}

func FuzzDecoder(f *testing.F) {
	for _, seed := range []string{
		"data: a\n\n", "event: put\r\nid: e.1\r\ndata: {}\r\n\r\n", "\xef\xbb\xbfid\rdata\rdata:\r\r",
		": c\n\nretry: 5\nevent: x\n\n", "data: a\r", "id: 1\n\n\n\r\n\r",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		want := plain(string(stream))
		for name, r := range map[string]io.Reader{
			"at once":      bytes.NewReader(stream),
			"byte by byte": iotest.OneByteReader(bytes.NewReader(stream)),
			"in halves":    iotest.HalfReader(bytes.NewReader(stream)),
		} {
			got, err := collect(r, 1<<20)
			if !errors.Is(err, io.EOF) || fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("%s: %q gives %v, %v; want %v", name, stream, got, err, want)
			}
		}
	})
}
