package logging

import (
	"regexp"
	"strings"
)

// The shapes in which a secret stands in running text.
var (
	bearer = regexp.MustCompile(`(?i)\b(bearer)\s+[A-Za-z0-9._~+/=-]{16,}`)
	// assigned is a query or a form: token=...
	assigned = regexp.MustCompile(`(?i)((?:token|password|secret|authorization)=)[^\s"'&;,]+`)
	// quoted is JSON, plain or quoted once more: "token":"..."
	quoted = regexp.MustCompile(`(?i)((?:token|password|secret|authorization)\\?["']\s*:\s*\\?["'])[^"'\\]+`)
	// header is a header line. What follows must be long: "verify token: expired" is an
	// error that must stay readable.
	header = regexp.MustCompile(`(?i)((?:token|password|secret|authorization):\s*(?:basic\s+)?)[A-Za-z0-9._~+/=-]{16,}`)
	// userinfo is the user and password of a URL.
	userinfo = regexp.MustCompile(`(://)[^/\s"']*@`)
)

// maskText masks what looks like a secret inside text.
func maskText(s string) string {
	if len(s) < 6 {
		return s
	}
	if containsFold(s, "bearer") {
		s = bearer.ReplaceAllString(s, "$1 "+Masked)
	}
	if containsFold(s, "token") || containsFold(s, "password") || containsFold(s, "secret") ||
		containsFold(s, "authorization") {
		s = assigned.ReplaceAllString(s, "${1}"+Masked)
		s = quoted.ReplaceAllString(s, "${1}"+Masked)
		s = header.ReplaceAllString(s, "${1}"+Masked)
	}
	if strings.Contains(s, "://") && strings.Contains(s, "@") {
		s = userinfo.ReplaceAllString(s, "${1}"+Masked+"@")
	}
	return maskTokens(s)
}

// containsFold tells whether s contains the lower-case ASCII word in any case, without
// allocating: it runs on every string that is logged.
func containsFold(s, word string) bool {
	for i := 0; i+len(word) <= len(s); i++ {
		if (s[i]|0x20) == word[0] && strings.EqualFold(s[i:i+len(word)], word) {
			return true
		}
	}
	return false
}

// tokenLength is the length of 32 bytes in unpadded base64, the form of an instance's token.
const tokenLength = 43

// maskTokens masks every word that has the form of an instance's token: exactly as long,
// of the same alphabet, with capitals, small letters and digits. Of random tokens, one in
// a thousand lacks a digit and passes; no name that people give looks like one.
func maskTokens(s string) string {
	if len(s) < tokenLength {
		return s
	}
	var b strings.Builder
	done := 0 // s up to here is in b
	for i := 0; i < len(s); {
		start := i
		var upper, lower, digit bool
		for ; i < len(s) && tokenByte(s[i]); i++ {
			upper = upper || s[i] >= 'A' && s[i] <= 'Z'
			lower = lower || s[i] >= 'a' && s[i] <= 'z'
			digit = digit || s[i] >= '0' && s[i] <= '9'
		}
		if i-start == tokenLength && upper && lower && digit {
			b.WriteString(s[done:start])
			b.WriteString(Masked)
			done = i
		}
		if i < len(s) {
			i++
		}
	}
	if done == 0 {
		return s
	}
	b.WriteString(s[done:])
	return b.String()
}

func tokenByte(c byte) bool {
	return c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_'
}
