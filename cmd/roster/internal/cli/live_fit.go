package cli

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/jedib0t/go-pretty/v6/text"
)

// maxMarks is how many marks that take no place of their own, such as accents, may stand
// on a character. Dozens of them on one grow over the lines above and below.
const maxMarks = 2

// plain makes text of others' fit for a cell: clean, and without towers of marks.
func plain(s string) string {
	s = clean(s)
	ascii := true
	for i := range len(s) {
		ascii = ascii && s[i] < 0x80
	}
	if ascii {
		return s
	}
	var b strings.Builder
	marks := 0
	for _, r := range s {
		if marks++; !unicode.Is(unicode.M, r) {
			marks = 0
		}
		if marks <= maxMarks {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// columnsOf gives how many columns text takes on a terminal, at the most: one that joins
// characters into one needs fewer.
func columnsOf(s string) int { return text.StringWidthWithoutEscSequences(s) }

// fit cuts text without escapes to a width, with an ellipsis where something is missing.
func fit(s string, width int) string {
	switch {
	case width <= 0:
		return ""
	case columnsOf(s) <= width:
		return s
	}
	return text.Trim(s, width-1) + "…"
}

// squeeze is fit for names, which differ at their end as often as at their beginning: the
// ellipsis stands in the middle.
func squeeze(s string, width int) string {
	if columnsOf(s) <= width || width < 6 {
		return fit(s, width)
	}
	tail := []rune(s)
	for n := (width - 1) / 2; columnsOf(string(tail)) > n; {
		tail = tail[1:]
	}
	for len(tail) > 0 && unicode.Is(unicode.M, tail[0]) {
		tail = tail[1:] // a mark without what it stood on
	}
	return text.Trim(s, width-1-columnsOf(string(tail))) + "…" + string(tail)
}

// pad fills text with spaces up to a width.
func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(width-columnsOf(s), 0))
}

// age gives a duration in its two largest units, 7 columns at the most below 27 years.
func age(d time.Duration) string {
	switch d = max(d, 0); {
	case d < time.Minute:
		return span(d)
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", d/time.Minute, d%time.Minute/time.Second)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%dd%02dh", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
}

// before gives how long ago a moment in Unix milliseconds was; nothing for one that is not set.
func before(ms int64, now time.Time) string {
	if ms <= 0 {
		return ""
	}
	return span(now.Sub(time.UnixMilli(ms))) + " ago"
}
