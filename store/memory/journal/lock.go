package journal

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// ErrInUse is for a journal that another process has open, or this one a second time.
var ErrInUse = errors.New("in use by another process")

// errHeld is what the systems' take gives for a lock that somebody has.
var errHeld = errors.New("held")

const lockSuffix = ".lock"

// lock takes the lock of the journal at path, and notes this process in it.
func lock(path string) (*os.File, error) {
	name := path + lockSuffix
	f, err := take(name)
	if errors.Is(err, errHeld) {
		return nil, fmt.Errorf("%s is %w%s", path, ErrInUse, holder(name))
	}
	if err != nil {
		return nil, err
	}
	// For whoever finds it held; without it the lock holds as well.
	if f.Truncate(0) == nil {
		_, _ = f.WriteString(strconv.Itoa(os.Getpid()) + "\n")
	}
	return f, nil
}

// holder tells which process is noted in a lock, as far as that can be read.
func holder(name string) string {
	text, err := os.ReadFile(name)
	if err != nil {
		return ""
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return ""
	}
	return fmt.Sprintf(" (%d)", pid)
}
