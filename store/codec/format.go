//go:build !nextformat

package codec

// Format is the number of the form that this build writes.
const Format = 1

// novelty is what the form has beyond the one before it.
type novelty struct{}

func (*novelty) fill() {}
