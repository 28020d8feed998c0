package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/roster-sd/roster/internal/devfile"
)

// TestDetach: roster dev in the background, in words and exit status.
func TestDetach(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stdout, stderr, code := w.run("dev", "--detach")
	info := w.found()
	if want := fmt.Sprintf("Roster is running on http://%s (process %d). roster stop ends it.\n", info.Address(), info.PID); code != 0 || stdout != want || stderr != "" {
		t.Errorf("exit status %d, %q, messages %q; want %q", code, stdout, stderr, want)
	}
	already := fmt.Sprintf("Roster is running already on http://%s (process %d).\n", info.Address(), info.PID)
	if out, _, code := w.run("dev", "--detach"); code != 1 || out != already {
		t.Errorf("a second time: exit status %d, %q", code, out)
	}
	if out, _, code := w.run("dev", "--detach", "--if-needed"); code != 0 || out != already {
		t.Errorf("if needed: exit status %d, %q", code, out)
	}
	// What goes wrong in the background is said in the foreground.
	other := newWorld(t)
	_, stderr, code = other.run("dev", "--detach", "--port", fmt.Sprint(info.Port))
	if !regexp.MustCompile(`^roster: start local registry: listen: 127\.0\.0\.1:\d+ is in use by another program; give another --port, or none for a free one\n$`).MatchString(stderr) || code != 1 {
		t.Errorf("exit status %d, messages %q", code, stderr)
	}
	if left := other.files(); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if _, stderr, code := w.run("dev", "--idle-stop", "-1s"); code != 2 || !strings.Contains(stderr, "must not be negative") {
		t.Errorf("exit status %d, messages %q", code, stderr)
	}
}

// TestIdleStop: a registry that nobody uses ends by itself, orderly.
func TestIdleStop(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, _ := w.dev("--idle-stop", "300ms")
	if code := p.wait(); code != 0 {
		t.Errorf("exit status %d", code)
	}
	if !strings.Contains(p.err.String(), "nobody uses this registry any more, ending") {
		t.Errorf("its log: %s", &p.err)
	}
	// Nobody stopped it: whoever had used it may start it again, as one that was killed.
	if left := w.files(); len(left) != 1 || filepath.Base(left[0]) != devfile.Name {
		t.Errorf("left behind: %v", left)
	}
	if _, _, err := devfile.Read(w.temp); !errors.Is(err, devfile.ErrStale) {
		t.Errorf("the discovery file: %v", err)
	}
}
