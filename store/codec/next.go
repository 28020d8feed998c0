//go:build nextformat

package codec

// Format is the number of the form that this build writes: the one that tests of an
// upgrade call the next.
const Format = 2

// novelty is what the form has beyond the one before it: a member that an older build does
// not know and must not lose.
type novelty struct {
	Next string `json:"next,omitzero"`
}

func (n *novelty) fill() { n.Next = "kept" }
