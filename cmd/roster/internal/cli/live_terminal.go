package cli

import (
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// What a terminal is told. The other screen is used, so that nothing of what was there is
// lost. Lines do not wrap: should a terminal take a character for wider than we do, its
// line is cut short and no other moves.
const (
	enterScreen = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[H\x1b[2J"
	leaveScreen = "\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l"
	clearScreen = "\x1b[H\x1b[2J"
	clearLine   = "\x1b[2K"
	beginUpdate = "\x1b[?2026h" // what follows shows at once; others pass over it
	endUpdate   = "\x1b[?2026l"
)

// Codes of the look of text, beside the colours.
const (
	bold = "1"
	dim  = "2"
)

func (b *board) paint(code, s string) string {
	if s == "" || code == "" || !b.colour {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

// terminal is a screen and perhaps a keyboard, taken over by enter until leave. All
// methods are for one goroutine.
type terminal struct {
	out   io.Writer
	fd    int
	in    *os.File // nil: no keyboard
	raw   *term.State
	lines []string // on the screen; nil: it is not known what is
}

// newTerminal takes standard output, and standard input if that is a terminal too. It
// gives nil where output is none, or one that cannot do more than print.
func newTerminal(env Env) *terminal {
	out, ok := env.Stdout.(*os.File)
	if !ok || !env.Terminal || !term.IsTerminal(int(out.Fd())) || env.Getenv("TERM") == "dumb" {
		return nil
	}
	t := &terminal{out: out, fd: int(out.Fd())}
	if in, ok := env.Stdin.(*os.File); ok && keyboards && term.IsTerminal(int(in.Fd())) {
		t.in = in
	}
	return t
}

// enter takes the terminal over.
func (t *terminal) enter() error {
	if t.in != nil {
		state, err := term.MakeRaw(int(t.in.Fd()))
		if err != nil {
			return fmt.Errorf("prepare the terminal: %w", err)
		}
		t.raw = state
	}
	t.lines = nil
	_, err := io.WriteString(t.out, enterScreen)
	return written(err)
}

// leave gives the terminal back as it was. It may be called more than once.
func (t *terminal) leave() error {
	_, err := io.WriteString(t.out, leaveScreen)
	if t.raw != nil { // also where nothing can be written any more
		if failed := term.Restore(int(t.in.Fd()), t.raw); failed != nil {
			return fmt.Errorf("restore the terminal: %w", failed)
		}
		t.raw = nil
	}
	return written(err)
}

// size gives the width and height, and the usual one where the terminal does not tell.
func (t *terminal) size() (width, height int) {
	width, height, err := term.GetSize(t.fd)
	if err != nil || width <= 0 || height <= 0 {
		return 80, 24
	}
	return width, height
}

// forget makes the next draw write every line.
func (t *terminal) forget() { t.lines = nil }

// draw brings the picture onto the screen, in one write, and only the lines that differ.
func (t *terminal) draw(lines []string) error {
	update := difference(t.lines, lines)
	t.lines = lines
	if update == "" {
		return nil
	}
	_, err := io.WriteString(t.out, beginUpdate+update+endUpdate)
	return written(err)
}

// difference gives what makes one picture the other. Lines are addressed by number, so
// that one that goes wrong spoils no other.
func difference(old, lines []string) string {
	var b strings.Builder
	if old == nil {
		b.WriteString(clearScreen)
	}
	for i := range max(len(old), len(lines)) {
		line := ""
		if i < len(lines) {
			line = lines[i]
		}
		if i < len(old) && old[i] == line || i >= len(old) && line == "" {
			continue
		}
		// Cleared first: behind a line that fills the width the cursor stands on its end.
		fmt.Fprintf(&b, "\x1b[%d;1H%s%s", i+1, clearLine, line)
	}
	return b.String()
}
