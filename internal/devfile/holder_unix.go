//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package devfile

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strconv"
)

// Holder gives the process of this user that holds the lock in dir, 0 where nobody does or
// where it has not yet written its number. A discovery file that names another process is
// one that a registry left behind.
func Holder(dir string) (pid int, err error) {
	held, err := Held(dir)
	if err != nil || !held {
		return 0, err
	}
	file, err := openPlain(lockPath(dir), os.O_RDONLY)
	if err != nil {
		return 0, fmt.Errorf("look at lock: %w", err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, 32))
	if err != nil {
		return 0, fmt.Errorf("look at lock: %w", err)
	}
	pid, err = strconv.Atoi(string(bytes.TrimSpace(text)))
	if err != nil || !Alive(pid) {
		return 0, nil // of one before this holder, or half written
	}
	return pid, nil
}
