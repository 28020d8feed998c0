//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package devfile

import (
	"io/fs"
	"os"
)

// On these systems, Windows above all, the directory for temporary files is the user's
// own, so the file in it is too.

const openFlags = 0

func user() string { return "user" }

func own(fs.FileInfo) bool { return true }

func writableByOthers(fs.FileInfo) bool { return false }

func isLink(error) bool { return false }

// Alive tells whether a process has the number.
func Alive(pid int) bool {
	if pid < 1 || pid > maxPID {
		return false
	}
	p, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	_ = p.Release() // it only lets go of the handle
	return true
}
