package cli

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/roster-sd/roster/wire"
)

// clean makes text of others' fit to be printed: what is no visible character, such as
// the escapes that command a terminal or the marks that turn the direction of writing,
// is spelled out.
func clean(s string) string {
	if strings.IndexFunc(s, hidden) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if hidden(r) {
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func hidden(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar }

// cleanLines is clean for text that may have several lines.
func cleanLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = clean(lines[i])
	}
	return strings.Join(lines, "\n")
}

// place gives address and port.
func place(in *wire.Instance) string {
	return clean(net.JoinHostPort(in.Address, strconv.Itoa(in.Port)))
}

// state gives the condition of an instance in a word or two, coloured.
func (e Env) state(in *wire.Instance) string {
	return e.paint(stateColour(in), condition(in))
}

func condition(in *wire.Instance) string {
	text := clean(in.State())
	switch in.Health {
	case "", "passing":
	default:
		text += " (" + clean(in.Health) + ")"
	}
	if in.Override != nil {
		text += " (override)"
	}
	return text
}

func stateColour(in *wire.Instance) string {
	switch {
	case in.Health == "failing", in.State() == "out_of_service":
		return red
	case in.State() == "up" && (in.Health == "" || in.Health == "passing"):
		return green
	}
	return yellow
}

// span gives a duration in its largest unit, as ages are spoken of.
func span(d time.Duration) string {
	switch d = max(d, 0); {
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", d/time.Hour)
	}
	return fmt.Sprintf("%dd", d/(24*time.Hour))
}

// since gives how long ago a moment was; nothing for one that is not set. A moment in
// the future, by the registry's clock, was now.
func (e Env) since(ms int64) string {
	if ms <= 0 {
		return ""
	}
	return span(e.Now().Sub(time.UnixMilli(ms)))
}

func (e Env) ago(ms int64) string {
	if s := e.since(ms); s != "" {
		return s + " ago"
	}
	return ""
}

// moment gives a point in time, without its date if that is today's.
func (e Env) moment(ms int64) string {
	now := e.Now()
	t := time.UnixMilli(ms).In(now.Location())
	if t.Year() == now.Year() && t.YearDay() == now.YearDay() {
		return t.Format(time.TimeOnly)
	}
	return t.Format(time.DateTime)
}

// millis gives a duration on the wire as people write it.
func millis(ms int64) string { return (time.Duration(ms) * time.Millisecond).String() }
