// Package testlog keeps the logs of what a test starts out of its output, which is cut where
// it is long: only a test that failed shows the end of them.
package testlog

import (
	"strings"
	"sync"
	"testing"
)

// Lines is how many lines of a log are shown.
const Lines = 100

// Log is a log in memory. Several goroutines may write to it.
type Log struct {
	mu    sync.Mutex
	lines []string
	cut   bool
}

// New gives a log whose end is shown when the test has failed, after the test's own cleanup of
// what was started later. Each write is a line, as log handlers write them.
func New(t testing.TB) *Log {
	l := &Log{}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log:\n%s", l)
		}
	})
	return l
}

// Write adds a line.
func (l *Log) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, string(line))
	if len(l.lines) > 2*Lines {
		l.lines = append(l.lines[:0], l.lines[len(l.lines)-Lines:]...)
		l.cut = true
	}
	return len(line), nil
}

// String gives the last lines.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := strings.Join(l.lines, "")
	if l.cut {
		text = "...\n" + text
	}
	return Last(text)
}

// Last gives the last lines of a text, after three dots where that is not all.
func Last(text string) string {
	rest := strings.TrimSuffix(text, "\n")
	at := len(rest)
	for range Lines {
		if at = strings.LastIndexByte(rest[:at], '\n'); at < 0 {
			return text
		}
	}
	return "...\n" + text[at+1:]
}
