package catalog

import (
	"errors"
	"strconv"
	"strings"

	"github.com/roster-sd/roster/store"
)

// Position is where a view stands: a revision of the store, and a mark while the view shows
// what the store does not hold at that revision. Positions are compared for equality. One
// without a mark means the same on every node; one with a mark is only its own node's.
type Position struct {
	store.Revision
	Mark Mark
}

// Mark tells apart what one node has shown at one revision. The zero Mark is none: the view
// is the store's.
type Mark struct {
	Node  uint64 // random, of the Catalog that gave it
	Count uint64 // grows with every change of what is shown and not held
}

// Pure is the position of a view that is the store's own.
func Pure(rev store.Revision) Position { return Position{Revision: rev} }

// IsPure tells whether the position means the same on every node.
func (p Position) IsPure() bool { return p.Mark == Mark{} }

// String gives the wire form: that of the revision and, for a mark, ~<node>.<count>, the
// node in base 36, the count in decimal.
func (p Position) String() string { return string(p.Append(make([]byte, 0, 72))) }

// Append appends the wire form to dst.
func (p Position) Append(dst []byte) []byte {
	dst = p.Revision.Append(dst)
	if p.IsPure() {
		return dst
	}
	dst = strconv.AppendUint(append(dst, '~'), p.Mark.Node, 36)
	return strconv.AppendUint(append(dst, '.'), p.Mark.Count, 10)
}

var errPosition = errors.New("a position reads <epoch>.<number> or <epoch>.<number>~<node>.<count>")

// ParsePosition reads the wire form. Like [store.ParseRevision] it takes one spelling only.
func ParsePosition(s string) (Position, error) {
	if len(s) > 80 {
		return Position{}, errPosition
	}
	i := strings.IndexByte(s, '~')
	if i < 0 {
		rev, err := store.ParseRevision(s)
		return Pure(rev), err
	}
	text, mark := s[:i], s[i+1:]
	rev, err := store.ParseRevision(text)
	if err != nil {
		return Position{}, errPosition
	}
	p := Pure(rev)
	// A mark has the form of a revision: a number in base 36 and one in decimal.
	m, err := store.ParseRevision(mark)
	if err != nil || m.IsZero() {
		return Position{}, errPosition
	}
	p.Mark = Mark{Node: m.Epoch, Count: m.Number}
	return p, nil
}
