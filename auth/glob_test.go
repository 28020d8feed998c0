package auth_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/roster-sd/roster/auth"
)

// naiveMatch is the meaning of a pattern, in the fewest words.
func naiveMatch(pattern, s []rune) bool {
	if len(pattern) == 0 {
		return len(s) == 0
	}
	if pattern[0] == '*' {
		return naiveMatch(pattern[1:], s) || len(s) > 0 && naiveMatch(pattern, s[1:])
	}
	return len(s) > 0 && (pattern[0] == '?' || pattern[0] == s[0]) && naiveMatch(pattern[1:], s[1:])
}

func TestGlob(t *testing.T) {
	tests := []struct {
		pattern, s string
		want       bool
	}{
		{"orders", "orders", true},
		{"orders", "orders2", false},
		{"orders", "order", false},
		{"user*", "user-admin", true},
		{"user-*", "user", false},
		{"*", "", true},
		{"*", "spiffe://a/b/c", true},
		{"**", "a", true},
		{"?", "", false},
		{"?", "a", true},
		{"?", "ä", true},
		{"?", "ab", false},
		{"??*", "a", false},
		{"??*", "ab", true},
		{"*a", "ba", true},
		{"*a", "ab", false},
		{"*ab*ab", "abab", true},
		{"*ab*ab", "ab", false},
		{"a*b?c*d", "axxbcd", false},
		{"a*b?c*d", "axxbbycd", true},
		{"spiffe://example.org/*/orders", "spiffe://example.org/ns/prod/orders", true},
		{"spiffe://example.org/*/orders", "spiffe://example.org/orders", false},
		{"[ab]", "a", false},
		{"[ab]", "[ab]", true},
		{`\*`, "*", false},
		{"{a,b}", "a", false},
	}
	for _, tt := range tests {
		g, err := auth.ParseGlob(tt.pattern)
		if err != nil {
			t.Fatalf("%q: %v", tt.pattern, err)
		}
		if g.String() != tt.pattern {
			t.Errorf("%q: String gives %q", tt.pattern, g)
		}
		if got := g.Match(tt.s); got != tt.want {
			t.Errorf("%q on %q: got %v", tt.pattern, tt.s, got)
		}
		if naive := naiveMatch([]rune(tt.pattern), []rune(tt.s)); naive != tt.want {
			t.Errorf("%q on %q: the naive matcher says %v", tt.pattern, tt.s, naive)
		}
	}
}

func TestParseGlobRefuses(t *testing.T) {
	for _, pattern := range []string{"", "a\n", "a\x00b", "a\xff", "a\ufffd", strings.Repeat("a", 2049)} {
		if _, err := auth.ParseGlob(pattern); err == nil {
			t.Errorf("%.20q: taken", pattern)
		}
	}
}

// With backtracking over every star this takes longer than the universe is old.
func TestGlobOfManyStarsEnds(t *testing.T) {
	g, err := auth.ParseGlob(strings.Repeat("*a", 500) + "*b")
	if err != nil {
		t.Fatal(err)
	}
	s := strings.Repeat("a", 2000)
	start := time.Now()
	if g.Match(s) {
		t.Fatal("matched")
	}
	if d := time.Since(start); d > 30*time.Second {
		t.Fatalf("took %v", d)
	}
}

func FuzzGlob(f *testing.F) {
	f.Add("a*b?c*d", "axxbybycd")
	f.Add("*ab*ab", "abab")
	f.Add("*?*?", "ä")
	f.Add("?", "\xff")
	f.Fuzz(func(t *testing.T, pattern, s string) {
		// The naive matcher is exponential: keep to what it can do.
		if strings.Count(pattern, "*") > 5 || len(pattern) > 40 || len(s) > 40 {
			t.Skip("too long for the naive matcher")
		}
		g, err := auth.ParseGlob(pattern)
		if err != nil {
			if pattern != "" && utf8.ValidString(pattern) && strings.Trim(pattern, "abcdefghijklmnopqrstuvwxyz*?/:.-_") == "" {
				t.Fatalf("%q: %v", pattern, err)
			}
			return
		}
		if got, want := g.Match(s), naiveMatch([]rune(pattern), []rune(s)); got != want {
			t.Fatalf("%q on %q: got %v, want %v", pattern, s, got, want)
		}
	})
}
