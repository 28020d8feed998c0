package bench

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestLastPart(t *testing.T) {
	for data, want := range map[string]bool{
		`{"part":1,"instances":[{"metadata":{"x":"\"last\":true"}}],"last":false}`: false,
		`{"part":1,"instances":[],"last":true}`:                                    true,
		`{"part":1,"last":true,"instances":[{}]}`:                                  true,
		`{"part":1,"last":false,"instances":[{"metadata":{"last":"true"}}]}`:       false,
	} {
		if lastPart([]byte(data)) != want {
			t.Errorf("%s: %v", data, !want)
		}
	}
}

func TestWatchPassesTheSnapshot(t *testing.T) {
	f := newFake()
	_, api := fakeServer(t, f)
	w, err := api.watch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	before := time.Now()
	registered := register(t, api, "s", "ends", 50*time.Millisecond)
	for _, want := range []string{"put", "delete"} {
		got, err := w.next()
		if err != nil || got.event != want || want == "delete" && !strings.Contains(string(got.data), registered) {
			t.Fatalf("%s %s, %v, want %s", got.event, got.data, err, want)
		}
		if got.at.Before(before.Add(40 * time.Millisecond)) {
			t.Errorf("read %v after the registration", got.at.Sub(before))
		}
	}
	w.close()
	if _, err := w.next(); err == nil {
		t.Error("a stream that was closed gave an event")
	}
}

// A line longer than the buffer keeps its beginning and its end.
func TestLongLines(t *testing.T) {
	for _, n := range []int{10, 70 << 10, 64<<10 - 7, 64<<10 - 6, 3 * 64 << 10} {
		text := "data: " + strings.Repeat("x", n) + "]tail"
		w := &watcher{from: bufio.NewReaderSize(strings.NewReader(text+"\r\nnext\n"), 64<<10)}
		line, err := w.line()
		if err != nil || !strings.HasPrefix(string(line), "data: xxx") || !strings.HasSuffix(string(line), "]tail") || len(line) > len(text) {
			t.Errorf("%d: %d bytes, %v", n, len(line), err)
		}
		if line, err := w.line(); err != nil || string(line) != "next" {
			t.Errorf("%d: then %q, %v", n, line, err)
		}
	}
}

func TestWatchThatIsNone(t *testing.T) {
	for name, tc := range map[string]struct {
		handler http.HandlerFunc
		want    error
	}{
		"refused":     {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }, nil},
		"no snapshot": {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "event: put\ndata: {}\n\n") }, errNoSnapshot},
		"cut":         {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "event: snapshot\nda") }, io.ErrUnexpectedEOF},
	} {
		_, api := fakeServer(t, tc.handler)
		if _, err := api.watch(t.Context()); err == nil || tc.want != nil && !errors.Is(err, tc.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
