package store

import (
	"errors"
	"strconv"
	"strings"
)

// Revision is a position in the history of a store. Numbers are comparable only within
// one epoch; the epoch is random, compared for equality only, and changes when the
// backend lost or rewrote its past.
type Revision struct {
	Epoch  uint64
	Number uint64
}

// IsZero tells whether the revision is unset; no store ever gives it.
func (r Revision) IsZero() bool { return r == Revision{} }

// Before tells whether r is an earlier position than other in the same epoch. It is
// false across epochs: there is no order between them.
func (r Revision) Before(other Revision) bool {
	return r.Epoch == other.Epoch && r.Number < other.Number
}

// String gives the wire form, <epoch>.<number>: the epoch in base 36, the number in decimal.
func (r Revision) String() string { return string(r.Append(make([]byte, 0, 24))) }

// Append appends the wire form to dst.
func (r Revision) Append(dst []byte) []byte {
	dst = strconv.AppendUint(dst, r.Epoch, 36)
	dst = append(dst, '.')
	return strconv.AppendUint(dst, r.Number, 10)
}

var errRevision = errors.New("a revision reads <epoch>.<number>")

// ParseRevision reads the wire form. It accepts exactly what [Revision.String] makes,
// so that equal revisions have one spelling.
func ParseRevision(s string) (Revision, error) {
	epoch, number, ok := strings.Cut(s, ".")
	if !ok || len(s) > 40 {
		return Revision{}, errRevision
	}
	e, err := strconv.ParseUint(epoch, 36, 64)
	if err != nil {
		return Revision{}, errRevision
	}
	n, err := strconv.ParseUint(number, 10, 64)
	if err != nil {
		return Revision{}, errRevision
	}
	r := Revision{Epoch: e, Number: n}
	if r.String() != s {
		return Revision{}, errRevision
	}
	return r, nil
}
