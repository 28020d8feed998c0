//go:build !linux

package procwatch

// pidfds is what only Linux has.
type pidfds struct{}

func openPidfds() *pidfds { return nil }

func (*pidfds) add(int) (fd int, token uint64, ok, scarce bool) { return 0, 0, false, false }

func (*pidfds) remove(int) {}

func (*pidfds) wait(func(uint64)) {}

func (*pidfds) close() {}

func openFiles() int { return 0 }
