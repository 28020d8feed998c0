//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package devfile

// ended: these systems tell only through calls that the standard library lacks.
func ended(int) bool { return false }
