package logging

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"
)

func mustNew(t testing.TB, w io.Writer, o Options) *slog.Logger {
	t.Helper()
	l, err := New(w, o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestFormats(t *testing.T) {
	tests := []struct {
		name    string
		options Options
		noColor string
		json    bool
		colour  bool
	}{
		{"zero value is JSON", Options{}, "", true, false},
		{"auto on a terminal is coloured text", Options{Format: Auto, Terminal: true}, "", false, true},
		{"auto elsewhere is JSON", Options{Format: Auto}, "", true, false},
		{"text on a terminal is coloured", Options{Format: Text, Terminal: true}, "", false, true},
		{"text elsewhere is plain", Options{Format: Text}, "", false, false},
		{"JSON on a terminal stays JSON", Options{Format: JSON, Terminal: true}, "", true, false},
		{"NO_COLOR takes the colour", Options{Terminal: true}, "1", false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("NO_COLOR", tt.noColor)
			var buf bytes.Buffer
			mustNew(t, &buf, tt.options).Info("started", "listen", ":8443")
			line := buf.String()
			if json.Valid(buf.Bytes()) != tt.json {
				t.Errorf("JSON is %v, want %v: %q", !tt.json, tt.json, line)
			}
			if got := strings.Contains(line, "\x1b["); got != tt.colour {
				t.Errorf("colour is %v, want %v: %q", got, tt.colour, line)
			}
			for _, want := range []string{"started", "listen", ":8443"} {
				if !strings.Contains(line, want) {
					t.Errorf("%q is missing in %q", want, line)
				}
			}
		})
	}
}

func TestLevels(t *testing.T) {
	for level, want := range map[string]int{"debug": 4, "": 3, "info": 3, "WARN": 2, "error": 1} {
		for _, format := range []string{Text, JSON} {
			var buf bytes.Buffer
			l := mustNew(t, &buf, Options{Level: level, Format: format})
			l.Debug("d")
			l.Info("i")
			l.Warn("w")
			l.Error("e")
			if got := strings.Count(buf.String(), "\n"); got != want {
				t.Errorf("level %q, %s: %d lines, want %d", level, format, got, want)
			}
		}
	}
}

func TestUnknownOptions(t *testing.T) {
	tests := []struct {
		options Options
		want    string
	}{
		{Options{Level: "verbose"}, `log level "verbose" is not known: want debug, info, warn or error`},
		{Options{Format: "xml"}, `log format "xml" is not known: want auto, text or json`},
	}
	for _, tt := range tests {
		l, err := New(io.Discard, tt.options)
		if err == nil || err.Error() != tt.want {
			t.Errorf("New(%+v): error %v, want %q", tt.options, err, tt.want)
		}
		if l != nil {
			t.Errorf("New(%+v) gave a logger beside the error", tt.options)
		}
	}
}

func TestIsTerminal(t *testing.T) {
	if IsTerminal(&bytes.Buffer{}) {
		t.Error("a buffer is no terminal")
	}
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if IsTerminal(null) {
		t.Error("the null device is a character device, but no terminal")
	}
}
