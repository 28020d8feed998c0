package auth

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Glob is a pattern over a whole string: "*" is any run of characters, the empty one and
// one with slashes too, "?" is exactly one character, and every other character is
// itself. There are no classes, braces or escapes. The zero Glob matches the empty
// string. A Glob may be used from many goroutines.
type Glob struct {
	pattern string
	// head is what stands before the first wildcard; tail is the rest, from it on.
	head, tail string
}

const maxGlob = 2048

// ParseGlob reads a pattern. It refuses what cannot have been meant: an empty pattern,
// and characters that no name has.
func ParseGlob(pattern string) (Glob, error) {
	switch {
	case pattern == "":
		return Glob{}, errors.New("an empty pattern matches nothing")
	case len(pattern) > maxGlob:
		return Glob{}, fmt.Errorf("pattern longer than %d bytes", maxGlob)
	case !utf8.ValidString(pattern):
		return Glob{}, errors.New("pattern is not UTF-8")
	}
	for _, r := range pattern {
		if !unicode.IsPrint(r) || r == utf8.RuneError {
			return Glob{}, fmt.Errorf("character %q in the pattern", r)
		}
	}
	g := Glob{pattern: pattern, head: pattern}
	if i := strings.IndexAny(pattern, "*?"); i >= 0 {
		g.head, g.tail = pattern[:i], pattern[i:]
	}
	return g, nil
}

// String gives the pattern.
func (g Glob) String() string { return g.pattern }

// Match tells whether the pattern covers the whole of s. It allocates nothing and takes
// at most as many steps as the lengths of both multiplied: after a "*" only the last one
// is ever moved, since whatever an earlier one could give, the last can give too.
func (g Glob) Match(s string) bool {
	if !strings.HasPrefix(s, g.head) {
		return false
	}
	p, s := g.tail, s[len(g.head):]
	if p == "" {
		return s == ""
	}
	if p == "*" {
		return true
	}
	afterStar, retry := "", "" // the pattern behind the last "*", and where it is tried next
	star := false
	for s != "" {
		if p != "" && p[0] == '*' {
			p = p[1:]
			afterStar, retry, star = p, s, true
			continue
		}
		if p != "" {
			want, m := utf8.DecodeRuneInString(p)
			got, n := utf8.DecodeRuneInString(s)
			if want == '?' || want == got {
				p, s = p[m:], s[n:]
				continue
			}
		}
		if !star {
			return false
		}
		_, n := utf8.DecodeRuneInString(retry)
		retry = retry[n:]
		p, s = afterStar, retry
	}
	return strings.Trim(p, "*") == ""
}
