package logging

import (
	"encoding"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"unicode"
)

// guardJSON is the ReplaceAttr of the JSON handler: it masks secrets. JSON itself
// escapes control characters.
func guardJSON(groups []string, a slog.Attr) slog.Attr {
	if builtin(a) {
		return a
	}
	if secretValue(a) || slices.ContainsFunc(groups, secretName) {
		return slog.String(a.Key, Masked)
	}
	switch a.Value.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(maskText(a.Value.String()))
	case slog.KindAny:
		a.Value = maskAny(a.Value)
	}
	return a
}

// guardText is the ReplaceAttr of the text handler: it masks secrets, and takes the
// control characters out of everything, as the coloured handler passes escape sequences
// on to the terminal, even those that a value spells out as \x1b.
func guardText(groups []string, a slog.Attr) slog.Attr {
	if builtin(a) {
		return a
	}
	a = guardJSON(groups, a)
	switch a.Value.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(printable(a.Value.String()))
	case slog.KindAny:
		a.Value = slog.StringValue(printable(textOf(a.Value.Any())))
	}
	return a
}

// builtin tells whether the attribute is the handler's own time, level or source, or like
// them, which carry nothing secret.
func builtin(a slog.Attr) bool {
	switch a.Key {
	case slog.TimeKey:
		return a.Value.Kind() == slog.KindTime
	case slog.LevelKey:
		_, ok := a.Value.Any().(slog.Level)
		return ok
	case slog.SourceKey:
		_, ok := a.Value.Any().(*slog.Source)
		return ok
	}
	return false
}

// textOf gives the text of a value as fmt would, but for those that know their own.
func textOf(v any) (text string) {
	defer func() {
		// A value whose methods panic, such as a nil pointer, must not take the program along.
		if r := recover(); r != nil {
			text = fmt.Sprintf("!PANIC: %v", r)
		}
	}()
	switch v := v.(type) {
	case encoding.TextMarshaler:
		if b, err := v.MarshalText(); err == nil {
			return string(b)
		}
	case []byte:
		return string(v)
	}
	return fmt.Sprintf("%+v", v)
}

// printable replaces what a terminal could take for a command: every control character
// becomes its escaped form, and a spelled-out \x1b loses the spelling that the coloured
// handler turns into the character.
func printable(s string) string {
	if !strings.ContainsFunc(s, unprintable) && !strings.Contains(s, `\x1b`) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if unprintable(r) {
			fmt.Fprintf(&b, "<U+%04X>", r)
			continue
		}
		b.WriteRune(r)
	}
	return strings.ReplaceAll(b.String(), `\x1b`, `\x1B`)
}

// unprintable tells whether a rune is a control or format character; the latter could
// reorder a line (U+202E). Invalid UTF-8 reads as U+FFFD, which is harmless.
func unprintable(r rune) bool { return unicode.Is(unicode.C, r) && r != unicode.ReplacementChar }

// Guard is the guard of the JSON form, for streams of lines other than the log: it masks
// secrets in an attribute, as a slog.HandlerOptions.ReplaceAttr.
func Guard(groups []string, a slog.Attr) slog.Attr { return guardJSON(groups, a) }
