package config

import (
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

func (v *validator) auth(a *Auth) {
	if a.TokenTTL < 0 || a.TokenTTL > 0 && a.TokenTTL < time.Second {
		v.add("auth.token_ttl", "%s is neither 0, for ever, nor at least 1s", formatDuration(a.TokenTTL))
	}
	if a.RotationGrace < 0 {
		v.add("auth.rotation_grace", "%s is less than 0", formatDuration(a.RotationGrace))
	}
	if len(a.Identity) == 0 {
		v.add("auth.identity", "names no source: nobody would have an identity")
	}
	for i, source := range a.Identity {
		if !slices.Contains(find("auth.identity").OneOf, source) {
			v.add(indexed("auth.identity", i), "%q is not one of uri, dns, cn", source)
		} else if slices.Contains(a.Identity[:i], source) {
			v.add(indexed("auth.identity", i), "%q is given twice", source)
		}
	}
	v.services("auth.services", a.Services)
	for i, rule := range a.Policies {
		key := indexed("auth.policies", i)
		if problem := patternProblem(rule.Identity); problem != "" {
			v.add(key+".identity", "%q %s", rule.Identity, problem)
		}
		if len(rule.Register) == 0 && len(rule.Discover) == 0 && !rule.Admin {
			v.add(key, "allows nothing: give register, discover or admin: true")
		}
		v.services(key+".register", rule.Register)
		v.services(key+".discover", rule.Discover)
		v.networks(key+".check_cidrs", &rule)
	}
}

// services checks patterns of service names.
func (v *validator) services(key string, patterns []string) {
	for i, p := range patterns {
		problem := patternProblem(p)
		if problem == "" && strings.IndexFunc(p, notInService) >= 0 {
			problem = "can match no service: names have A-Z, a-z, 0-9 and ._- only, patterns * and ? too"
		}
		if problem != "" {
			v.add(indexed(key, i), "%q %s", p, problem)
		}
	}
}

func notInService(r rune) bool {
	return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("._-*?", r)
}

// patternProblem says what no pattern may be.
func patternProblem(p string) string {
	const most = 2048 // as of auth.ParseGlob
	switch {
	case p == "":
		return "matches nothing: give a pattern"
	case len(p) > most:
		return "is longer than 2048 bytes"
	case !utf8.ValidString(p) || strings.ContainsFunc(p, func(r rune) bool { return !unicode.IsPrint(r) }):
		return "has characters that no name has"
	}
	return ""
}
