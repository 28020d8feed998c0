//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package devfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// Holder gives the process that holds the lock in dir, 0 where nobody does.
func Holder(dir string) (pid int, err error) {
	data, err := os.ReadFile(lockPath(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("look at lock: %w", err)
	}
	if pid, err = strconv.Atoi(strings.TrimSpace(string(data))); err != nil || !Alive(pid) {
		return 0, nil
	}
	return pid, nil
}
