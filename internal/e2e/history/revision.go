package history

import (
	"fmt"
	"strconv"
	"strings"
)

// Revision is a position as a client sees it: an epoch, which is compared for equality
// only, and a number, which is compared within one epoch.
type Revision struct {
	Epoch  string
	Number uint64
}

// ParseRevision reads <epoch>.<number>, behind which a node may have put a mark of its own,
// see [Marked]. The empty text is the zero revision.
func ParseRevision(s string) (Revision, error) {
	if s == "" {
		return Revision{}, nil
	}
	epoch, rest, _ := strings.Cut(s, ".")
	digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
	number, err := strconv.ParseUint(rest[:digits], 10, 64)
	if err != nil || epoch == "" {
		return Revision{}, fmt.Errorf("%q is no revision", s)
	}
	return Revision{Epoch: epoch, Number: number}, nil
}

// Marked tells whether a position has a mark: its node shows what the store does not hold.
func Marked(position string) bool { return strings.Contains(position, "~") }

// IsZero tells that there is none.
func (r Revision) IsZero() bool { return r == Revision{} }

func (r Revision) String() string { return r.Epoch + "." + strconv.FormatUint(r.Number, 10) }

// after tells whether r is later than other in the same epoch.
func (r Revision) after(other Revision) bool {
	return r.Epoch == other.Epoch && r.Number > other.Number
}

func serviceOf(name string) string {
	service, _, _ := strings.Cut(name, "/")
	return service
}
