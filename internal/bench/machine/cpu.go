package machine

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// CPUTime is the CPU time of all threads of a process, to the nanosecond, where the kernel
// tells: see "schedstat" in the documentation of Linux, "Scheduler Statistics". A thread that
// ended is not in it; those of Go's runtime stay.
func CPUTime(pid int) (time.Duration, error) {
	names, err := filepath.Glob(filepath.Join("/proc", strconv.Itoa(pid), "task", "*", "schedstat"))
	if err != nil || len(names) == 0 {
		return 0, fmt.Errorf("CPU time of process %d: %w", pid, errors.ErrUnsupported)
	}
	var sum time.Duration
	for _, name := range names {
		text, err := os.ReadFile(name)
		if errors.Is(err, os.ErrNotExist) {
			continue // it has ended since
		}
		if err != nil {
			return 0, fmt.Errorf("CPU time of process %d: %w", pid, err)
		}
		first, _, _ := bytes.Cut(text, []byte(" "))
		ns, err := strconv.ParseInt(string(first), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("CPU time of process %d: %w", pid, err)
		}
		sum += time.Duration(ns)
	}
	return sum, nil
}
