//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package devfile

import (
	"errors"
	"io/fs"
	"os"
	"strconv"
	"syscall"
)

// openFlags: no link is followed, and a pipe in the file's place holds nobody up.
const openFlags = syscall.O_NOFOLLOW | syscall.O_NONBLOCK

// euid gives the user of this process; tests put another in its place.
var euid = os.Geteuid

func user() string { return strconv.Itoa(euid()) }

// own tells whether the file belongs to the user of this process.
func own(st fs.FileInfo) bool {
	sys, ok := st.Sys().(*syscall.Stat_t)
	return ok && int(sys.Uid) == euid()
}

func writableByOthers(st fs.FileInfo) bool { return st.Mode().Perm()&0o022 != 0 }

// isLink tells whether err is how the system refuses to follow a link.
func isLink(err error) bool {
	return errors.Is(err, syscall.ELOOP) || errors.Is(err, syscall.EMLINK) // EMLINK: FreeBSD
}

// Alive tells whether a process of this user has the number and has not ended. A
// process that ended and was not waited for counts as ended, where the system tells.
func Alive(pid int) bool {
	if pid < 1 || pid > maxPID {
		return false
	}
	// EPERM would mean another user's process, which is not the one that wrote our file.
	return syscall.Kill(pid, 0) == nil && !ended(pid)
}
