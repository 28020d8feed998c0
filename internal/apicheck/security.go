package apicheck

import (
	"net/http"
	"strings"
)

// requirement is what one alternative of an operation's security asks for, all together.
type requirement []credential

// credential tells whether a request carries what a security scheme asks for.
type credential func(*http.Request) bool

// credentialOf reads a security scheme. A certificate is a matter of the connection, which
// is not there yet when a request is checked, and of the handshake, which refuses without.
func credentialOf(scheme node) credential {
	switch kind := scheme.get("type").text(); {
	case kind == "apiKey" && scheme.get("in").text() == "header":
		name := scheme.get("name").text()
		return func(r *http.Request) bool { return r.Header.Get(name) != "" }
	case kind == "http":
		prefix := scheme.get("scheme").text() + " "
		return func(r *http.Request) bool {
			given := r.Header.Get("Authorization")
			return len(given) > len(prefix) && strings.EqualFold(given[:len(prefix)], prefix)
		}
	case kind == "mutualTLS":
		return func(*http.Request) bool { return true }
	}
	return func(*http.Request) bool { return false }
}

func authenticated(op *operation, r *http.Request) bool {
	if len(op.security) == 0 {
		return true
	}
alternatives:
	for _, all := range op.security {
		for _, shown := range all {
			if !shown(r) {
				continue alternatives
			}
		}
		return true
	}
	return false
}
