package procwatch

import (
	"bytes"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// The main goroutine has the first thread for itself from the start, or never.
func init() {
	if os.Getenv(childVariable) == headless {
		runtime.LockOSThread()
	}
}

// endFirstThread ends the thread that called it, and leaves a goroutine that ends the process
// at the end of the input.
func endFirstThread() {
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	_, _, _ = unix.Syscall(unix.SYS_EXIT, 0, 0, 0)
}

// A process whose first thread has ended shows the state of one that has, and lives.
func TestFirstThreadEnds(t *testing.T) {
	both(t, func(t *testing.T, w *Watcher) {
		c := startAs(t, headless)
		eventually(t, "the first thread has ended", func() bool {
			stat, err := os.ReadFile("/proc/" + strconv.Itoa(c.pid()) + "/stat")
			return err == nil && bytes.Contains(stat, []byte(") Z "))
		})
		id := identified(t, w, c.pid())
		w.Watch(id)
		silent(t, w)
		c.kill()
		if got := told(t, w, 1); !slices.Equal(got, []Identity{id}) {
			t.Errorf("told of %q, want %q", got, id)
		}
	})
}
