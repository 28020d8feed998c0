// Package requestid gives each request a name that its answer, its lines in the log and its
// lines in the audit log share, so that one can be found by the other.
//
// The name is the client's own, where it sends one that is fit to stand in a log, or else one
// made here. It is made only where it is needed: most requests are never told of.
package requestid

import (
	"crypto/rand"
	"net/http"

	"github.com/roster-sd/roster/wire"
)

// MaxLength is how long an ID may be, in bytes.
const MaxLength = 64

// Answer is the header of an answer, which keeps the ID of its request.
type Answer http.Header

// Accept takes the ID that a request came with into the header of its answer, if it is a good
// one. It comes before RequestID.
func Accept(answer, request http.Header) {
	if given := request[wire.HeaderRequestID]; len(given) == 1 && Valid(given[0]) {
		answer[wire.HeaderRequestID] = given
	}
}

// RequestID gives the ID of the request, the same each time, and makes it where there is none
// yet: from then on the answer carries it, unless its header has gone out. The first call must
// not be concurrent with anything else that uses the header.
func (h Answer) RequestID() string {
	if have := h[wire.HeaderRequestID]; len(have) > 0 {
		return have[0]
	}
	id := rand.Text()
	h[wire.HeaderRequestID] = []string{id}
	return id
}

// Valid tells whether a client's ID may stand in logs: 1 to 64 letters, digits and -._~:@+=/
func Valid(id string) bool {
	if id == "" || len(id) > MaxLength {
		return false
	}
	for i := range len(id) {
		switch c := id[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case c == '-', c == '.', c == '_', c == '~', c == ':', c == '@', c == '+', c == '=', c == '/':
		default:
			return false
		}
	}
	return true
}
