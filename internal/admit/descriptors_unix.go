//go:build unix

package admit

import "syscall"

// Descriptors is how many files and connections this process may have open; 0: it is not known.
func Descriptors() int {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return 0
	}
	if l.Cur > 1<<30 { // no limit, as some systems put it
		return 1 << 30
	}
	return int(l.Cur)
}
