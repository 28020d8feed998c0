package procwatch

import (
	"bytes"
	"errors"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// linux looks at processes through /proc.
type linux struct{ boot, space string }

func machine() system {
	var m linux
	if text, err := os.ReadFile("/proc/sys/kernel/random/boot_id"); err == nil {
		m.boot = plain(strings.TrimSpace(string(text)))
	}
	// Containers share the boot, and count their processes each from 1.
	if link, err := os.Readlink("/proc/self/ns/pid"); err == nil {
		m.space = plain(link)
	}
	return m
}

// plain keeps what may stand in an identity.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9', r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r == '-':
			return r
		}
		return -1
	}, s)
}

func (m linux) here() (boot, space string) { return m.boot, m.space }

func (linux) look(pid int) (start string, s sight) {
	var buf [1024]byte
	n, err := readFile("/proc/"+strconv.Itoa(pid)+"/stat", buf[:])
	switch {
	case err == nil:
		return readStat(buf[:n])
	case errors.Is(err, unix.ESRCH): // it ended while it was read
		return "", gone
	case !errors.Is(err, unix.ENOENT):
		return "", unseen
	}
	// /proc may be missing, or be told to hide the processes of others.
	if errors.Is(unix.Kill(pid, 0), unix.ESRCH) {
		return "", gone
	}
	return "", unseen
}

// readFile reads a small file at once. Unlike os.ReadFile it does not offer the file to the
// runtime's poller, which thousands of looks a second would pay for.
func readFile(path string, into []byte) (n int, err error) {
	var fd int
	for {
		if fd, err = unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0); !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err != nil {
		return 0, err
	}
	for {
		if n, err = unix.Read(fd, into); !errors.Is(err, unix.EINTR) {
			break
		}
	}
	_ = unix.Close(fd)
	return max(n, 0), err
}

// The fields of /proc/PID/stat after the name, from 0, by proc_pid_stat(5).
const (
	statState   = 0
	statThreads = 17
	statStart   = 19
)

// readStat reads /proc/PID/stat.
func readStat(stat []byte) (start string, s sight) {
	// The state follows the name, which stands in brackets and may hold brackets and spaces.
	f := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(f) <= statStart {
		return "", unseen
	}
	switch f[statState][0] {
	case 'X', 'x':
		return "", gone
	case 'Z':
		// The first thread may have ended before the others, and then the process lives.
		if n, err := strconv.Atoi(string(f[statThreads])); err == nil && n <= 1 {
			return "", gone
		}
	}
	return string(f[statStart]), alive
}
