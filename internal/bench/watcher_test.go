package bench

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/roster-sd/roster/internal/bench/rawclient"
)

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
		got, err := w.Next()
		if err != nil || got.Name != want || want == "delete" && !strings.Contains(string(got.Data), registered) {
			t.Fatalf("%s %s, %v, want %s", got.Name, got.Data, err, want)
		}
		if time.Since(before) < 40*time.Millisecond {
			t.Errorf("read %v after the registration", time.Since(before))
		}
	}
	w.close()
	if _, err := w.Next(); err == nil {
		t.Error("a stream that was closed gave an event")
	}
}

func TestWatchThatIsNone(t *testing.T) {
	for name, tc := range map[string]struct {
		handler http.HandlerFunc
		want    error
	}{
		"refused":     {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }, nil},
		"no snapshot": {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "event: put\ndata: {}\n\n") }, rawclient.ErrNoSnapshot},
		"cut":         {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "event: snapshot\nda") }, io.ErrUnexpectedEOF},
	} {
		_, api := fakeServer(t, tc.handler)
		if _, err := api.watch(t.Context()); err == nil || tc.want != nil && !errors.Is(err, tc.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
