package logging

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/lmittmann/tint"
	"github.com/mattn/go-isatty"
)

// The formats of a log.
const (
	Auto = "auto" // Text on a terminal, JSON elsewhere
	Text = "text"
	JSON = "json"
)

// textTime is the time of a line of text: to the millisecond, with date and zone, as
// text is written to files and pipes too.
const textTime = "2006-01-02T15:04:05.000Z07:00"

// terminalTime is the time of a line on a terminal, where the date is known.
const terminalTime = "15:04:05.000"

// Options choose how a log is written. The zero value is level info, format auto, not a
// terminal: JSON.
type Options struct {
	Level    string // debug, info, warn, error; empty is info
	Format   string // Auto, Text, JSON; empty is Auto
	Terminal bool   // w is a terminal; see [IsTerminal]
}

// New makes a logger that writes to w. Text is coloured if w is a terminal and the
// environment variable NO_COLOR is empty. The error names the level or format that it
// does not know.
func New(w io.Writer, o Options) (*slog.Logger, error) {
	level, err := ParseLevel(o.Level)
	if err != nil {
		return nil, err
	}
	switch o.Format {
	case "", Auto:
		if o.Terminal {
			return newText(w, level, o.Terminal), nil
		}
		return newJSON(w, level), nil
	case Text:
		return newText(w, level, o.Terminal), nil
	case JSON:
		return newJSON(w, level), nil
	}
	return nil, fmt.Errorf("log format %q is not known: want auto, text or json", o.Format)
}

func newText(w io.Writer, level slog.Level, terminal bool) *slog.Logger {
	layout := textTime
	if terminal {
		layout = terminalTime
	}
	return slog.New(tint.NewTextHandler(w, &tint.Options{
		Level:       level,
		ReplaceAttr: guardText,
		TimeFormat:  layout,
		NoColor:     !terminal || os.Getenv("NO_COLOR") != "",
	}))
}

func newJSON(w io.Writer, level slog.Level) *slog.Logger {
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: guardJSON}))
}

// ParseLevel reads a level: debug, info, warn or error in any case; empty is info.
func ParseLevel(s string) (slog.Level, error) {
	switch strings.ToLower(s) {
	case "debug":
		return slog.LevelDebug, nil
	case "", "info":
		return slog.LevelInfo, nil
	case "warn":
		return slog.LevelWarn, nil
	case "error":
		return slog.LevelError, nil
	}
	return 0, fmt.Errorf("log level %q is not known: want debug, info, warn or error", s)
}

// IsTerminal tells whether w is a file that is a terminal.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}
