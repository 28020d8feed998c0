//go:build unix

package devstart

import (
	"io/fs"
	"os"
	"syscall"
)

// noFollow: a link that somebody puts there at the last moment is not followed, and a pipe
// holds nobody up.
const noFollow = syscall.O_NOFOLLOW | syscall.O_NONBLOCK

// ours tells whether the file belongs to the user of this process.
func ours(st fs.FileInfo) bool {
	sys, ok := st.Sys().(*syscall.Stat_t)
	return ok && int(sys.Uid) == os.Geteuid()
}
