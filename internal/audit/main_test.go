package audit

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// stream is a buffer that is read while it is written, and that can be made to fail.
type stream struct {
	mu    sync.Mutex
	buf   bytes.Buffer
	fails error
	takes int // bytes that it takes before it fails
}

func (s *stream) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fails == nil {
		return s.buf.Write(p)
	}
	n := min(s.takes, len(p))
	s.takes -= n
	s.buf.Write(p[:n])
	return n, s.fails
}

func (s *stream) fail(err error, takes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fails, s.takes = err, takes
}

func (s *stream) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.String()
}

// opened gives a log, and what it tells of itself. The test ends it.
func opened(t *testing.T, o Options) (*Log, *stream) {
	t.Helper()
	told := &stream{}
	o.Node, o.Logger = "n1", slog.New(slog.NewTextHandler(told, nil))
	l, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return l, told
}

func closed(t *testing.T, l *Log) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

// entry is a line as it was written.
type entry map[string]any

// entries reads lines, each of which must be a JSON object.
func entries(t *testing.T, text string) []entry {
	t.Helper()
	var out []entry
	for line := range strings.Lines(text) {
		var e entry
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		out = append(out, e)
	}
	return out
}

// kinds counts the lines of each kind.
func kinds(list []entry) map[string]int {
	n := map[string]int{}
	for _, e := range list {
		n[e["kind"].(string)]++
	}
	return n
}
