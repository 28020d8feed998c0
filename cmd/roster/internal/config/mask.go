package config

import "strings"

// Masked stands where a secret would have been shown.
const Masked = "[masked]"

// mask takes secrets out of a value: all of it if the key names a secret, and whatever
// stands before the @ in an address or a URL. The path of a password's file is no secret.
func mask(k *Key, s string) string {
	if s == "" {
		return s
	}
	for _, secret := range []string{"password", "secret", "token"} {
		if strings.HasSuffix(k.Name, secret) {
			return Masked
		}
	}
	scheme, rest, isURL := strings.Cut(s, "://")
	if isURL {
		scheme += "://"
	} else if k.address {
		scheme, rest = "", s
	} else {
		return s
	}
	// A password may hold an @ or a slash, so the last @ ends it.
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		rest = Masked + rest[i:]
	}
	if k.address {
		if i := strings.IndexByte(rest, '?'); i >= 0 {
			rest = rest[:i+1] + Masked
		}
	}
	return scheme + rest
}

// maskValue masks text, and each item of a list.
func maskValue(k *Key, v any) any {
	switch v := v.(type) {
	case string:
		return mask(k, v)
	case []string:
		masked := make([]string, len(v))
		for i := range v {
			masked[i] = mask(k, v[i])
		}
		return masked
	}
	return v
}
